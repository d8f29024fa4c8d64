"""Half a minute of the real thing: every role killed, two other faults, and not one finding."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from tests.chaos import report
from tests.chaos.run import Plan, run
from tests.chaos.schedule import KILLS

SECONDS = 20.0
SEED = 11


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_house_under_fire_loses_nothing_and_overspends_nothing(tmp_path: Path) -> None:
    plan = Plan(
        seconds=SECONDS, seed=SEED, out=tmp_path, rich=5, scarce=4, kinds=("flush valkey", "cut postgres")
    )
    done = await run(plan)
    report.show(done, Console(file=sys.stdout, width=140))
    assert done.verdicts.findings == []
    struck = Counter(fault.kind for fault in done.history.faults)
    assert all(struck[kind] for kind in KILLS), struck
    assert done.verdicts.ok > 100
