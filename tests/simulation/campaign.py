"""Many seeds in several processes, each with a database of its own on one PostgreSQL; and their summary."""

from __future__ import annotations

import gc
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Final

from launch.embedded_postgres import PostgresServer
from tests.fakes.hasty_postgres import FORGETFUL
from tests.simulation import books
from tests.simulation.history import Result, scratch, simulate
from tests.simulation.mutants import fresh_processes, install
from tests.simulation.schema import prepare
from tests.simulation.traces import table

SUITE_SEEDS: Final = int(os.getenv("SIMULATION_SEEDS", "12"))  # run by `make test`, from 0 on; CI runs 300
SLICE: Final = 25  # seeds given to a process at once
FIND_SLICE: Final = 5
UNSAFE: Final = {  # nothing of it need outlive the campaign
    **FORGETFUL,
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "500",  # a process keeps as many as its busiest seed had at once
    "shared_buffers": "64MB",
    "plan_cache_mode": "force_generic_plan",  # a session sees each statement too seldom to plan it anew
    "track_counts": "off",
}

_own: books.Server | None = None  # of this process of the pool


@contextmanager
def own_postgres(root: Path) -> Iterator[str]:
    """-> the URL of its databases, with a {} for the name."""
    server = PostgresServer(
        data_dir=root / "postgres",
        socket_dir=root / "run",
        log_path=root / "postgres.log",
        settings=UNSAFE,
    )
    server.start()
    try:
        yield server.url_of("{}")
    finally:
        server.stop()
        shutil.rmtree(root, ignore_errors=True)


@dataclass(slots=True)
class Summary:
    seeds: int = 0
    calls: int = 0
    completed: int = 0
    virtual_s: float = 0.0
    took_s: float = 0.0
    refusals: Counter[str] = field(default_factory=Counter)
    met: Counter[tuple[str, str]] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    broken: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        self.seeds += 1
        self.calls += result.calls
        self.completed += result.completed
        self.virtual_s += result.virtual_s
        self.refusals += result.refusals
        self.met += result.met
        self.passed += result.passed
        if result.broken is not None:
            self.broken.append(result)

    def text(self) -> str:
        refusals = ", ".join(f"{word} {count}" for word, count in sorted(self.refusals.items()))
        lines = [
            table(self.met, self.passed),
            "",
            *[f"seed {result.seed}: {result.broken}" for result in self.broken],
            f"{self.seeds} seeds in {self.took_s:.0f} s ({self.seeds / max(self.took_s, 0.001):.1f} seeds/s),"
            f" {self.virtual_s:.0f} s of virtual time",
            f"{self.calls} calls, {self.completed} completed; refused: {refusals}",
            f"{sum(self.met.values())} faults; {len(self.broken)} seeds broke an invariant",
        ]
        return "\n".join(lines)


def run_here(
    url_of: str, seeds: list[int], *, full: bool = False, until_broken: bool = False
) -> list[Result]:
    """In this process, on a database made for it at the first call. `url_of` has a {} for its name."""
    global _own
    if _own is None:
        name = f"sim_{os.getpid()}"
        place = scratch()
        # A process of a pool leaves by os._exit: multiprocessing's own end is the one that it comes by.
        Finalize(None, shutil.rmtree, args=(place,), kwargs={"ignore_errors": True}, exitpriority=0)
        clock = place / "clock"
        prepare(url_of, name, clock)
        _own = books.Server(url_of.format(name), clock)
    directory = scratch()
    gc.freeze()
    gc.disable()  # a run is short: what it leaves is collected between two
    try:
        results = []
        for seed in seeds:
            results.append(simulate(seed, _own, directory / "journal", full=full))
            gc.collect()
            if until_broken and results[-1].broken is not None:
                break
        return results
    finally:
        gc.enable()
        shutil.rmtree(directory, ignore_errors=True)


def find(url_of: str, seeds: list[int], *, processes: int, mutant: str | None) -> Result | None:
    """The first of the seeds that breaks an invariant with this mutant, as far as they are run in order."""
    slices = [seeds[i : i + FIND_SLICE] for i in range(1, len(seeds), FIND_SLICE)]
    with _pool(processes, mutant) as pool:
        # The first alone: what a pool was given besides would be run, though that one is enough.
        for parts in (([seeds[0]],), slices):
            tasks = [pool.submit(run_here, url_of, part, until_broken=True) for part in parts]
            for task in tasks:
                if broken := [result for result in task.result() if result.broken is not None]:
                    pool.shutdown(wait=True, cancel_futures=True)
                    return broken[0]
    return None


def _pool(processes: int, mutant: str | None) -> ProcessPoolExecutor:
    if mutant is None:
        return ProcessPoolExecutor(processes, mp_context=fresh_processes())
    return ProcessPoolExecutor(
        processes, mp_context=fresh_processes(), initializer=install, initargs=(mutant,)
    )


def campaign(
    url_of: str, seeds: list[int], *, processes: int, told: Callable[[Result], None] | None = None
) -> Summary:
    """`told` hears of every seed when it has run."""
    began_s = time.perf_counter()
    summary = Summary()
    slices = [seeds[i : i + SLICE] for i in range(0, len(seeds), SLICE)]
    with _pool(processes, None) as pool:
        for results in pool.map(partial(run_here, url_of), slices):
            for result in results:
                summary.add(result)
                if told is not None:
                    told(result)
    summary.took_s = time.perf_counter() - began_s
    return summary
