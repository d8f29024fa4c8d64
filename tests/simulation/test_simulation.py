"""The simulation as a test: some seeds, and the same trace from the same seed.

`make campaign` runs hundreds, and sees that every wait was met by every fault (tests/simulation/command.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.short_dir import short_dir
from tests.simulation.campaign import SUITE_SEEDS, campaign, own_postgres

ROOT: Final = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def url_of() -> Iterator[str]:
    with own_postgres(short_dir()) as url:
        yield url


@pytest.mark.timeout(900)
def test_no_seed_breaks_an_invariant(url_of: str) -> None:
    summary = campaign(url_of, list(range(SUITE_SEEDS)), processes=os.cpu_count() or 1)
    print(summary.text())
    assert summary.broken == [], summary.text()
    assert summary.completed > SUITE_SEEDS, "calls are served in spite of everything"


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
