"""The rig: compiles the two C programs, runs the vendor, and runs the load against a port.

Both are pinned to the core that is not measured. The load says when its window begins and ends; at those two
moments the processor time and memory of the measured processes are read.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from bench.machine import RIG_CORE, Sample, end, pinned, sample

SOURCES = Path(__file__).parent
BUILD = SOURCES / "build"


class RigError(Exception):
    """The rig does not work, or what it measures answered with errors: there is no figure to report."""


def compile_rig() -> None:
    BUILD.mkdir(exist_ok=True)
    for name in ("vendor", "load"):
        source, program = SOURCES / f"{name}.c", BUILD / name
        if program.exists() and program.stat().st_mtime >= source.stat().st_mtime:
            continue
        fresh = BUILD / f"{name}.{os.getpid()}"
        try:
            subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", fresh, source], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise RigError(f"{source.name} could not be compiled: {error}") from error
        fresh.rename(program)  # whole at once: another run may be starting it


@dataclass(frozen=True, slots=True)
class Served:
    unary: int
    streams: int

    def __sub__(self, before: "Served") -> "Served":
        return Served(unary=self.unary - before.unary, streams=self.streams - before.streams)


class Vendor:
    """The running vendor; its own count of what it served is what the books are held against."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            pinned(RIG_CORE, [str(BUILD / "vendor"), "0"]), stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline().split()[1])

    @property
    def pid(self) -> int:
        return self._process.pid

    def served(self) -> Served:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", "/served")
        counts = json.loads(connection.getresponse().read())
        connection.close()
        return Served(unary=counts["unary"], streams=counts["streams"])

    def stop(self) -> None:
        end(self._process, patience_s=2)
        assert self._process.stdout is not None
        self._process.stdout.close()


@dataclass(frozen=True, slots=True)
class Window:
    """What one run of the load saw, and what the measured processes used between its begin and its end."""

    connections: int
    seconds: float
    answers: int
    errors: int
    cut: int  # by the load: calls that did not end in time and were given up
    short: int  # by the subject: streams ended in good form before the vendor had finished
    chunks: int
    open: int
    p50_us: float
    p99_us: float
    before: Sample
    after: Sample

    @property
    def cpu_s(self) -> float:
        return self.after.cpu_s - self.before.cpu_s

    @property
    def foreign_share(self) -> float:
        """The part of the measured core's time that went to processes which are not measured."""
        busy_s = self.after.core_busy_s - self.before.core_busy_s
        return max(0.0, busy_s - self.cpu_s) / self.seconds


@dataclass(frozen=True, slots=True)
class Load:
    kind: str  # unary | stream
    connections: int
    warm_ms: int
    measure_ms: int


def run_load(
    load: Load, *, port: int, request: Path, pids: Sequence[int], errors_allowed: bool = False
) -> Window:
    command = [
        str(BUILD / "load"), load.kind, str(port), str(load.connections), str(request),
        str(load.warm_ms), str(load.measure_ms),
    ]  # fmt: skip
    process = subprocess.Popen(
        pinned(RIG_CORE, command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    samples: list[Sample] = []
    last_line = ""
    for line in process.stdout:
        if line.strip() in ("begin", "end"):
            samples.append(sample(pids))
        else:
            last_line = line
    _, complaint = process.communicate()
    if process.returncode != 0 or len(samples) != 2:
        raise RigError(complaint.strip() or f"the load ended with {process.returncode}")
    seen = json.loads(last_line)
    if seen["errors"] and not errors_allowed:
        raise RigError(complaint.strip())
    return Window(
        connections=load.connections,
        seconds=seen["seconds"],
        answers=seen["answers"],
        errors=seen["errors"],
        cut=seen["errors"] + seen["unfinished"],
        short=seen["short"],
        chunks=seen["chunks"],
        open=seen["open"],
        p50_us=seen["p50_us"],
        p99_us=seen["p99_us"],
        before=samples[0],
        after=samples[1],
    )
