"""The comment on a pull request: what a reviewer sees in ten seconds, what is folded, and where it is cut."""

# ruff: noqa: E501 -- the lines of a snapshot are as long as what they show

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from inline_snapshot import snapshot

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.changesets import Blocked, Changeset, Left, LeftAlone, MetHook
from reconciler.fleet.desired import Desired
from reconciler.reports.changeset_markdown import LIMIT, marker, render_changeset_markdown
from reconciler.reports.markdown import length
from tests.harness.universe import fleet, instance, read

SERVERS = {"prod-1": "19.0", "prod-2": "19.0"}


def world(*instances: str) -> Desired:
    return read(fleet(*instances, servers=SERVERS))


def clone(code: str, server: str = "prod-1") -> Action:
    return Action(verbs.CLONE, "instance", code, server, Reason.DECLARED, "template_base", code)


def configure(code: str, *changes: tuple[str, str, str], server: str = "prod-1") -> Action:
    fields = tuple(FieldChange(*change) for change in changes)
    return Action(verbs.CONFIGURE, "instance", code, server, Reason.CHANGED, code, code, fields)


def suspend(code: str, server: str = "prod-1") -> Action:
    return Action(verbs.SUSPEND, "instance", code, server, Reason.DECLARED, code, f"suspended.{code}")


def test_a_new_fleet() -> None:
    desired = world(instance("acme", partner="Acme SA"), instance("bistro", name="Bistro Roma", state="suspended"))
    changeset = Changeset(
        (
            Action(verbs.ACTIVATE, "server", "prod-1", "prod-1", Reason.DECLARED),
            Action(verbs.CREATE, "template", "base", "prod-1", Reason.DECLARED, "", "template_base"),
            clone("acme"),
            Action(verbs.CLONE, "instance", "bistro", "prod-1", Reason.DECLARED, "template_base", "suspended.bistro"),
        )
    )
    assert render_changeset_markdown(changeset, desired) == snapshot("""\
<!-- odoo-fleet plan: demo -->
### Plan for fleet `demo`

**Plan: 1 to activate, 1 to create, 2 to clone.**

- **Concerned:** 2 customers: **Acme SA** (`acme`), **Bistro Roma** (`bistro`)

#### `prod-1`

| Who | What happens | Why |
|---|---|---|
| server `prod-1` | tested, then put to use | new: its tests come first |
| template `base` | database `template_base` created | new |
| **Acme SA** (`acme`) | new database `acme`, cloned from `template_base` | new |
| **Bistro Roma** (`bistro`) | new database `bistro`, cloned from `template_base`, **suspended** | new |
""")


