"""The worker of payments as a process of its own, to be ended as machines end them: by kill -9, anywhere.

`python -m tests.fakes.payments_process` has the libraries and forks a worker for each line that it reads, so
that the next one is there at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from billing.database import connect
from billing.payments.stripe_adapter import StripeCards
from billing.payments.work import PaymentWork

IDLE_S: Final = 0.01


@dataclass(slots=True)
class WorkerProcess:
    """One at a time. `killed`: how many there were."""

    nursery: subprocess.Popen[str]
    order: str
    killed: int = 0
    pid: int | None = None

    def live(self) -> None:
        if self.pid is None:
            assert self.nursery.stdin is not None
            assert self.nursery.stdout is not None
            self.nursery.stdin.write(f"{self.order}\n")
            self.nursery.stdin.flush()
            self.pid = int(self.nursery.stdout.readline())

    def kill(self) -> None:
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            self.pid = None
            self.killed += 1


@contextmanager
def worker_process(url: str, *, stripe_base: str, now: datetime) -> Iterator[WorkerProcess]:
    command = [sys.executable, "-m", "tests.fakes.payments_process"]
    order = json.dumps([url, stripe_base, now.isoformat()])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        worker = WorkerProcess(nursery, order)
        try:
            yield worker
        finally:
            worker.kill()
            nursery.kill()


async def _work(url: str, stripe_base: str, now: datetime, *, parent: int) -> None:
    """Until it is killed, or nobody is there who would."""
    work = PaymentWork(StripeCards("sk_test_tests", base=stripe_base), now=lambda: now)
    async with await connect(url) as conn:
        while os.getppid() == parent:
            if not await work.work_once(conn):
                await asyncio.sleep(IDLE_S)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who is killed needs nobody's farewell
    nursery = os.getpid()
    for line in sys.stdin:
        url, stripe_base, now = json.loads(line)
        pid = os.fork()
        if pid == 0:
            asyncio.run(_work(url, stripe_base, datetime.fromisoformat(now), parent=nursery))
            os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
