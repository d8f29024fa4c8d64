"""Where the gateway's time goes: py-spy's samples under load, turned into microseconds per request.

py-spy is no dependency of the project; where it is missing this says how to get it. Sampled shares are
multiplied with the processor time that the kernel counted, so the column sums to what was really used.
"""

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.machine import RIG_CORE, pinned
from bench.rig import BUILD, Load, RigError, Vendor, Window, run_load
from bench.setting import write_requests
from bench.subjects import Gateway

SAMPLES_PER_S = 250
ROWS = 40
LOADS = {"unary": Load("unary", 32, 1500, 8000), "stream": Load("stream", 300, 4000, 8000)}


def show_hotspots(*, kind: str, program: Path, console: Console) -> None:
    py_spy = find_py_spy()
    load = LOADS[kind]
    vendor = Vendor()
    try:
        today = date.today()  # noqa: DTZ011 the machine's own day
        gateway = Gateway(program=program, vendor_port=vendor.port, today=today)
        try:
            with tempfile.TemporaryDirectory() as folder:
                requests = write_requests(Path(folder))
                request = requests.unary if kind == "unary" else requests.stream
                stacks = BUILD / f"stacks-{kind}.txt"
                plain = run_load(load, port=gateway.port, request=request, pids=gateway.pids())
                spy = start_spy(py_spy, pid=gateway.pids()[0], stacks=stacks)
                run_load(load, port=gateway.port, request=request, pids=gateway.pids(), errors_allowed=True)
                spy.wait(timeout=30)
        finally:
            gateway.stop()
    finally:
        vendor.stop()
    console.print(table_of(stacks.read_text(), window=plain, kind=kind))
    console.print(f"whole stacks: {stacks}")


def find_py_spy() -> str:
    beside = Path(sys.executable).parent / "py-spy"
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        raise RigError("py-spy is missing: pip install py-spy")
    return found


def start_spy(py_spy: str, *, pid: int, stacks: Path) -> subprocess.Popen[bytes]:
    command = [
        py_spy, "record", "--pid", str(pid), "--format", "raw", "--rate", str(SAMPLES_PER_S),
        "--duration", "8", "--output", str(stacks),
    ]  # fmt: skip
    return subprocess.Popen(pinned(RIG_CORE, command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def table_of(stacks: str, *, window: Window, kind: str) -> Table:
    """Own time and time with everything below, by function; the dearest first."""
    own: Counter[str] = Counter()
    below: Counter[str] = Counter()
    for line in stacks.splitlines():
        frames, _, count = line.rpartition(" ")
        names = [frame.rsplit(":", 1)[0].replace(" (", " · ") for frame in frames.split(";")]
        own[names[-1]] += int(count)
        for name in set(names):
            below[name] += int(count)
    units = window.answers if kind == "unary" else window.chunks
    unit_us = window.cpu_s * 1e6 / units
    samples = sum(own.values())
    what = "request" if kind == "unary" else "chunk"
    table = Table(title=f"{unit_us:.0f} µs per {what}, {samples} samples")
    table.add_column("function")
    table.add_column("own µs", justify="right")
    table.add_column("with below µs", justify="right")
    for function, times in below.most_common(ROWS):
        own_us, below_us = own[function] / samples * unit_us, times / samples * unit_us
        table.add_row(function, f"{own_us:.1f}", f"{below_us:.1f}")
    return table