def test_a_busy_day() -> None:
    desired = world(
        instance("acme", partner="Acme SA"),
        instance("bistro", name="Bistro Roma"),
        instance("cafe", name="Café d'Été", renamed_from="kaffee"),
        instance("dodo", partner="Dodo & Sons"),
        instance("eden"),
    )
    changeset = Changeset(
        (
            configure(
                "acme",
                ("company", "Acme", "Acme SA"),
                ("lang", "en_US", "fr_BE"),
                ("mark.digest", "1", "2"),
                ("modules.crm", "not installed", "installed"),
                ("parameters.sale.terms", "not set", "30 days | net"),
            ),
            suspend("bistro"),
            Action(verbs.RENAME, "instance", "cafe", "prod-2", Reason.RENAMED, "kaffee", "switching.cafe"),
            configure("cafe", ("company", "Kaffee", "Café d'Été"), server="prod-2"),
            Action(verbs.RESUME, "instance", "cafe", "prod-2", Reason.RENAMED, "switching.cafe", "cafe"),
            Action(
                verbs.SWEEP, "server", "prod-2", "prod-2", Reason.ABANDONED_BUILD, "building-202601010000abcde.fox", ""
            ),
        ),
        (Blocked("instance", "dodo", "prod-2", "server prod-2 is full: max_instances is 3", "see `odoo-fleet place`"),),
        (
            LeftAlone(
                "prod-1", "oldie", "once ours, no longer declared: `state: absent` is how it is removed", Left.ORPHAN
            ),
        ),
        foreign=2,
    )
    assert render_changeset_markdown(changeset, desired) == snapshot("""\
<!-- odoo-fleet plan: demo -->
### Plan for fleet `demo`

**Plan: 1 to rename, 1 to suspend, 1 to resume, 2 to change, 1 to sweep; 1 blocked; 1 database left alone; 2 of others.**

> [!WARNING]
> **1 customer goes out of reach:** **Bistro Roma** (`bistro`)

> [!WARNING]
> **1 customer is out of reach while it is renamed:** **Café d'Été** (`cafe`); for how long is not known yet

- **Concerned:** 3 customers: **Acme SA** (`acme`), **Bistro Roma** (`bistro`), **Café d'Été** (`cafe`)
- **Waiting:** 1 customer, see what is blocked
- **Not touched:** 1 other customer, 1 database left alone, 2 databases of others

#### Blocked

- **Dodo &amp; Sons** (`dodo`): server prod-2 is full: `max_instances` is 3
  **What to do:** see `odoo-fleet place`

#### `prod-1`

| Who | What happens | Why |
|---|---|---|
| **Bistro Roma** (`bistro`) | **out of reach**: suspended, its data kept | declared suspended |
| **Acme SA** (`acme`) | 4 values change: `company`, `lang`, `modules.crm` and 1 more | its text changed |

#### `prod-2`

| Who | What happens | Why |
|---|---|---|
| **Café d'Été** (`cafe`) | database renamed: `kaffee` → `cafe`; `company`: `Kaffee` → `Café d'Été`; back in service | it was renamed, its text changed |
| unfinished build `building-202601010000abcde.fox` | dropped | an unfinished build past its limit |

#### Left alone

- `oldie` on `prod-1`: once ours, no longer declared: `state: absent` is how it is removed

<details><summary>Details of <code>prod-1</code></summary>

- **Acme SA** (`acme`)
  - `company`: `Acme` → `Acme SA`
  - `lang`: `en_US` → `fr_BE`
  - `modules.crm`: not installed → installed
  - `parameters.sale.terms`: not set → <code>30 days &#124; net</code>

</details>
""")


def test_nothing_to_do() -> None:
    assert render_changeset_markdown(Changeset(), world(instance("acme"))) == snapshot("""\
<!-- odoo-fleet plan: demo -->
### Plan for fleet `demo`

**No changes. 1 instance, 1 template on 2 servers match.**
""")


def test_many_who_are_changed_alike_are_one_line() -> None:
    codes = [f"shop-{number:03}" for number in range(1, 501)]
    desired = world(*(instance(code, name=f"Shop {code[-3:]}") for code in codes), instance("acme"))
    changes = [configure(code, ("parameters.limit", "5", "10")) for code in codes]
    changes.append(configure("acme", ("parameters.limit", "7", "10")))
    page = render_changeset_markdown(Changeset(tuple(changes)), desired)
    assert page.partition("<details>")[0] == snapshot("""\
<!-- odoo-fleet plan: demo -->
### Plan for fleet `demo`

**Plan: 501 to change.**

- **Concerned:** 501 customers: **Shop 001** (`shop-001`), **Shop 002** (`shop-002`), **Shop 003** (`shop-003`), **Shop 004** (`shop-004`), **Shop 005** (`shop-005`), **Shop 006** (`shop-006`), **Shop 007** (`shop-007`), **Shop 008** (`shop-008`), **Shop 009** (`shop-009`), **Shop 010** (`shop-010`) and 491 more

#### `prod-1`

| Who | What happens | Why |
|---|---|---|
| **Shop 001** (`shop-001`), **Shop 002** (`shop-002`), **Shop 003** (`shop-003`), **Shop 004** (`shop-004`), **Shop 005** (`shop-005`) and 495 more | `parameters.limit`: `5` → `10` | its text changed |
| `acme` | `parameters.limit`: `7` → `10` | its text changed |

""")
    assert "**Shop 500** (`shop-500`)" in page
    assert "Cut here" not in page


def all_different(number: int) -> tuple[Desired, Changeset]:
    codes = [f"shop-{each:04}" for each in range(number)]
    desired = world(*(instance(code, name=f"Shop {code[-4:]}") for code in codes))
    return desired, Changeset(tuple(configure(code, ("company", code, f"{code} 🏪 Ltd")) for code in codes))


