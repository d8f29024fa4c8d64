"""Some seconds of the real thing: every role killed, Valkey failed over, and not one finding."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from tests.chaos import report
from tests.chaos.failover import BACK
from tests.chaos.run import Plan, run
from tests.chaos.schedule import KILLS

SECONDS = 9.0
SEED = 11
FAILOVER = "fail over to a replica that lags"


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_house_under_fire_loses_nothing_and_overspends_nothing(tmp_path: Path) -> None:
    plan = Plan(
        seconds=SECONDS, seed=SEED, out=tmp_path, rich=5, scarce=4, kinds=(FAILOVER,), tell=("o0", "o1")
    )
    done = await run(plan)
    report.show(done, Console(file=sys.stdout, width=140))
    assert done.end.verdicts.findings == []
    assert done.end.audit.findings == []
    assert done.end.audit.checked["told"] == done.end.verdicts.ok > 50
    struck = Counter(fault.kind for fault in done.history.faults)
    assert all(struck[kind] for kind in (*KILLS, FAILOVER, BACK)), struck

    report.write(done, tmp_path / "report.json")
    told = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert told["operations_named"].keys() == {"o0", "o1"}
    for known in told["operations_named"].values():
        assert [usage["status"] for usage in known["books"]["usage"]] == ["settled"]
        assert sum(leg["amount_micro"] for leg in known["books"]["posting"]) == 0
        assert known["client"][-1]["verdict"] == "ok"
        assert len(known["vendor"]) == 1
        assert known["events"]
        assert known["logs"]
