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
@pytest.mark.campaign
@pytest.mark.timeout(240)
async def test_a_house_under_fire_loses_nothing_and_overspends_nothing(tmp_path: Path) -> None:
    plan = Plan(seconds=SECONDS, seed=SEED, out=tmp_path, rich=5, scarce=4, kinds=(FAILOVER,), tell=5)
    done = await run(plan)
    report.show(done, Console(file=sys.stdout, width=140))
    assert done.end.verdicts.findings == []
    assert done.end.audit.findings == []
    assert done.end.audit.checked["told"] == done.end.verdicts.ok > 20
    struck = Counter(fault.kind for fault in done.history.faults)
    assert all(struck[kind] for kind in (*KILLS, FAILOVER, BACK)), struck

    report.write(done, tmp_path / "report.json")
    told = json.loads((tmp_path / "report.json").read_text("utf-8"))
    served = list(told["operations_named"].values())
    assert len(served) == 5
    for known in served:
        assert known["books"]["usage"][-1]["status"] == "settled"
        assert sum(leg["amount_micro"] for leg in known["books"]["posting"]) == 0
        assert "ok" in [line.get("verdict") for line in known["client"]]
        assert known["vendor"]
        assert known["logs"]
    assert any(known["events"] for known in served)
