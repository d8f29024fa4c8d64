"""What a worker loads before it is ready: nothing that only a long job needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_worker_does_not_load_what_its_jobs_need() -> None:
    """Typesetter and sheets are a second and a hundred megabytes of every start."""
    program = "import sys, launch.worker_main; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, check=True
    )
    loaded = set(done.stdout.decode().split())
    assert "billing.jobs.works" in loaded
    assert not loaded & {"typst", "xlsxwriter", "billing.audit.exporting", "billing.jobs.statement_set"}
