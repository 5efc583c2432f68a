"""`daemon`: reconcile until told to stop. The text comes from a directory that is watched, or from a branch that is polled.

What the daemon is told on the command line is read here and put together in `daemon_run`; what it does is in
`reconciler.daemon`.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from reconciler.cli import groups
from reconciler.cli.oidc import OidcFlags, oidc_options
from reconciler.cli.options import Common, RunOptions, common, run_options, runs_hooks
from reconciler.cli.order_options import OrderFlags, orders_options
from reconciler.cli.remotes import GitFlags, git_options
from reconciler.store.opening import default_url
from reconciler.telemetry.logs import LogFormat, LogLevel, configure
from reconciler.web.listening import Address, parse_address

_EXTRA = "the daemon needs packages that are not installed: install odoo-fleet[daemon]"


@groups.command(
    "odoo-fleet daemon --fleet fleet", "odoo-fleet daemon --git https://git.example.com/ops/fleet.git --branch main"
)
@git_options
@click.option(
    "--interval",
    type=click.FloatRange(min=1),
    default=300.0,
    metavar="SECONDS",
    help="How often each server is looked at when nothing else happens (default: 300).",
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default="127.0.0.1:9469",
    help="Where /healthz, /readyz, /metrics and /ask are served, or none (default: 127.0.0.1:9469).",
)
@click.option("--api", is_flag=True, help="Serve the API there as well, at /api/v1, to whoever has a token.")
@click.option("--page", is_flag=True, help="Serve the page there as well, at /, to whoever logs in with a token.")
@click.option("--metrics-per-instance", is_flag=True, help="Metrics per instance as well: for hundreds, not thousands.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where the store and the clone are kept (default: .odoo-fleet beside the fleet).",
)
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=30.0,
    metavar="SECONDS",
    help="How long running calls may take to end after SIGTERM or Ctrl-C (default: 30).",
)
@orders_options
@oidc_options
@run_options
@runs_hooks
@common("text", log_level="info")
def command(
    common: Common,
    options: RunOptions,
    *,
    git: GitFlags,
    interval: float,
    listen: str,
    api: bool,
    page: bool,
    metrics_per_instance: bool,
    data: Path | None,
    grace: float,
    orders: OrderFlags,
    oidc: OidcFlags,
) -> int:
    """Reconcile until told to stop: at each change of the text, and on a timer.

    SIGHUP reads the text and looks at all servers now. SIGTERM and Ctrl-C begin nothing new and wait for what runs, for
    --grace seconds; a second one does not wait. A text that is not valid is never taken: the last valid one stays in force.
    """
    address = _address(listen)
    git.check(address)
    if (api or page) and (address is None or options.store == "none"):
        lacking = "an address: not with --listen none" if address is None else "tokens: not with --store none"
        raise click.UsageError(f"{'--api' if api else '--page'} needs {lacking}")
    oidc.check(has_page=page)
    orders.check(has_remote=bool(git.url), is_served=api or page, signed_only=git.signed_only)
    log = configure(cast("LogFormat", common.log_format), cast("LogLevel", common.log_level))
    try:
        from reconciler.cli.daemon_run import DaemonRun  # noqa: PLC0415 -- the extra `daemon`
        from reconciler.telemetry.metrics import Metrics  # noqa: PLC0415 -- see above
    except ModuleNotFoundError as missing:
        raise click.ClickException(f"{_EXTRA} ({missing.name} is missing)") from None
    store_url = options.store or (
        f"sqlite:///{data.absolute() / 'state.sqlite'}" if data else default_url(common.fleet)
    )
    place = data or Path(default_url(common.fleet).removeprefix("sqlite:///")).parent
    run = DaemonRun(
        common,
        options,
        log,
        Metrics(per_instance=metrics_per_instance),
        store_url,
        place,
        interval,
        address,
        grace,
        api,
        page,
        orders,
        oidc,
    )
    return run.main(git)


def _address(listen: str) -> Address | None:
    if listen == "none":
        return None
    try:
        return parse_address(listen)
    except ValueError as error:
        raise click.UsageError(f"--listen: {error}") from None
