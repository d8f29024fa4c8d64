"""All lines have one form. A log that cannot be written stops nobody: lines are lost, the work goes on."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
import structlog
from prometheus_client import CollectorRegistry

from gateway.telemetry import CallRecord, Telemetry
from launch.logs import LossyFile, PatientFile, configure, line_writer

FULL = Path("/dev/full")  # every write to it answers that no space is left


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
async def test_a_full_disk_loses_lines_and_nothing_else() -> None:
    with FULL.open("wb", buffering=0) as out:  # noqa: ASYNC230 - a device
        with pytest.raises(OSError, match="No space left"):
            out.write(b"so full is it")
        lossy = LossyFile(out)
        lossy.write(b"a line\n")
        lossy.flush()
        patient = PatientFile(lossy)
        for _ in range(3):
            patient.write(b"a line\n")
            patient.flush()
            await asyncio.sleep(0.12)
        patient.write_out()


CRASH = """
import structlog
from launch import logs

def answer(headers):
    raise ValueError("no answer")

logs.configure(role="gateway")
try:
    answer({"authorization": "Bearer " + "vg_" + "secret"})
except ValueError as error:
    structlog.get_logger().error("a call failed", exc_info=error)
"""


def test_a_crash_tells_where_and_not_with_what() -> None:
    said = subprocess.run([sys.executable, "-c", CRASH], capture_output=True, text=True, check=True).stdout
    assert "no answer" in said
    assert '"name":"answer"' in said
    assert "vg_secret" not in said
    assert "Bearer" not in said


def test_what_can_be_written_is_written(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as out:
        lossy = LossyFile(out)
        lossy.write(b"one\n")
        lossy.flush()
        assert path.read_bytes() == b"one\n"


def test_the_line_of_a_call_has_the_form_of_all_others() -> None:
    out = io.TextIOWrapper(io.BytesIO())
    before = structlog.get_config()
    try:
        configure(role="gateway", stream=out)
        structlog.get_logger("gateway").info("started")
        record = CallRecord(request_id='a "quoted"\nid', route="other", started_s=0.0)
        Telemetry(CollectorRegistry(), line_writer()).tell(record)
        out.seek(0)
        text = out.read()
    finally:
        structlog.configure(**before)
        logging.basicConfig(handlers=[], force=True)
    started, call = (orjson.loads(line) for line in text.splitlines())
    assert call["request_id"] == record.request_id
    assert call["event"] == "call"
    for name in ("process", "process_id", "level"):
        assert call[name] == started[name]
    for line in (started, call):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", line["at"])
