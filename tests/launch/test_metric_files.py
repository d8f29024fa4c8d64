"""A full disk ends no process by the pages of its metrics."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from launch.metric_files import FILE_BYTES, KINDS, take_place
from tests.fakes.full_disk import full_disk

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


def test_what_is_mapped_is_left_alone(tmp_path: Path) -> None:
    """A gateway whose start is tried again, on a disk that has become full."""
    file = tmp_path / f"counter_{os.getpid()}.db"
    file.write_bytes(b"x" * 4096)
    with full_disk(8192):
        take_place(tmp_path)
    assert file.read_bytes() == b"x" * 4096


def test_on_a_full_disk_nothing_is_taken(tmp_path: Path) -> None:
    with full_disk(8192):
        take_place(tmp_path)
    assert [file.stat().st_size for file in tmp_path.iterdir()] == [0] * len(KINDS)
