"""In which order the modules of the suite are begun, and in which process: those that wait beside others."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

# Tests that race real processes against clocks: one at a time, whatever else runs beside them.
RACES: Final = "races"
RACING: Final = ("tests/chaos", *(f"tests/journeys/test_{name}.py" for name in ("burst", "kills", "restart")))

# What takes long, in the order in which it is begun: beside what races, houses that mostly wait; then what
# keeps both cores busy. What is not here is short and fills the end, so that no process works on alone.
LONG: Final = (
    *RACING,
    "tests/launch/test_up.py",
    "tests/journeys",
    "tests/launch/test_up_demo.py",
    "tests/docs/test_start.py",
    "tests/independent/test_independent_house.py",
    "tests/metering/test_redis_cluster.py",
    "tests/simulation/test_mutants.py",
    "tests/simulation/test_simulation.py",
)


class Modules(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Where tests run in several processes: a module stays in one, and all that race in the same."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.split("::", 1)[0]
        return RACES if module.startswith(RACING) else module

    def _assign_work_unit(self, node: WorkerController) -> None:
        self.workqueue.move_to_end(next_for(self.nodes.index(node), self.nodes, self.workqueue), last=False)
        super()._assign_work_unit(node)


def next_for(place: int, nodes: Collection[object], waiting: Iterable[str]) -> str:
    """Which module a process begins next: the first, but what is short for the last of three or more.

    The houses that begin the run mostly wait; where all processes had one of them, the cores would wait too.
    """
    modules = list(waiting)
    short = (module for module in modules if module != RACES and place_of(module) == len(LONG))
    is_filling = len(nodes) >= 3 and place == len(nodes) - 1
    return next(short, modules[0]) if is_filling else modules[0]


def place_of(module: str) -> int:
    """In the order of beginning."""
    return next((place for place, long in enumerate(LONG) if module.startswith(long)), len(LONG))
