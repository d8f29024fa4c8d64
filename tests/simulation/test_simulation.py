"""The simulation as a test: many seeds, the same trace from the same seed, every wait met by faults."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.short_dir import short_dir
from tests.simulation.campaign import SUITE_SEEDS, Summary, campaign, own_postgres
from tests.simulation.clients import STAGES
from tests.simulation.coverage import not_met

ROOT: Final = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def url_of() -> Iterator[str]:
    with own_postgres(short_dir()) as url:
        yield url


@pytest.fixture(scope="module")
def summary(url_of: str) -> Summary:
    return campaign(url_of, list(range(SUITE_SEEDS)), processes=os.cpu_count() or 1)


@pytest.mark.timeout(900)
def test_no_seed_breaks_an_invariant(summary: Summary) -> None:
    print(summary.text())
    assert summary.broken == [], summary.text()
    assert summary.completed > SUITE_SEEDS, "calls are served in spite of everything"


@pytest.mark.timeout(900)
def test_every_await_that_moves_money_met_every_fault(summary: Summary) -> None:
    assert not_met(summary.met, seeds=SUITE_SEEDS) == {}
    assert set(STAGES) == {point for (point, fault) in summary.met if fault == "cancelled"}


def test_the_same_seed_gives_the_same_trace(url_of: str) -> None:
    """In two processes, in which strings are hashed differently."""
    traces = {_trace(url_of, 11, hash_seed) for hash_seed in ("1", "2")}
    assert len(traces) == 1, traces


def _trace(url_of: str, seed: int, hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", str(seed), "--postgres", url_of],
        cwd=ROOT,
        env={"PYTHONHASHSEED": hash_seed, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return next(row for row in done.stdout.splitlines() if row.startswith("trace "))
