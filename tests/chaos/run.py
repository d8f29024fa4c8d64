"""One run of the chaos: a house, its callers, the blows, calm, and what the books say in the end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp

from tests.chaos.checker import check
from tests.chaos.clients import CALL_WAIT_S, Callers
from tests.chaos.faults import Faults, Missed
from tests.chaos.final import read_books, wait_calm
from tests.chaos.history import Books, Fault, History, Recorder, write_books
from tests.chaos.house import ChaosHouse
from tests.chaos.schedule import CALM_S, OTHERS, Blow, lanes
from tests.chaos.setting import declared, vouchers
from tests.chaos.verdicts import Verdicts
from tests.fakes.house import wait_until
from tests.fakes.wire import Wire

SCARCE_PER_MINUTE: Final = 6
LAST_CALLS_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to be. `out` takes the logs; `kinds` are the faults besides the kills."""

    seconds: float
    seed: int
    out: Path
    rich: int = 8
    bounded: int = 3
    scarce: int = 6
    workers: int = 2
    kinds: tuple[str, ...] = OTHERS

    @property
    def scarce_count(self) -> int:
        return 4 + int(self.seconds / 60 * SCARCE_PER_MINUTE)


@dataclass(slots=True)
class Progress:
    """What is happening, for a screen; nothing depends on it."""

    said: str = "starting"
    part: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    plan: Plan
    history: History
    books: Books
    verdicts: Verdicts
    missed: tuple[str, ...]
    seconds: float
    calm_s: float


async def run(plan: Plan, show: Callable[[Progress], None] = lambda progress: None) -> Run:
    """Raises nothing for what it finds: findings are values."""
    started_s = time.monotonic()
    plan.out.mkdir(parents=True, exist_ok=True)
    recorder = Recorder(plan.out / "history.jsonl")
    progress = Progress()
    house = await asyncio.to_thread(ChaosHouse, workers=plan.workers)
    try:
        vendor_log = plan.out / "vendor.jsonl"
        vendor_log.unlink(missing_ok=True)
        vendor = await asyncio.to_thread(house.vendor, "--token-ms", "2", "--log", str(vendor_log))
        progress.said = "starting the house"
        show(progress)
        wire = Wire(lambda: asyncio.open_connection("127.0.0.1", vendor.port))
        await wire.listen(port=0)
        url = f"http://127.0.0.1:{wire.port}/v1"
        await asyncio.to_thread(house.up, declared(url, plan.scarce_count))
        striker = _Striker(plan, house, recorder, progress, wire)
        try:
            await _strike_while_they_call(plan, house, recorder, progress, show, striker)
        finally:
            await striker.close()
        progress.said = "waiting for calm"
        show(progress)
        calm_s = await wait_calm(house, house.url, vouchers(plan.scarce_count))
        books = await read_books(house, house.url, vouchers(plan.scarce_count), vendor_log=vendor_log)
        write_books(books, plan.out / "books.json")
        await asyncio.to_thread(house.down)
    finally:
        recorder.close()
        await asyncio.to_thread(_keep_logs, house, plan.out)
        await asyncio.to_thread(house.__exit__, None, None, None)
    history = recorder.history
    verdicts = await asyncio.to_thread(check, history, books)
    return Run(plan, history, books, verdicts, tuple(striker.missed), time.monotonic() - started_s, calm_s)


async def _strike_while_they_call(
    plan: Plan,
    house: ChaosHouse,
    recorder: Recorder,
    progress: Progress,
    show: Callable[[Progress], None],
    striker: _Striker,
) -> None:
    """Blows until the time is over; then whoever was struck comes back, and the callers finish."""
    timeout = aiohttp.ClientTimeout(total=CALL_WAIT_S)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=2**18) as session:
        callers = Callers(house.url, session, recorder, plan.seed, plan.scarce_count)
        calling = asyncio.create_task(
            callers.run(rich=plan.rich, bounded=plan.bounded, scarce=plan.scarce), name="callers"
        )
        striking = asyncio.create_task(striker.run(), name="blows")
        progress.said = "chaos"
        started_s = time.monotonic()
        try:
            while not striking.done():
                progress.part = min(1.0, (time.monotonic() - started_s) / plan.seconds)
                progress.calls = len(recorder.history.ended)
                show(progress)
                if calling.done():
                    calling.result()
                await asyncio.wait([striking, calling], timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
            striking.result()
            await asyncio.to_thread(wait_until, house.is_ready, timeout_s=60, said="the house serves again")
            await asyncio.sleep(1.0)  # some last calls in calm
            callers.stopping.set()
            async with asyncio.timeout(LAST_CALLS_S):
                await calling
        finally:
            for task in (striking, calling):
                task.cancel()
            await asyncio.gather(striking, calling, return_exceptions=True)


class _Striker:
    """One task per lane of blows. What could not be struck is said, not hidden."""

    def __init__(
        self, plan: Plan, house: ChaosHouse, recorder: Recorder, progress: Progress, vendor_wire: Wire
    ) -> None:
        self.missed: list[str] = []
        self._plan = plan
        self._recorder = recorder
        self._progress = progress
        self._faults = Faults(
            house,
            served=lambda target, since_ms: _served(recorder, target, since_ms),
            vendor_wire=vendor_wire,
            loop=asyncio.get_running_loop(),
            seed=plan.seed,
        )
        self._end_s = time.monotonic() + plan.seconds

    async def run(self) -> None:
        blows = lanes(seed=self._plan.seed, gateways=self._plan.workers, kinds=self._plan.kinds)
        async with asyncio.TaskGroup() as together:
            for lane in blows.values():
                together.create_task(self._lane(lane))

    async def close(self) -> None:
        await self._faults.close()

    async def _lane(self, blows: Iterator[Blow]) -> None:
        pause_s = CALM_S
        last_ms = 0.0
        for blow in blows:
            wait_s = pause_s + max(0.0, blow.after_s - (time.monotonic() - last_ms)) if last_ms else pause_s
            pause_s = 0.0
            if time.monotonic() + wait_s > self._end_s:
                return
            await asyncio.sleep(wait_s)
            last_ms = time.monotonic()
            try:
                fault = await asyncio.to_thread(self._faults.strike, blow)
            except Missed as missed:
                self.missed.append(f"{blow.kind}: {missed}")
                continue
            self._note(fault)

    def _note(self, fault: Fault) -> None:
        self._recorder.note(fault)
        self._progress.faults[fault.kind] += 1


def _served(recorder: Recorder, target: str, since_ms: int) -> bool:
    """Whether a role has been seen to serve since then, as far as that shows from outside."""
    if target == "postgres":  # a glance is answered by the books
        return any(glance.at_ms > since_ms for glance in recorder.history.glances[-8:])
    return any(line.verdict == "ok" and line.at_ms > since_ms for line in recorder.history.ended[-40:])


def _keep_logs(house: ChaosHouse, out: Path) -> None:
    """The processes' own logs, for whoever has to find out why."""
    logs = out / "logs"
    logs.mkdir(exist_ok=True)
    for path in (house.data_dir / "logs").glob("*.log*"):
        (logs / path.name).write_bytes(path.read_bytes())
