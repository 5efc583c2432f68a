"""One run of `daemon`: its source, its worlds, its pages put together, and what it is told by signals.

Loaded where the command runs: it needs the extra `daemon`.
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
from typing import Any

import click
from starlette.routing import Route

from reconciler.cli import fleets, interrupts
from reconciler.cli.given import NotGiven, secret_at
from reconciler.cli.oidc import OidcFlags, make_login
from reconciler.cli.operators import who_runs
from reconciler.cli.options import Common, RunOptions
from reconciler.cli.order_options import OrderFlags
from reconciler.cli.refusals import telling
from reconciler.cli.remotes import GitFlags
from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.daemon.boards import DaemonBoard
from reconciler.daemon.branches import BranchSource
from reconciler.daemon.daemon import Daemon
from reconciler.daemon.orders import Orders
from reconciler.daemon.sources import TextSource
from reconciler.daemon.systemd import Systemd
from reconciler.daemon.texts import Refusal
from reconciler.daemon.views import DaemonView
from reconciler.daemon.watched_directories import DirectorySource
from reconciler.fleet.desired import Desired
from reconciler.git.revisions import GitUnusable
from reconciler.git.source import GitOptions, GitSource
from reconciler.notices.events import CallEvent, Event
from reconciler.store.opening import open_store
from reconciler.telemetry.logs import Log
from reconciler.telemetry.metrics import Metrics
from reconciler.web.api import api_routes
from reconciler.web.app import make_app
from reconciler.web.attempts import Attempts
from reconciler.web.doors import Doorkeeper
from reconciler.web.listening import Address
from reconciler.web.serving import CannotListen, serve
from reconciler.web.webhooks import Webhooks
from reconciler.wiring import Reach, SystemClock, SystemNonces, open_worlds
from schemas.secrets import Secret


@dataclass(frozen=True, slots=True)
class DaemonRun:
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
        with telling(CannotListen):
            _allow_descriptors()
            source = self._branch(git) if git.url else DirectorySource(self.common.fleet)
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

    def _branch(self, git: GitFlags) -> TextSource:
        what = "the token of the remote"
        try:
            options = GitOptions(
                url=git.url,
                branch=git.branch,
                path=git.path,
                directory=self.data / "git",
                token=secret_at(git.token, "--git-token", what, GitUnusable) if git.token else None,
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
        board = DaemonBoard(daemon, orders=_orders(self.orders, daemon.source))
        door = Doorkeeper(board)
        routes = api_routes(board, door) if self.api else []
        if self.page:
            from reconciler.web.page.pages import page_routes  # noqa: PLC0415 -- Jinja only for the page

            routes += page_routes(board, door, make_login(self.oidc, board.now, self._on_login_failed))
        return routes, group.create_task(board.follow())

    def _webhooks(self, daemon: Daemon, git: GitFlags) -> list[Route]:
        """Return what git servers call after a push."""
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


def _orders(flags: OrderFlags, source: TextSource) -> Orders | None:
    """Return what takes orders for a source; None where none are taken."""
    if flags.mode is None:
        return None
    assert isinstance(source, BranchSource), "orders are taken of a branch alone"
    return Orders(source.git, flags.signature(), apart=flags.mode == "branch")
