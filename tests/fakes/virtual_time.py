"""A loop whose clock jumps to the next timer instead of waiting for it, and may sleep through timers.

For conversations without sockets: seconds of waiting cost nothing and fall out the same every time.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

Given = ParamSpec("Given")


class _Selector(selectors.DefaultSelector):
    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and timeout > 0:
            self.loop.skipped_s += timeout
        return super().select(None if timeout is None else 0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.skipped_s = 0.0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return super().time() + self.skipped_s


class SleepyLoop(asyncio.SelectorEventLoop):
    """Real time, but the process can be put to sleep: `skipped_s` passes at once, with sockets about."""

    skipped_s = 0.0

    def time(self) -> float:
        return super().time() + self.skipped_s


def sleep_through(seconds: float) -> None:
    """The whole process stands still for so long, as under SIGSTOP."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop | SleepyLoop)
    loop.skipped_s += seconds


def _run_in(make_loop: Callable[[], asyncio.AbstractEventLoop], test: Any) -> Any:
    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=make_loop) as runner:
            runner.run(test(*args, **kwargs))

    return run


def in_virtual_time(test: Callable[Given, Coroutine[Any, Any, None]]) -> Callable[Given, None]:
    """An async test, run on a VirtualLoop."""
    run: Callable[Given, None] = _run_in(VirtualLoop, test)
    return run


def on_a_sleepy_loop(test: Callable[Given, Coroutine[Any, Any, None]]) -> Callable[Given, None]:
    """An async test, run on a SleepyLoop."""
    run: Callable[Given, None] = _run_in(SleepyLoop, test)
    return run
