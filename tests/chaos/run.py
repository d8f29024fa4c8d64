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

from tests.chaos.clients import CALL_WAIT_S, Callers
from tests.chaos.conclusion import Conclusion, conclude
from tests.chaos.faults import Faults
from tests.chaos.final import wait_calm
from tests.chaos.history import History, Recorder
from tests.chaos.house import ChaosHouse, InLoop
from tests.chaos.schedule import CALM_S, OTHERS, Blow, Missed, lanes
from tests.chaos.setting import companies, declared, vouchers
from tests.chaos.streams import keep_streams
from tests.fakes.house import wait_until
from tests.fakes.wire import Wire

SCARCE_PER_MINUTE: Final = 6
LAST_CALLS_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to be. `out` takes the logs; `kinds` are the faults besides the kills.

    Of the first `tell` operations that were served all is told in the end, though nothing is wrong with them.
    """

    seconds: float
    seed: int
    out: Path
    rich: int = 8
    bounded: int = 3
    scarce: int = 6
    workers: int = 2
    kinds: tuple[str, ...] = OTHERS
    tell: int = 0

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
class _Screen:
    progress: Progress
    show: Callable[[Progress], None]

    def say(self, words: str) -> None:
        self.progress.said = words
        self.show(self.progress)

    def move(self, part: float, *, calls: int) -> None:
        self.progress.part, self.progress.calls = part, calls
        self.show(self.progress)


@dataclass(frozen=True, slots=True)
class Run:
    plan: Plan
    history: History
    end: Conclusion
    missed: tuple[str, ...]
    seconds: float
    calm_s: float


async def run(plan: Plan, show: Callable[[Progress], None] = lambda progress: None) -> Run:
    """Raises nothing for what it finds: findings are values."""
    started_s = time.monotonic()
    plan.out.mkdir(parents=True, exist_ok=True)
    recorder = Recorder(plan.out / "history.jsonl")
    screen = _Screen(Progress(), show)
    house = await asyncio.to_thread(ChaosHouse, workers=plan.workers)
    try:
        screen.say("starting the house")
        wire = await _start(plan, house)
        striker = _Striker(plan, house, recorder, screen.progress, wire)
        calm_s = await _until_calm(plan, house, recorder, screen, striker)
        recorder.flush()
        screen.say("asking the books")
        end = await conclude(
            house, recorder.history, vouchers(plan.scarce_count), out=plan.out, tell=plan.tell
        )
        await asyncio.to_thread(house.down)
    finally:
        recorder.close()
        await asyncio.to_thread(_keep_logs, house, plan.out)
        await asyncio.to_thread(house.__exit__, None, None, None)
    seconds = time.monotonic() - started_s
    return Run(plan, recorder.history, end, tuple(striker.missed), seconds, calm_s)


async def _start(plan: Plan, house: ChaosHouse) -> Wire:
    """The house and its vendor; the wire between the two."""
    vendor_log = plan.out / "vendor.jsonl"
    vendor_log.unlink(missing_ok=True)
    vendor = await asyncio.to_thread(house.vendor, "--token-ms", "2", "--log", str(vendor_log))
    wire = Wire(lambda: asyncio.open_connection("127.0.0.1", vendor.port))
    await wire.listen(port=0)
    url = f"http://127.0.0.1:{wire.port}/v1"
    await asyncio.to_thread(house.up, declared(url, plan.scarce_count))
    return wire


async def _until_calm(
    plan: Plan, house: ChaosHouse, recorder: Recorder, screen: _Screen, striker: _Striker
) -> float:
    """Blows and calls, then calm; the seconds that took. Meanwhile the streams are kept."""
    listening = asyncio.create_task(
        keep_streams(house.redis_url, companies(plan.scarce_count), plan.out / "events.jsonl")
    )
    try:
        try:
            await _strike_while_they_call(plan, house, recorder, screen, striker)
        finally:
            await striker.close()
        screen.say("waiting for calm")
        return await wait_calm(house, house.url, vouchers(plan.scarce_count))
    finally:
        listening.cancel()
        await asyncio.wait([listening])


async def _strike_while_they_call(
    plan: Plan,
    house: ChaosHouse,
    recorder: Recorder,
    screen: _Screen,
    striker: _Striker,
) -> None:
    """Blows until the time is over; then whoever was struck comes back, and the callers finish."""
    timeout = aiohttp.ClientTimeout(total=CALL_WAIT_S)
    keeps, fresh = (aiohttp.TCPConnector(limit=0, force_close=force) for force in (False, True))
    async with (
        aiohttp.ClientSession(connector=keeps, timeout=timeout, read_bufsize=2**18) as session,
        aiohttp.ClientSession(connector=fresh, timeout=timeout, read_bufsize=2**18) as anew,
    ):
        callers = Callers(house.url, session, anew, recorder, plan.seed, plan.scarce_count)
        calling = asyncio.create_task(
            callers.run(rich=plan.rich, bounded=plan.bounded, scarce=plan.scarce), name="callers"
        )
        striking = asyncio.create_task(striker.run(), name="blows")
        screen.say("chaos")
        started_s = time.monotonic()
        try:
            while not striking.done():
                part = min(1.0, (time.monotonic() - started_s) / plan.seconds)
                screen.move(part, calls=len(recorder.history.ended))
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
            loop=InLoop(asyncio.get_running_loop()),
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
                faults = await asyncio.to_thread(self._faults.strike, blow)
            except Missed as missed:
                self.missed.append(f"{blow.kind}: {missed}")
                continue
            for fault in faults:
                self._recorder.note(fault)
                self._progress.faults[fault.kind] += 1


def _served(recorder: Recorder, target: str, since_ms: int) -> bool:
    """Whether a role has been seen to serve since then, as far as that shows from outside."""
    if target == "postgres":  # a glance is answered by the books
        return any(glance.at_ms > since_ms for glance in recorder.history.glances[-8:])
    made = {line.request_id for line in recorder.history.invoked[-400:] if line.at_ms > since_ms}
    return any(line.verdict == "ok" and line.request_id in made for line in recorder.history.ended[-40:])


def _keep_logs(house: ChaosHouse, out: Path) -> None:
    """The processes' own logs, for whoever has to find out why."""
    logs = out / "logs"
    logs.mkdir(exist_ok=True)
    for path in (house.data_dir / "logs").glob("*.log*"):
        (logs / path.name).write_bytes(path.read_bytes())