@pytest.mark.parametrize("number", [700, 900, 2000])
def test_a_page_that_is_too_long_is_cut_and_says_what_is_missing(number: int) -> None:
    desired, changeset = all_different(number)
    page = render_changeset_markdown(changeset, desired)
    assert length(page) <= LIMIT < 65_536
    shown = page.count("| its text changed |")
    assert page.splitlines()[-1] == (
        f"> **Cut here:** {number - shown} of {number} actions not shown, because a comment may not be longer than 65,535"
        " characters. `odoo-fleet plan` shows all."
    )
    assert length(page) > LIMIT - 1000


@pytest.mark.parametrize("limit", [1500, 2000, 4000])
def test_details_are_cut_before_rows_and_nothing_stays_open(limit: int) -> None:
    codes = ["one", "two", "three", "four"]
    changes = [(f"parameters.p{number}", "1", "2") for number in range(9)]
    desired = world(*(instance(code) for code in codes))
    changeset = Changeset(tuple(configure(code, *changes, (f"parameters.{code}", "1", "2")) for code in codes))
    page = render_changeset_markdown(changeset, desired, limit=limit)
    assert length(page) <= limit
    assert page.count("<details>") == page.count("</details>")
    if "| `four` |" not in page:
        assert "<details>" not in page


@pytest.mark.parametrize("left", [(), (LeftAlone("prod-1", "oldie", "once ours", Left.ORPHAN),)])
def test_hooks_that_are_cut_are_counted_like_all_else(left: tuple[LeftAlone, ...]) -> None:
    hooks = tuple(MetHook("before", f"https://shop.example/{number}", (f"clone {number}",)) for number in range(100))
    page = render_changeset_markdown(Changeset(left_alone=left, hooks=hooks), world(), limit=3000)
    shown = page.count("https://shop.example/")
    assert 0 < shown < 100
    databases = ", 1 database left alone" if left else ""
    assert page.splitlines()[-1] == (
        f"> **Cut here:** {100 - shown} hooks{databases} not shown, because a comment may not be longer than 3,000"
        " characters. `odoo-fleet plan` shows all."
    )


HOSTILE = "@ops | <b>x</b> `y` [z](https://evil.example) #1\n/close"


def everywhere(text: str) -> Changeset:
    return Changeset(
        (configure("acme", ("company", text, text), (f"parameters.{text}", text, text), ("lang", text, text)),),
        (Blocked("instance", "acme", "prod-1", text, text), Blocked("instance", "acme", "prod-1", f"`{text}`", "")),
        (LeftAlone("prod-1", text, text, Left.ORPHAN),),
    )


def hostile_fleet() -> Desired:
    return world(instance("acme", partner="'@ops | <b>x</b> `y` [z](https://evil.example) #1'"))


@pytest.mark.parametrize("render", [hostile_fleet, lambda: world(instance("acme"))])
def test_no_text_of_files_or_hosts_is_obeyed(render: Callable[[], Desired]) -> None:
    page = render_changeset_markdown(everywhere(HOSTILE), render(), scope=f"only {HOSTILE}")
    outside = outside_of_code(page)
    for sign in ("@", "<b>", "](", "://", "#1", "evil"):
        assert sign not in outside, sign
    assert not any(line.startswith("/") for line in page.splitlines())


def outside_of_code(page: str) -> str:
    """Drop the code spans and our own `<code>`: what stays is where sites look for names, numbers and addresses."""
    assert not re.search(r"^(?:```|~~~|    )", page, re.MULTILINE)
    kept = re.sub(r"`[^`\n]*`", "", page)
    return re.sub(r"<code>.*?</code>", "", kept)


def test_a_long_value_and_a_long_answer_are_shortened() -> None:
    changeset = Changeset(
        (configure("acme", ("company", "a" * 5000, "b")),), (Blocked("instance", "acme", "prod-1", "c " * 5000, ""),)
    )
    page = render_changeset_markdown(changeset, world(instance("acme")))
    assert length(page) < 2000
    assert page.count("…") == 2


def test_the_marker_is_the_first_line_and_names_the_fleet() -> None:
    page = render_changeset_markdown(Changeset(), world())
    assert page.splitlines()[0] == marker("demo") == "<!-- odoo-fleet plan: demo -->"


def test_what_the_run_was_limited_to_is_said() -> None:
    page = render_changeset_markdown(Changeset(), world(), scope="only instance/acme")
    assert "**No changes (only instance/acme).**" in page


def test_a_page_is_the_same_every_time() -> None:
    desired, changeset = all_different(50)
    assert render_changeset_markdown(changeset, desired) == render_changeset_markdown(changeset, desired)
