"""`adopt`: the decision, in an instance or a template, to take over a database that this fleet did not build."""

from pydantic import Field

from schemas.document import Part
from schemas.references import KeyReference
from schemas.texts import Line


class Adoption(Part):
    """The decision to take over the database of this name, with what opens it now; no other is made while the line stands."""

    admin_login: Line | None = Field(
        default=None,
        description="Login that its account `base.user_admin` has now. Left out: the document's own `admin_login`.",
        examples=["admin"],
    )
    admin_password: KeyReference | None = Field(
        default=None,
        description="Password that this account has now, or an API key of it. Replaced by the document's own "
        "`admin_password` as it is taken over. Left out: it has that already.",
        examples=[{"env": "ACME_ADMIN"}],
    )
