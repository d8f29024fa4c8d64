"""A full disk ends no process by the pages of its metrics."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from launch.metric_files import FILE_BYTES, KINDS, take_place

ROOT = Path(__file__).parents[2]
PROCESS = """
import sys
from pathlib import Path
from launch.metric_files import take_place
take_place(Path(sys.argv[1]))
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector
made = CollectorRegistry()
Counter("calls", "c", registry=made).inc(3)
Histogram("seconds", "s", registry=made).observe(0.5)
Gauge("open", "o", registry=made, multiprocess_mode="livesum").set(2)
seen = CollectorRegistry()
MultiProcessCollector(seen)
for name in ("calls_total", "seconds_count", "open"):
    print(name, seen.get_sample_value(name))
"""


def test_every_page_of_them_has_its_place_on_the_disk(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, str(tmp_path)],
        env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["calls_total", "3.0", "seconds_count", "1.0", "open", "2.0"]
    files = sorted(tmp_path.iterdir())
    assert sorted(file.name.rpartition("_")[0] for file in files) == sorted(KINDS)
    for file in files:
        assert file.stat().st_blocks * 512 >= file.stat().st_size >= FILE_BYTES


def test_of_a_process_on_its_own_there_are_none(tmp_path: Path) -> None:
    take_place(tmp_path / "metrics")
    assert list(tmp_path.iterdir()) == []
