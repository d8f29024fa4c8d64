"""The machine: which core runs what, what a process has used, and who else was at work meanwhile.

Figures of a shared machine are worth as much as its silence, so every window also records how busy the
measured core was with work that is none of ours.
"""

import contextlib
import os
import platform
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

SUBJECT_CORE = 0
RIG_CORE = 1
FLUSHES = 300
WAKE_WISH = Path("/dev/cpu_dma_latency")


@dataclass(frozen=True, slots=True)
class Sample:
    """What some processes have used up to a moment, and how long the measured core has been busy at all."""

    cpu_s: float
    rss_bytes: int
    core_busy_s: float


def sample(pids: Iterable[int]) -> Sample:
    cpu_s, rss_bytes = 0.0, 0
    for pid in pids:
        process = psutil.Process(pid)
        times = process.cpu_times()
        cpu_s += times.user + times.system
        rss_bytes += process.memory_info().rss
    core = psutil.cpu_times(percpu=True)[SUBJECT_CORE]
    busy_s = core.user + core.nice + core.system + core.irq + core.softirq
    return Sample(cpu_s=cpu_s, rss_bytes=rss_bytes, core_busy_s=busy_s)


def fdatasync_us(folder: Path) -> float:
    """The median of one flush of a short append: what a store that answers durably waits for each time."""
    durations_ns = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(FLUSHES):
            file.write(b"x" * 300)
            file.flush()
            began_ns = time.perf_counter_ns()
            os.fdatasync(file.fileno())
            durations_ns.append(time.perf_counter_ns() - began_ns)
    return statistics.median(durations_ns) / 1000


@contextlib.contextmanager
def kept_awake() -> Iterator[bool]:
    """While it lasts no core sleeps, as with tuned's latency-performance: what is asked of the kernel is a
    wake-up within 0 µs (its "PM quality of service"). False where that is not allowed.
    """
    try:
        wish = WAKE_WISH.open("wb", buffering=0)
    except OSError:
        yield False
        return
    with wish:
        wish.write((0).to_bytes(4, "little"))
        yield True


def pin(pid: int, *, core: int) -> None:
    """All threads: a new thread inherits the core of the one that starts it, an old one has to be told."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for thread in psutil.Process(pid).threads():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(thread.id, {core})


def pinned(core: int, command: list[str]) -> list[str]:
    return ["taskset", "-c", str(core), *command]


def descendants_in_role(pid: int, role: str) -> list[int]:
    """The processes below `pid` that carry the role as a word of their command line (contract, section 2)."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            words = process.cmdline()
            # PostgreSQL writes sentences such as "postgres: autovacuum worker" over its command line.
            if role in words[1:] and not words[0].startswith("postgres"):
                found.append(process.pid)
    return found


def end(process: subprocess.Popen[bytes], *, patience_s: float) -> None:
    """Asks a process to end and, if it will not, ends it with everything below it."""
    below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(timeout=patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in below:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def describe() -> str:
    """One line for the head of a table of figures."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory_gib = psutil.virtual_memory().total / 2**30
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{os.cpu_count()} cores of {model}, {memory_gib:.0f} GiB, {system}, Linux {platform.release()}"
