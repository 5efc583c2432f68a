"""`daemon`: reconcile until told to stop. The text comes from a directory that is watched, or from a branch that is polled.

What the daemon is told on the command line is put together here; what it does is in `reconciler.daemon`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from reconciler.cli import fleets, groups, interrupts
from reconciler.cli.given import NotGiven, secret_at
from reconciler.cli.oidc import OidcFlags, make_login, oidc_options
from reconciler.cli.operators import who_runs
from reconciler.cli.options import Common, RunOptions, common, run_options, runs_hooks
from reconciler.cli.order_options import OrderFlags, make_orders, orders_options
from reconciler.cli.refusals import telling
from reconciler.cli.remotes import GitFlags, git_options
from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.fleet.desired import Desired
from reconciler.notices.events import CallEvent, Event
from reconciler.store.opening import default_url, open_store
from reconciler.telemetry.logs import Log, LogFormat, LogLevel, configure
from reconciler.web.listening import Address, parse_address
from reconciler.wiring import Reach, SystemClock, SystemNonces, open_worlds
from schemas.secrets import Secret

if TYPE_CHECKING:
    from starlette.routing import Route

    from reconciler.daemon.daemon import Daemon
    from reconciler.daemon.sources import TextSource
    from reconciler.telemetry.metrics import Metrics

_EXTRA = "the daemon needs packages that are not installed: install odoo-fleet[daemon]"


@groups.command(
    "odoo-fleet daemon --fleet fleet",
    "odoo-fleet daemon --git https://git.example.com/ops/fleet.git --branch main",
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
    help="Where /healthz, /readyz and /metrics are served, or none (default: 127.0.0.1:9469).",
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
        from reconciler.telemetry.metrics import Metrics  # noqa: PLC0415 -- the extra `daemon`
        from reconciler.web.serving import CannotListen  # noqa: PLC0415 -- see above
    except ModuleNotFoundError as missing:
        raise click.ClickException(f"{_EXTRA} ({missing.name} is missing)") from None
    store_url = options.store or (
        f"sqlite:///{data.absolute() / 'state.sqlite'}" if data else default_url(common.fleet)
    )
    place = data or Path(default_url(common.fleet).removeprefix("sqlite:///")).parent
    run = _DaemonRun(
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
    with telling(CannotListen):
        return run.main(git)


def _address(listen: str) -> Address | None:
    if listen == "none":
        return None
    try:
        return parse_address(listen)
    except ValueError as error:
        raise click.UsageError(f"--listen: {error}") from None


@dataclass(frozen=True, slots=True)
class _DaemonRun:
    """One run of the command. `stop` and `abandon` are the two steps of its end (`interrupts.Ending`)."""

    common: Common
    options: RunOptions
    log: Log
    metrics: Metrics
    store_url: str
    data: Path
    interval: float
    address: Address | None
    grace: float
    api: bool
    page: bool
    orders: OrderFlags
    oidc: OidcFlags
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    abandoning: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def main(self, git: GitFlags) -> int:
        """Run; exit code 0 if it ended as it was told to."""
        _allow_descriptors()
        source = self._branch(git) if git.url else self._directory()
        interrupts.run(self._serve(source, git), self)
        return 0

    def stop(self) -> None:
        """Begin nothing new, and say so: what runs may take long enough for people to press Ctrl-C again."""
        self.stopping.set()
        detail = f"nothing new begins; what runs gets {self.grace:g} s (a second signal: none)"
        self.log.logger.info("stopping", detail=detail)

    def abandon(self) -> None:
        """Wait no longer; where it has ended already there is nothing to wait for."""
        if not (self.abandoning.is_set() or self.ended.is_set()):
            self.abandoning.set()
            self.log.logger.info("waiting-no-longer", detail="hosts may go on with what runs")

    def _directory(self) -> TextSource:
        from reconciler.daemon.watched_directories import DirectorySource  # noqa: PLC0415 -- only this command needs it

        return DirectorySource(self.common.fleet)

    def _branch(self, git: GitFlags) -> TextSource:
        from reconciler.daemon.branches import BranchSource  # noqa: PLC0415 -- see above
        from reconciler.git.revisions import GitUnusable  # noqa: PLC0415 -- see above
        from reconciler.git.source import GitOptions, GitSource  # noqa: PLC0415 -- see above

        try:
            options = GitOptions(
                url=git.url,
                branch=git.branch,
                path=git.path,
                directory=self.data / "git",
                token=_token_at(git.token) if git.token else None,
                ssh_key=git.ssh_key,
                known_hosts=git.known_hosts,
                signed_only=git.signed_only,
                allowed_signers=git.allowed_signers,
            )
            return BranchSource(GitSource(options), self.data / "fleet", git.poll, SystemNonces())
        except GitUnusable as error:
            raise click.UsageError(f"--git: {error}") from error

    async def _serve(self, source: TextSource, git: GitFlags) -> None:
        """Run the daemon, and its pages beside it."""
        from reconciler.daemon.daemon import Daemon  # noqa: PLC0415 -- see `_directory`
        from reconciler.daemon.systemd import Systemd  # noqa: PLC0415 -- see `_directory`

        urls = dict(fleets.urls(self.options))
        reach = Reach(self.common.fleet, os.environ, urls, on_call=self._on_call, commands=self.options.commands or ())
        ran_by = who_runs()
        listeners: list[Callable[[Event], None]] = [self.log.log_event, self.metrics.on_event]

        def emit(event: Event) -> None:
            for listener in listeners:
                listener(event)

        async with open_worlds(reach, emit) as make_world:
            daemon = Daemon(
                source=source,
                make_world=make_world,
                open_store=lambda code: open_store(self.store_url, code),
                clock=SystemClock(),
                interval=self.interval,
                systemd=Systemd(),
                listeners=[self.log.log_notice, self.metrics.on_notice],
                on_defect=self._on_defect,
                on_pass=self.metrics.on_pass,
                choose=self._choose,
                stop=self.stopping,
                abandon=self.abandoning,
                ran_by=ran_by,
            )
            listeners.append(daemon.on_event)
            self.log.ran = lambda: {"by": ran_by, **({"revision": at} if (at := daemon.standing.revision) else {})}
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(self._on_loop_failed)
            loop.add_signal_handler(signal.SIGHUP, daemon.poke)
            if self.address is None:
                await daemon.run()
            else:
                await self._with_pages(daemon, self.address, git)
            self.ended.set()

    async def _with_pages(self, daemon: Daemon, address: Address, git: GitFlags) -> None:
        from reconciler.daemon.views import DaemonView  # noqa: PLC0415 -- see `_directory`
        from reconciler.web.app import make_app  # noqa: PLC0415 -- see `_directory`
        from reconciler.web.serving import serve  # noqa: PLC0415 -- see `_directory`

        if not address.is_loopback:
            self.log.logger.warning("listening-beyond-this-machine", address=str(address))
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            routes, following = self._doors(daemon, group) if self.api or self.page else ([], None)
            calls = self._webhooks(daemon, git) if git.webhook_secret else []
            app = make_app(DaemonView(daemon, self.metrics), [*routes, *calls])
            group.create_task(serve(app, address.host, address.port, over, self._on_listening, self._on_page_failed))
            try:
                await daemon.run()
            finally:
                over.set()
                if following:
                    following.cancel()

    def _doors(self, daemon: Daemon, group: asyncio.TaskGroup) -> tuple[list[Route], asyncio.Task[None]]:
        """Return what is served to who has a token, and the task that keeps it up to date."""
        from reconciler.daemon.boards import DaemonBoard  # noqa: PLC0415 -- see `_directory`
        from reconciler.web.api import api_routes  # noqa: PLC0415 -- see `_directory`
        from reconciler.web.doors import Doorkeeper  # noqa: PLC0415 -- see `_directory`

        board = DaemonBoard(daemon, orders=make_orders(self.orders, daemon.source))
        door = Doorkeeper(board)
        routes = api_routes(board, door) if self.api else []
        if self.page:
            from reconciler.web.page.pages import page_routes  # noqa: PLC0415 -- Jinja only for the page

            routes += page_routes(board, door, make_login(self.oidc, board.now, self._on_login_failed))
        return routes, group.create_task(board.follow())

    def _webhooks(self, daemon: Daemon, git: GitFlags) -> list[Route]:
        """Return what git servers call after a push."""
        from reconciler.daemon.boards import DaemonBoard  # noqa: PLC0415 -- see `_directory`
        from reconciler.web.attempts import Attempts  # noqa: PLC0415 -- see `_directory`
        from reconciler.web.webhooks import Webhooks  # noqa: PLC0415 -- see `_directory`

        value = secret_at(git.webhook_secret, "--webhook-secret", "the secret of webhooks")

        def secret() -> Secret | None:
            try:
                return value()
            except NotGiven as error:
                self.log.logger.warning("webhook-secret-missing", detail=str(error))
                return None

        attempts = Attempts(DaemonBoard(daemon).limited, "secrets")
        return Webhooks(secret, git.branch, daemon.source.poke, attempts).routes()

    def _choose(self, desired: Desired) -> Limits:
        from reconciler.daemon.texts import Refusal  # noqa: PLC0415 -- see `_directory`

        try:
            selection = fleets.selection(desired, self.options)
            fleets.server_urls(desired, self.options)
        except click.UsageError as error:
            raise Refusal(error.message) from error
        depth = Depth.of(desired, shallow=self.options.shallow, code=True)
        return Limits(selection=selection, depth=depth, commands=self.options.commands)

    def _on_call(self, call: CallEvent) -> None:
        self.log.log_call(call)
        self.metrics.on_call(call)

    def _on_defect(self, server: str, error: Exception) -> None:
        self.log.logger.error("defect", server=server, exc_info=error)

    def _on_listening(self, host: str, port: int) -> None:
        self.log.logger.info("listening", address=str(Address(host, port)))

    def _on_loop_failed(self, _loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        """Log what asyncio would write to stderr in a form of its own: what the machine denies without a traceback."""
        error = context.get("exception")
        is_denied = isinstance(error, OSError)
        detail = f"{context['message']}: {error}" if is_denied else str(context["message"])
        self.log.logger.error("loop-failed", detail=detail, exc_info=None if is_denied else error)

    def _on_login_failed(self, why: str) -> None:
        self.log.logger.warning("login-failed", detail=why)

    def _on_page_failed(self, error: BaseException) -> None:
        self.log.logger.error("page-failed", exc_info=error)


def _allow_descriptors() -> None:
    """Take as many descriptors as may be had: 1,024, which shells and systemd begin with, is little for many servers."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # where the system refuses, what there is must do
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _token_at(reference: str) -> Callable[[], Secret]:
    from reconciler.git.revisions import GitUnusable  # noqa: PLC0415 -- see `_DaemonRun._directory`

    value = secret_at(reference, "--git-token", "the token of the remote")

    def read() -> Secret:
        try:
            return value()
        except NotGiven as error:
            raise GitUnusable(str(error)) from None

    return read
