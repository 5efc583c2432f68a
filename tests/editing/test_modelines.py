"""The line that leads an editor to the schema: before each document that has none, and nothing else changes."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.editing.modelines import with_modelines

LINE = "# yaml-language-server: $schema=s.json\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("kind: plan\n", f"{LINE}kind: plan\n"),
        ("# ours\nkind: plan\n", f"{LINE}# ours\nkind: plan\n"),
        ("# ours\n---\nkind: plan\n---\nkind: plan\n", f"# ours\n---\n{LINE}kind: plan\n---\n{LINE}kind: plan\n"),
        ("--- # one\nkind: plan\n...\n---\n", f"--- # one\n{LINE}kind: plan\n...\n---\n"),
        ("kind: plan\r\n---\r\nkind: plan", f"{LINE}kind: plan\n---\n{LINE}kind: plan".replace("\n", "\r\n")),
        ("\ufeffkind: plan\n", f"\ufeff{LINE}kind: plan\n"),
        ("%YAML 1.2\n---\nkind: plan\n", f"%YAML 1.2\n---\n{LINE}kind: plan\n"),
    ],
)
def test_each_document_is_led(before: str, after: str) -> None:
    assert with_modelines(before.encode(), "s.json") == after.encode()


@pytest.mark.parametrize(
    "text",
    ["", "# only a comment\n", "#yaml-language-server: $schema=mine.json\nkind: plan\n", "--- {kind: plan}\n", "---\n"],
)
def test_what_has_a_line_of_its_own_or_no_place_for_one_stays(text: str) -> None:
    assert with_modelines(text.encode(), "s.json") == text.encode()


LINES = st.sampled_from(["kind: plan", "name: |", "  text", "# a comment", "---", "--- # one", "...", "", "- a"])


@given(st.lists(LINES), st.sampled_from(["\n", "\r\n"]))
def test_it_says_what_it_said_and_a_second_time_changes_nothing(lines: list[str], end: str) -> None:
    data = end.join(lines).encode()
    written = with_modelines(data, "s.json")
    assert _said(written) == _said(data)
    assert with_modelines(written, "s.json") == written
    assert written.replace(LINE.strip().encode() + end.encode(), b"").replace(LINE.encode(), b"") == data


def _said(data: bytes) -> object:
    try:
        return list(yaml.safe_load_all(data))
    except yaml.YAMLError:
        return "no YAML"
