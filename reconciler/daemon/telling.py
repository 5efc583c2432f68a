"""Says each notice once to everyone who listens: the log, the metrics, the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.core.model.failures import MemoryFailure
from reconciler.engine.ports import Aside, InLine
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.store.opening import AnyStore

_EARLY = 100
"""How many notices wait for the store to be opened: a fleet that is not valid for months must not fill the memory."""


@dataclass(slots=True)
class Teller:
    """Tells notices.

    Args:
        now: the time of day.
        listeners: told of every notice; they do not raise.
        keeper: where they are kept; None until the store is open.
        aside: where the keeper's calls are made.
    """

    now: Callable[[], datetime]
    listeners: list[Callable[[Notice], None]] = field(default_factory=list)
    keeper: AnyStore | None = None
    aside: Aside = field(default_factory=InLine)
    _store_failing: bool = False
    _early: list[tuple[Notice, datetime]] = field(default_factory=list)

    def keep_in(self, keeper: AnyStore, aside: Aside) -> None:
        """Keep notices from now on, and those that were told before there was a place for them."""
        self.keeper, self.aside = keeper, aside
        early, self._early = self._early, []
        for notice, at in early:
            self._keep(keeper, notice, at)

    def tell(self, notice: Notice) -> None:
        """Tell one. A store that fails is told once, until it works again."""
        self.spread(notice)
        if self.keeper is None:
            self._early = [*self._early[-_EARLY:], (notice, self.now())]
        else:
            self._keep(self.keeper, notice, self.now())

    def spread(self, notice: Notice) -> None:
        """Tell one that is kept already to everyone else."""
        for listener in self.listeners:
            listener(notice)

    def _keep(self, keeper: AnyStore, notice: Notice, at: datetime) -> None:
        def kept(_: None) -> None:
            self._store_failing = False

        self.aside.tell(lambda: keeper.record_notice(notice, at), self.store_failed, kept)

    def store_failed(self, failure: MemoryFailure) -> None:
        """Tell that the store cannot be used; nothing else tells where history goes missing."""
        if self._store_failing:
            return
        self._store_failing = True
        self.spread(Notice(NoticeName.STORE_FAILED, Level.ERROR, str(failure)))
