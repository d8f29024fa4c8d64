"""An event loop without a machine under it: time is a number, processes can sleep or die, order is fixed.

Nothing here looks at a clock, a socket or a thread. The next timer is always due at once, and callbacks of
the same instant run in the order in which they were asked for, so a run is a function of its seed. A callback
belongs to the process in whose context it was made: while that process sleeps (SIGSTOP) its callbacks wait,
and when it is dead (SIGKILL) none of them runs any more, no `finally` included.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, Final, TypeVarTuple

Given = TypeVarTuple("Given")

TURNS_MAX: Final = 3_000_000  # of callbacks in one run: beyond it something spins without time passing


class Stuck(Exception):
    """Nothing will ever happen again, or too much happens at once."""


@dataclass(slots=True, eq=False)
class Process:
    """What the operating system knows of one of ours."""

    name: str
    wall_skew_ms: int = 0
    asleep_until_s: float = 0.0
    dead: bool = False
    parked: list[asyncio.Handle] = field(default_factory=list)
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)  # kept: none is collected during a run
    on_death: list[Callable[[], None]] = field(default_factory=list)

    def run(self, coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """A task of this process."""
        context = copy_context()
        context.run(_PROCESS.set, self)
        return asyncio.get_running_loop().create_task(coroutine, name=name, context=context)

    def kill(self) -> None:
        self.dead = True
        for tell in list(self.on_death):
            tell()


_PROCESS: Final[ContextVar[Process | None]] = ContextVar("process", default=None)


def current_process() -> Process:
    process = _PROCESS.get()
    assert process is not None, "the simulation itself is no process"
    return process


class SimulatedLoop(asyncio.BaseEventLoop):
    """Run with `run_until_complete`. `connect_to` says who listens where."""

    def __init__(self, begin_s: float = 1000.0) -> None:
        super().__init__()
        self._now_s = begin_s
        self._turns = 0
        self._timers: list[tuple[float, asyncio.TimerHandle]] = []  # a heap; floats compare at once
        self.connect_to: Callable[[str, Any], Coroutine[Any, Any, Any]] | None = None
        self.set_task_factory(_keep_task)  # type: ignore[arg-type]
        self.faults: list[BaseException] = []  # of callbacks, which nobody else would see
        self.set_exception_handler(self._note_fault)

    def time(self) -> float:
        return self._now_s

    def call_at(
        self, when: float, callback: Callable[[*Given], object], *args: *Given, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, timer))
        return timer

    async def create_unix_connection(self, protocol_factory: Any, path: Any = None, **_: Any) -> Any:
        assert self.connect_to is not None, "nobody listens"
        protocol = protocol_factory()
        return await self.connect_to(str(path), protocol), protocol

    def close(self) -> None:
        super().close()
        self._timers.clear()

    def sleep(self, process: Process, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so long."""
        process.asleep_until_s = max(process.asleep_until_s, self._now_s + seconds)
        self.call_at(process.asleep_until_s, self._wake, process)

    def unwind(self, process: Process) -> None:
        """After a run: let what was dead be cancelled in order, so that nothing of it is left."""
        process.dead, process.asleep_until_s = False, 0.0
        self._ready.extend(process.parked)  # type: ignore[attr-defined]
        process.parked.clear()
        for task in process.tasks:
            task.cancel()

    def _wake(self, process: Process) -> None:
        if self._now_s >= process.asleep_until_s and not process.dead:
            self._ready.extend(process.parked)  # type: ignore[attr-defined]
            process.parked.clear()

    def _run_once(self) -> None:
        ready, timers = self._ready, self._timers  # type: ignore[attr-defined]
        if not ready:
            while timers and timers[0][1].cancelled():
                heapq.heappop(timers)
            if not timers:
                raise Stuck("nothing will ever happen again")
            self._now_s = max(self._now_s, timers[0][0])
        while timers and timers[0][0] <= self._now_s:
            ready.append(heapq.heappop(timers)[1])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            process = handle._context.get(_PROCESS)
            if process is not None and (process.dead or self._now_s < process.asleep_until_s):
                process.parked.append(handle)
                continue
            handle._run()
        self._turns += 1
        if self._turns > TURNS_MAX:
            raise Stuck(f"{TURNS_MAX} turns, and no end")

    def _note_fault(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if (fault := context.get("exception")) is not None:
            self.faults.append(fault)

    # what BaseEventLoop asks of a real one

    def _process_events(self, _: Any) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def _timer_handle_cancelled(self, _: asyncio.TimerHandle) -> None:
        pass


def _keep_task(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    name = options.pop("name", None)
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, name=name, **options)
    context = options.get("context")
    process = _PROCESS.get() if context is None else context.get(_PROCESS)
    if process is not None:
        process.tasks.append(task)
    return task
