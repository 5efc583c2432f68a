"""Every pair of faults, with something between them and customers at work: no row is lost, and in the end all is as declared.

Three depths, by ODOO_FLEET_PAIRS:

    (not set)       some pairs that are always the same and some that change with the day, for a few seconds
    sample=SECONDS  pairs that change with the day, for so long altogether
    all             each pair of faults at what makes, moves and drops databases, and 20,000 drawn lives beyond

A failure tells its coordinates; `ODOO_FLEET_PAIR='…' pytest tests/faults/test_pairs.py` lives it again.
"""

import datetime as dt
import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.faults import pairs
from tests.faults.pairs import Pair

ONE_PAIR = os.environ.get("ODOO_FLEET_PAIR")
DEPTH = os.environ.get("ODOO_FLEET_PAIRS", "")
TODAY = dt.datetime.now(tz=dt.UTC).date().toordinal()
BLOCKS = 40 if DEPTH == "all" else 8 if DEPTH else 2
FIXED, OF_THE_DAY = 8, 8
DRAWN_LIVES = 20_000
MOST_FAILURES = 5
"""A block goes on after a failure, to tell a member of a kind from the kind, but not for ever."""


def chosen(block: int) -> Iterator[Pair]:
    """Yield the cases of one block; all blocks together are what a depth means."""
    if ONE_PAIR:
        yield from [Pair.parse(ONE_PAIR)] if block == 0 else []
    elif DEPTH == "all":
        yield from (pair for opening in pairs.openings()[block::BLOCKS] for pair in pairs.lives_of(opening))
        share = DRAWN_LIVES // BLOCKS
        yield from (pairs.drawn(TODAY * 1_000_000 + n) for n in range(block * share, (block + 1) * share))
    elif DEPTH:
        yield from _for_seconds(float(DEPTH.partition("=")[2]) / BLOCKS, pairs.sample(TODAY * BLOCKS + block))
    else:
        yield from itertools.islice(pairs.sample(block), FIXED)
        yield from itertools.islice(pairs.sample(TODAY * BLOCKS + block), OF_THE_DAY)


def _for_seconds(seconds: float, endless: Iterator[Pair]) -> Iterator[Pair]:
    end = time.monotonic() + seconds
    return itertools.takewhile(lambda _: time.monotonic() < end, endless)


def lived(cases: Iterable[Pair]) -> tuple[Counter[int], list[str]]:
    """Live them all; count them by how many of their faults came to pass."""
    met, failures = Counter[int](), list[str]()
    for pair in cases:
        try:
            met[pairs.live(pair)] += 1
        except BaseException as error:
            if ONE_PAIR or not isinstance(error, Exception):
                raise
            failures.append("\n".join([_root(error), *error.__notes__]))
            if len(failures) == MOST_FAILURES:
                break
    return met, failures


def _root(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("block", range(BLOCKS))
def test_no_pair_of_faults_loses_what_a_customer_saved(
    block: int, record_property: Callable[[str, object], None]
) -> None:
    met, failures = lived(chosen(block))
    told = f"{met.total() + len(failures)} lives of two faults: both came to pass in {met[2]}, one in {met[1]}"
    record_property("told", told)
    if failures:
        pytest.fail("\n\n".join([f"{len(failures)} of {told}", *failures]), pytrace=False)


def test_the_coordinates_of_a_case_lead_back_to_it() -> None:
    for pair in (pairs.openings()[0], *map(pairs.drawn, range(10))):
        assert Pair.parse(str(pair)) == pair
