"""One seed, from an empty world to what came of it."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from metering.purse import PurseUnavailable
from metering.purse_redis import load_scripts
from tests.simulation.books import Server
from tests.simulation.chance import Chance
from tests.simulation.gateway_process import Gateway
from tests.simulation.loop import SimulatedLoop
from tests.simulation.model import Broken
from tests.simulation.run import Run
from tests.simulation.traces import Trace
from tests.simulation.worker_process import Worker
from tests.simulation.world import World


@dataclass(slots=True)
class Result:
    seed: int
    broken: str | None
    law: str | None
    digest: str
    met: Counter[tuple[str, str]]
    passed: Counter[str]
    calls: int
    completed: int
    refusals: Counter[str]
    virtual_s: float
    recent: tuple[str, ...] = ()
    trace: list[str] | None = None


def simulate(
    seed: int,
    postgres: Server,
    directory: Path,
    *,
    sources: dict[str, bytes] | None = None,
    full: bool = False,
) -> Result:
    """Run one seed to its end."""
    logging.disable(logging.CRITICAL)
    trace = Trace()
    loop = SimulatedLoop()
    asyncio.set_event_loop(loop)
    chance = Chance(seed, trace, loop.time)
    world = World(loop, chance, trace, directory, load_scripts())
    postgres.empty()
    world.start(postgres)
    run = Run(world)
    try:
        loop.run_until_complete(run.go())
    except Exception as error:  # noqa: BLE001 - whatever it was, its seed must be told
        world.broke(Broken("error", "".join(traceback.format_exception(error)[-3:])))
    finally:
        _put_away(run)
    faults = [fault for fault in loop.faults if not isinstance(fault, PurseUnavailable)]
    if faults and not world.broken:
        text = "".join(traceback.format_exception(faults[0])[-3:])
        world.broke(Broken("error", f"nobody looked at {text}"))
    broken = world.broken[0] if world.broken else None
    calls = world.model.calls
    return Result(
        seed=seed,
        broken=None if broken is None else str(broken),
        law=None if broken is None else broken.law,
        digest=trace.digest(),
        met=trace.met,
        passed=trace.passed,
        calls=len(calls),
        completed=sum(call.completed for call in calls),
        refusals=world.model.refusals,
        virtual_s=loop.time() - 1000.0,
        recent=tuple(trace.recent),
        trace=trace.full if full or broken is not None else None,
    )


def _put_away(run: Run) -> None:
    """Every process is over; nothing of this run is left for the next."""
    loop = run.world.loop
    living: list[Gateway | Worker] = [*run.gateways, *run.workers]
    for one in living:
        one.process.kill()
        if isinstance(one, Gateway) and one.meter is not None:
            run.world.disk.unmount(one.meter._journal)
    run.office.kill()
    run.clients.process.kill()
    for line in list(run.world.books.lines):
        line.break_off()
    loop.set_exception_handler(lambda *_: None)
    everyone = [*[one.process for one in [*living, *run.dead]], run.office, run.clients.process]
    run.world.books.up = run.world.primary.up = False
    for process_ in everyone:
        loop.unwind(process_)
    tasks = [task for process_ in everyone for task in process_.tasks] + run.deeds
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=30))
    loop.close()


def scratch() -> Path:
    """On memory, where there is some: journals are many and short."""
    memory = Path("/dev/shm")
    made = Path(tempfile.mkdtemp(prefix="vgs-", dir=memory if memory.is_dir() else None))
    made.chmod(0o755)  # the server's own user reads the clock in it
    return made
