"""Orders: what is asked of the API becomes a commit on the branch that the daemon follows, or on one that people merge.

What waits is carried out together, each order as a commit of its own and one push for all, in a thread and within limits of time:
no round waits for git. An order that bears a key says so in its commit, where a restart and another daemon find it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from secrets import token_hex

from reconciler.access.roles import Role
from reconciler.access.tokens import Actor
from reconciler.editing.fleet_text import AlreadyThere, FileDraft, FleetText, NoSuchDocument
from reconciler.editing.patches import changes_of, literals, of_the_machine, without_nothing
from reconciler.editing.problems import field_of
from reconciler.editing.spans import CannotEdit
from reconciler.fleet.counting import count
from reconciler.fleet.desired import Desired
from reconciler.fleet.diagnostics import Severity
from reconciler.fleet.documents import dotted
from reconciler.git.commands import GitUnusable
from reconciler.git.committing import KEY, BranchMoved, Noted, NotWritable, ProposedCommit, Unproven
from reconciler.git.source import GitSource
from reconciler.git.writing import Result, Signature, Tip, Wanted
from reconciler.loading.fleet_directory import Loaded
from reconciler.web.orders import Order, Ordered, Wish
from reconciler.web.problem_details import FieldProblem, RequestRefused
from schemas.document import Document

ORDER_SECONDS = 20.0
"""How long whoever ordered is kept waiting; a connection lasts no longer than 30 s."""

_AGAIN = "; ask again with the same Idempotency-Key"
_SOON = {"Retry-After": "5"}
_KIND = "instance"
_FILE, _CODE, _REQUEST = "Order-File", "Order-Code", "Order-Request"


@dataclass(slots=True)
class _Waiting:
    """An order that was taken in, and its answer to come; `is_new` once it is more than what was found."""

    order: Order
    actor: Actor
    answer: asyncio.Future[Ordered]
    begun: bool = False
    found: Ordered | None = None
    is_new: bool = False


@dataclass(slots=True)
class Orders:
    """Takes orders.

    Args:
        git: the branch that the daemon follows.
        signature: whose name the commits bear.
        apart: whether each order gets a branch of its own, for people to merge.
        taken: codes that a new instance is not given, such as names of databases that are there.
        done: told of each that changed the text.
    """

    git: GitSource
    signature: Signature
    apart: bool
    taken: Callable[[], Collection[str]] = tuple
    done: Callable[[Order, Actor, Ordered], None] = lambda _order, _actor, _done: None
    _waiting: list[_Waiting] = field(default_factory=list)
    _working: asyncio.Task[None] | None = None
    _text: _Text | None = None

    def prepare(self) -> None:
        """Begin to read the text, so that the first order waits for it no longer than the next one does."""
        if self._working is None:
            self._working = asyncio.create_task(self._read_first())

    async def _read_first(self) -> None:
        with contextlib.suppress(Exception):  # whoever orders is told
            await self.git.write(self.signature, [Wanted(self._read_at, self._made)])
        await self._work()

    def _read_at(self, tip: Tip) -> None:
        self._at(tip)

    async def place(self, order: Order, actor: Actor) -> Ordered:
        """Carry out an order.

        Raises:
            RequestRefused: it cannot be done, or it is not known whether it was.
        """
        mine = _Waiting(order, actor, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        try:
            async with asyncio.timeout(ORDER_SECONDS):
                return await asyncio.shield(mine.answer)
        except TimeoutError:
            if mine.begun:
                why = f"the remote does not answer within {ORDER_SECONDS:.0f} s: the order may be done all the same{_AGAIN}"
                raise RequestRefused(503, why, _SOON) from None
            with contextlib.suppress(ValueError):
                self._waiting.remove(mine)
            raise RequestRefused(
                503, "too many orders wait before this one: nothing was done; ask again", _SOON
            ) from None

    async def _work(self) -> None:
        """Carry out what waits, until nothing does."""
        while self._waiting:
            batch, self._waiting = self._waiting, []
            for each in batch:
                each.begun = True
            taken = frozenset(self.taken())
            try:
                results = await self.git.write(self.signature, [self._wanted(each, taken) for each in batch])
            except Exception as error:  # noqa: BLE001 -- whoever ordered is told, and the next ones are carried out
                results = [error for _ in batch]
            for each in batch[len(results) :]:
                each.begun = False
            self._waiting = [*batch[len(results) :], *self._waiting]
            for result, each in zip(results, batch, strict=False):
                if isinstance(result, str) and each.is_new and each.found is not None:
                    each.found = replace(each.found, commit=result)
                    self.done(each.order, each.actor, each.found)
                _answer(each, result)

    def _wanted(self, waiting: _Waiting, taken: Collection[str]) -> Wanted:
        key = hashlib.sha256(waiting.order.key.encode()).hexdigest() if waiting.order.key else token_hex(32)
        branch = f"orders/{key[:16]}" if self.apart else ""
        target = branch or self.git.branch

        def make(tip: Tip) -> ProposedCommit | None:
            waiting.found, waiting.is_new = None, False
            if waiting.order.key and (noted := tip.find(key)) is not None:
                waiting.found = _as_before(noted, waiting.order, target)
                return None
            text = self._at(tip)
            draft = text.draft(waiting.order, waiting.actor, taken)
            file = "" if draft is None else self.git.path_of(text.fleet.relative(draft))
            code = waiting.order.code if draft is None else draft.code
            waiting.found, waiting.is_new = (
                Ordered(code, tip.commit, target, file, changed=draft is not None),
                draft is not None,
            )
            if draft is None:
                return None
            trailers = {_FILE: _one_line(file), _CODE: code, KEY: key, _REQUEST: waiting.order.digest}
            return ProposedCommit(
                file, draft.before, draft.after, _message(waiting.order, waiting.actor, code), trailers
            )

        return Wanted(make, self._made, branch)

    def _at(self, tip: Tip) -> _Text:
        """Return the text as it is at a tip; what this daemon wrote last is known without being read."""
        if self._text is None:
            self._text = _Text(FleetText(tip.lay_out()), tip.commit)
        elif self._text.commit != tip.commit:
            self._text.fleet.read(tip.lay_out())
            self._text.commit = tip.commit
        self._text.pending = None
        return self._text

    def _made(self, commit: str) -> None:
        assert self._text is not None, "what was made was thought of"
        self._text.made(commit)


@dataclass(slots=True)
class _Text:
    """The text at a commit, and what is about to be written on top of it."""

    fleet: FleetText
    commit: str
    pending: tuple[FileDraft, Loaded] | None = None

    def made(self, commit: str) -> None:
        """Take what was about to be written for written."""
        if self.pending is not None:
            self.fleet.take(*self.pending)
            self.commit, self.pending = commit, None

    def draft(self, order: Order, actor: Actor, taken: Collection[str]) -> FileDraft | None:
        """Return what an order writes, judged with the whole fleet; None if the text says so already.

        Raises:
            RequestRefused: it is not valid, or cannot be written.
        """
        desired = self.fleet.loaded.desired
        if desired is None:
            problem = next(d for d in self.fleet.loaded.diagnostics if d.severity is Severity.ERROR)
            raise RequestRefused(
                409, f"the text on the branch is not valid as it is: put it right first: {self._named(str(problem))}"
            )
        try:
            draft = self._drafted(order, desired, taken)
        except NoSuchDocument as error:
            raise RequestRefused(404, str(error)) from None
        except AlreadyThere as error:
            raise RequestRefused(409, str(error)) from None
        except CannotEdit as error:
            raise RequestRefused(409 if order.wish is not Wish.CREATE else 422, str(error)) from None
        if not draft.is_change:
            return None
        loaded = self.fleet.judge(draft)
        if loaded.desired is None:
            raise self._wrong(draft, loaded)
        former = desired.instances.get(draft.code)
        _check_secrets(order, actor, loaded.desired.instances[draft.code], former)
        self.pending = (draft, loaded)
        return draft

    def _drafted(self, order: Order, desired: Desired, taken: Collection[str]) -> FileDraft:
        if order.wish is Wish.CREATE:
            return self.fleet.added(_KIND, without_nothing(order.fields), taken)
        if order.code not in desired.instances:
            raise NoSuchDocument("the fleet has no instance of this code")
        changes = changes_of(self.fleet.document(_KIND, order.code), order.fields)
        return self.fleet.edited(_KIND, order.code, [*changes])

    def _wrong(self, draft: FileDraft, loaded: Loaded) -> RequestRefused:
        errors = [d for d in loaded.diagnostics if d.severity is Severity.ERROR]
        found = tuple(
            FieldProblem(
                field=field_of(draft, each) or "body",
                problem=self._named(f"{each.code}: {each.message}" + (f" ({each.hint})" if each.hint else "")),
            )
            for each in errors
        )
        number = count(len(found), "problem")
        return RequestRefused(422, f"the fleet would not be valid with it: {number}; nothing was written", errors=found)

    def _named(self, said: str) -> str:
        return said.replace(f"{self.fleet.root}/", "")


def _check_secrets(order: Order, actor: Actor, document: Document, former: Document | None) -> None:
    """Refuse a secret that stands in the text itself, and from all but admins what names files and variables of this machine.

    Whoever may order could otherwise have any file of the machine made some database's password.
    """
    for name in order.fields:
        now, before = getattr(document, name, None), getattr(former, name, None)
        if found := next(literals(now, (name,)), None):
            raise RequestRefused(
                422,
                "a secret is named, never written: nothing was written",
                errors=(FieldProblem(field=dotted(found), problem="holds the secret itself: write {derived: {}}"),),
            )
        known = {*of_the_machine(before, (name,))}
        new = [path for path, where in of_the_machine(now, (name,)) if (path, where) not in known]
        if new and not actor.role.may(Role.ADMIN):
            raise RequestRefused(
                403, f"{dotted(new[0])} names a file or variable of the daemon's machine: this needs the role admin"
            )


def _as_before(noted: Noted, order: Order, branch: str) -> Ordered:
    """Return what was answered to an order, out of its commit."""
    if noted.trailers.get(_REQUEST) != order.digest:
        raise RequestRefused(422, "this Idempotency-Key was used for another order: nothing was done; use a new one")
    return Ordered(noted.trailers.get(_CODE, ""), noted.commit, branch, noted.trailers.get(_FILE, ""), changed=True)


def _message(order: Order, actor: Actor, code: str) -> str:
    subjects = {
        Wish.CREATE: f"Add {_KIND}/{code}",
        Wish.CHANGE: f"Change {_KIND}/{code}: {', '.join(sorted(order.fields))}",
        Wish.END: f"End {_KIND}/{code}",
    }
    by = f"Ordered by {_one_line(actor.token.called)}, {actor.role}."
    return f"{_one_line(subjects[order.wish])}\n\n{by}"


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:200]


def _answer(waiting: _Waiting, result: Result) -> None:
    if waiting.answer.done():
        return
    if isinstance(result, Exception):
        waiting.answer.set_exception(_refusal(result))
        waiting.answer.exception()  # whoever ordered may have gone
    elif waiting.found is not None:
        waiting.answer.set_result(waiting.found)


def _refusal(error: Exception) -> Exception:
    match error:
        case RequestRefused():
            return error
        case BranchMoved():
            why = "others changed the text at the same moment, again and again: nothing was done; look at it and ask again"
            return RequestRefused(409, why, _SOON)
        case NotWritable():
            return RequestRefused(409, str(error))
        case Unproven():
            return RequestRefused(503, f"{error}{_AGAIN}", _SOON)
        case GitUnusable():
            return RequestRefused(503, f"{error}; nothing was done", _SOON)
    return error
