"""What carries out each verb, a module a subject. All are loaded with the package, so that each verb has its handler."""

from reconciler.engine.carrying_out import adopting as adopting
from reconciler.engine.carrying_out import configuring as configuring
from reconciler.engine.carrying_out import ending as ending
from reconciler.engine.carrying_out import making as making
from reconciler.engine.carrying_out import moving as moving
from reconciler.engine.carrying_out import passwords as passwords
from reconciler.engine.carrying_out import rebuilding as rebuilding
from reconciler.engine.carrying_out import removing as removing
from reconciler.engine.carrying_out import replacing as replacing
from reconciler.engine.carrying_out import server_moves as server_moves
from reconciler.engine.carrying_out import server_states as server_states
from reconciler.engine.carrying_out import support as support
from reconciler.engine.carrying_out import uninstalling as uninstalling
from reconciler.engine.carrying_out import upgrading as upgrading
