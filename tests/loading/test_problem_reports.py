"""Problems as people see them: the line, the carets under the cause, and never a secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.fleet.diagnostics import Diagnostic, Range, Severity
from reconciler.reports.paragraphs import Paper
from reconciler.reports.problems import render_problems, render_summary
from tests.loading.fleets import BASE, INSTANCE, load


def excerpt(line: str, column: int, end: int, *, code: str = "x-y") -> list[str]:
    """The two lines below a problem."""
    problem = Diagnostic(Range("f.yaml", 1, column, 1, end), code, "wrong")
    return render_problems([problem], {"f.yaml": line + "\n"}).split("\n")[1:]


def test_a_problem_is_one_line() -> None:
    problem = Diagnostic(Range("f.yaml", 3, 11), "unknown-template", "no template 'x'", "did you mean 'y'?")
    assert render_problems([problem], {}) == "f.yaml:3:11: unknown-template: no template 'x' (did you mean 'y'?)"
    assert render_problems([], {}) == ""


def test_carets_stand_under_the_cause(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"x.yaml": INSTANCE.replace("restaurant", "restaurent")})
    assert render_problems(loaded.diagnostics, loaded.texts).split("\n") == [
        "fleet/x.yaml:3:11: unknown-template: no template 'restaurent' (did you mean 'restaurant'?)",
        "  3 | template: restaurent",
        "    |           ^^^^^^^^^^",
    ]


def test_colour_is_used_when_asked_for() -> None:
    problems = [
        Diagnostic(Range("f.yaml"), "a-b", "m", "h"),
        Diagnostic(Range("f.yaml"), "c-d", "m", "", Severity.WARNING),
    ]
    error, _, _, warning, *_ = render_problems(problems, {"f.yaml": "text"}, Paper(100, colour=True)).split("\n")
    assert error == "\x1b[1mf.yaml:1:1:\x1b[0m \x1b[31ma-b:\x1b[0m m \x1b[2m(h)\x1b[0m"
    assert "\x1b[33mc-d:\x1b[0m" in warning
    assert "\x1b" not in render_problems(problems, {"f.yaml": "text"})


@pytest.mark.parametrize(
    ("line", "column", "end", "carets"),
    [
        ("a: b", 4, 5, "   ^"),
        ("a: b", 5, 5, "    ^"),
        ("a: b", 40, 50, "    ^"),
        ("漢字: xy", 5, 7, "      ^^"),
        ("a: 漢字", 4, 6, "   ^^^^"),
        ("e\u0301: xy", 5, 7, "   ^^"),
        ("\ta: b", 5, 6, "    ^"),
    ],
)
def test_carets_follow_the_columns_of_the_terminal(line: str, column: int, end: int, carets: str) -> None:
    assert excerpt(line, column, end)[1] == f"    | {carets}"


def test_a_cause_of_several_lines_is_shown_by_its_first() -> None:
    problem = Diagnostic(Range("f.yaml", 1, 4, 3, 1), "x-y", "wrong")
    assert render_problems([problem], {"f.yaml": "a: |\n  b\n"}).split("\n")[1:] == ["  1 | a: |", "    |    ^"]


def test_a_long_line_is_cut_around_the_cause() -> None:
    line, carets = excerpt("a" * 5000 + "HERE" + "b" * 5000, 5001, 5005)
    assert len(line) < 120
    assert line[carets.index("^") : carets.rindex("^") + 1] == "HERE"


def test_what_a_terminal_would_obey_is_not_shown() -> None:
    assert excerpt("a: \x1b[31mred\x07", 1, 2)[0] == "  1 | a: �[31mred�"


def test_a_place_outside_of_the_text_has_no_excerpt() -> None:
    assert render_problems([Diagnostic(Range("fleet", 1), "x-y", "wrong")], {"f.yaml": ""}) == "fleet:1:1: x-y: wrong"
    assert excerpt("", 1, 2) == []


@pytest.mark.parametrize(
    "written",
    [
        "master_password: hunter2",
        "master_password: 'hunter2'",
        '"master_password" : hunter2 # the password',
        "{kind: server, master_password: hunter2, foo: bar}",
        "admin_passwort: hunter2",
        "secret_key: hunter2hunter2",
        "former_secret_keys: [hunter2]",
        "api_token: hunter2",
        "master_password: {hunter2",
        "server_url: https://admin:hunter2@odoo.example.com",
        "notify: [{url: 'slack://hunter2/', level: wrong}]",
        "  - url: hunter2",
        "  - {url: https://hooks.slack.com/services/hunter2}",
        '  - {url: "https://hooks.example.net?token=hunter2"}',
        "away: {url: 's3://bucket', key_id: hunter2}",
        "there: {url: 'sftp://odoo@host/x', key: hunter2}",
        "here: {url: 'file:///x', decrypt_with: hunter2}",
    ],
)
def test_what_stands_where_a_secret_is_named_is_masked(written: str) -> None:
    assert "hunter2" not in "\n".join(excerpt(written, 1, 5))


@pytest.mark.parametrize(
    "written",
    [
        "master_password: |\n  hunter2\n",
        "owner:\n  initial_password: >-\n    one\n\n    hunter2\n",
        "former_secret_keys:\n- {env: A}\n- hunter2\n",
        "former_secret_keys:\n  - hunter2\n",
        "- password: |\n    hunter2\n",
        "- url: >-\n    slack://hunter2/\n",
        "away:\n  key:\n    hunter2\n",
    ],
)
def test_what_stands_below_the_name_of_a_secret_is_masked(written: str) -> None:
    lines = written.count("\n")
    problems = [Diagnostic(Range("f.yaml", line, 1, line, 3), "x-y", "wrong") for line in range(1, lines + 1)]
    report = render_problems(problems, {"f.yaml": written + "next: shown\n"})
    assert "hunter2" not in report
    after = render_problems(
        [Diagnostic(Range("f.yaml", lines + 1), "x-y", "wrong")], {"f.yaml": written + "next: shown\n"}
    )
    assert "next: shown" in after


def test_references_in_lines_of_their_own_are_shown() -> None:
    written = "master_password:\n  env: NAME\nadmin_password:\n  derived:\n    generation: 0\n"
    problems = [Diagnostic(Range("f.yaml", line), "x-y", "wrong") for line in range(1, 6)]
    report = render_problems(problems, {"f.yaml": written})
    assert "env: NAME" in report
    assert "generation: 0" in report


@pytest.mark.parametrize(
    "written",
    [
        "master_password: {env: PROD_1_MASTER_PASSWORD}",
        "- {url: {env: CHANNEL}}",
        "- {url: 'file:///srv/backups', keep: {last: 5}}",
        "- {url: s3://bucket/folder, kep: {last: 5}}",
        "- {url: https://hooks.example.net}",
        "server_url: http://127.0.0.1:8069/x",
    ],
)
def test_references_to_secrets_and_addresses_without_one_are_shown(written: str) -> None:
    assert excerpt(written, 1, 5)[0] == f"  1 | {written}"


@pytest.mark.parametrize(
    "secret",
    ["hunter2", "[hunter2]", "{derivd: hunter2}", "12345678hunter2", "'hunter2: x'", "*hunter2", "|\n  hunter2"],
)
def test_no_problem_of_a_secret_repeats_it(secret: str, tmp_path: Path) -> None:
    base = BASE.replace("{env: MASTER_1}", secret).replace("{env: KEY}", secret)
    loaded = load(
        tmp_path,
        {"base.yaml": base, "x.yaml": INSTANCE + f"admin_password: {secret}\nowner: {{initial_password: {secret}}}\n"},
    )
    shown = render_problems(loaded.diagnostics, loaded.texts)
    assert loaded.diagnostics
    assert "hunter2" not in shown


def test_the_summary_counts() -> None:
    error = Diagnostic(Range("f.yaml"), "a-b", "m")
    warning = Diagnostic(Range("f.yaml"), "c-d", "m", "", Severity.WARNING)
    assert render_summary([]) == "no problems"
    assert render_summary([error]) == "1 error"
    assert render_summary([error, error, warning]) == "2 errors, 1 warning"


@pytest.mark.parametrize("colour", [False, True])
def test_a_problem_that_is_wider_than_the_terminal_folds_between_words(*, colour: bool) -> None:
    problem = Diagnostic(
        Range("fleet/x.yaml", 3, 11), "unknown-template", "no template 'restaurent'", "did you mean " * 5
    )
    lines = render_problems([problem], {}, Paper(60, colour=colour)).splitlines()
    plain = [re.sub(r"\x1b\[\d+m", "", line) for line in lines]
    assert max(map(len, plain)) <= 60
    assert [line[:4] for line in plain[1:]] == ["    "] * (len(plain) - 1)
    assert " ".join(" ".join(plain).split()) == " ".join(str(problem).split())
    assert ("\x1b[31munknown-template:" in lines[0]) is colour
