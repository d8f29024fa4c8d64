"""The worker: posts the streams, sweeps after the dead, closes epochs, tells the purse what changed.

Each loop lives on a connection of its own and comes back by itself: when PostgreSQL or Redis is away it waits
and tries again, for as long as it takes. Nothing is kept in memory that a second worker would need.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

import psycopg

from billing.alerts.work import AlertWork
from billing.audit.sealing import SEAL_MAX, make_signer, seal
from billing.closing import close_epochs, end_unused_epochs
from billing.database import Connection, connect
from billing.expiry import expire_vouchers
from billing.idempotency_store import purge_expired
from billing.jobs.work import JobWork
from billing.loans import push_loans
from billing.payments.work import JOBS_MAX, PaymentWork
from billing.posting import BATCH_MAX, Poster
from billing.reports.charging import charge_reports
from billing.sweeper import Sweeper
from billing.treasury import check_lanes
from metering.keys import LANES
from metering.purse import Purse, PurseUnavailable

IDLE_S: Final = 0.05
GATHER_MIN: Final = 200  # entries: a commit costs as much for one as for these, so fewer are let gather
KEEP_EVERY_S: Final = 1.0
TAKE_LANES_EVERY_S: Final = 2.0
PURGE_EVERY_S: Final = 10.0
SEAL_EVERY_S: Final = 1.0
PAY_EVERY_S: Final = 0.5
CHARGE_EVERY_S: Final = 5.0
ALERT_EVERY_S: Final = 1.0
BACK_OFF_MIN_S: Final = 0.1
BACK_OFF_MAX_S: Final = 2.0
DRAIN_S: Final = 10.0
POSTERS: Final = 2  # lanes are shared out: while one decodes, PostgreSQL writes for the other

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class WorkerStats:
    """For whoever shows metrics; counters only rise."""

    posted: int = 0
    parked: int = 0
    swept: int = 0
    returned: int = 0
    failures: int = 0
    last_post_s: float = 0.0  # by the loop's clock


async def run_worker(  # noqa: PLR0913 - what a worker is made of, by name
    database_url: str,
    purse: Purse,
    stop: asyncio.Event,
    *,
    lanes: Sequence[int] = range(LANES),
    posters: int = POSTERS,
    stats: WorkerStats | None = None,
    connect: Callable[[str], Awaitable[Connection]] = connect,
    idle_s: float = IDLE_S,
    signing_seed: bytes | None = None,
    payments: PaymentWork | None = None,
    jobs: JobWork | None = None,
    charges_reports: bool = False,
    alerts: AlertWork | None = None,
) -> None:
    """Runs until `stop`, then posts what is left in the streams. Raises BooksMismatch at the start only.

    `connect` opens each loop's connection; streams that hold little are looked at again after `idle_s`.
    Without `signing_seed` the log of the books grows, and its tree heads are not signed. Without `payments`
    card payment is off, without `jobs` long jobs wait for another worker, without `alerts` nobody is told
    anything. `charges_reports`: what providers reported is charged when it is due.
    """
    clock_s = asyncio.get_running_loop().time
    worker = _Worker(database_url, purse, stop, stats or WorkerStats(), connect, idle_s, clock_s)
    await worker.survive("check", worker.check, once=True)
    async with asyncio.TaskGroup() as group:
        for index in range(posters):
            share = tuple(lanes[index::posters])
            group.create_task(worker.survive("post", partial(worker.post, lanes=share)))
        group.create_task(worker.survive("keep", partial(worker.keep, lanes=lanes)))
        group.create_task(worker.survive("seal", partial(worker.seal, seed=signing_seed)))
        if payments is not None:
            group.create_task(worker.survive("pay", partial(worker.pay, payments=payments)))
        if jobs is not None:
            group.create_task(worker.survive("jobs", partial(worker.long_jobs, jobs=jobs)))
        if charges_reports:
            group.create_task(worker.survive("charge", worker.charge))
        if alerts is not None:
            group.create_task(worker.survive("alert", partial(worker.alert, alerts=alerts)))


@dataclass(slots=True)
class _Worker:
    database_url: str
    purse: Purse
    stop: asyncio.Event
    stats: WorkerStats
    connect: Callable[[str], Awaitable[Connection]]
    idle_s: float
    clock_s: Callable[[], float]

    async def survive(
        self, name: str, loop: Callable[[Connection], Awaitable[None]], *, once: bool = False
    ) -> None:
        """Run a loop on a fresh connection, again and again, until it ends by itself."""
        back_off_s = BACK_OFF_MIN_S
        while True:
            started_s = self.clock_s()
            try:
                conn = await self.connect(self.database_url)
                async with conn:
                    await loop(conn)
                return
            except (psycopg.Error, PurseUnavailable, OSError) as error:
                _log.warning("worker_waits loop=%s reason=%s", name, error)
            except Exception:
                if once:
                    raise
                _log.exception("worker_failed loop=%s", name)
            self.stats.failures += 1
            if self.stop.is_set():
                return  # what is not posted stays in the streams
            if self.clock_s() - started_s > BACK_OFF_MAX_S:
                back_off_s = BACK_OFF_MIN_S
            await self._pause(back_off_s)
            back_off_s = min(BACK_OFF_MAX_S, back_off_s * 2)

    async def check(self, conn: Connection) -> None:
        await check_lanes(conn)

    async def post(self, conn: Connection, lanes: Sequence[int]) -> None:
        poster = Poster(conn, self.purse, lanes=lanes)
        taken_s = float("-inf")
        while not self.stop.is_set():
            if self.clock_s() - taken_s >= TAKE_LANES_EVERY_S:
                await poster.take_lanes()
                taken_s = self.clock_s()
            if await self._post_once(poster) < GATHER_MIN:
                await self._pause(self.idle_s)
        deadline_s = self.clock_s() + DRAIN_S
        while await self._post_once(poster) and self.clock_s() < deadline_s:
            pass

    async def _post_once(self, poster: Poster) -> int:
        parked = poster.parked
        taken = await poster.post_once(batch_max=BATCH_MAX)
        self.stats.parked += poster.parked - parked
        if taken:
            self.stats.posted += taken
            self.stats.last_post_s = self.clock_s()
        return taken

    async def keep(self, conn: Connection, lanes: Sequence[int]) -> None:
        sweeper = Sweeper(self.purse, started_s=self.clock_s())
        purged_s = float("-inf")
        while not self.stop.is_set():
            now_s = self.clock_s()
            self.stats.swept += await sweeper.sweep_once(conn, lanes=lanes, now_s=now_s)
            self.stats.returned += await close_epochs(conn, lanes=lanes)
            await push_loans(self.purse, conn, lanes=lanes)
            if now_s - purged_s >= PURGE_EVERY_S:
                await purge_expired(conn)
                await expire_vouchers(self.purse, conn, lanes=lanes)
                purged_s = now_s
            await self._pause(KEEP_EVERY_S)
        if await end_unused_epochs(conn, lanes=lanes):
            self.stats.returned += await close_epochs(conn, lanes=lanes)

    async def seal(self, conn: Connection, seed: bytes | None) -> None:
        signer = None if seed is None else await make_signer(conn, seed)
        while not self.stop.is_set():
            if await seal(conn, signer) < SEAL_MAX:
                await self._pause(SEAL_EVERY_S)

    async def pay(self, conn: Connection, payments: PaymentWork) -> None:
        while not self.stop.is_set():
            if await payments.work_once(conn) < JOBS_MAX:
                await self._pause(PAY_EVERY_S)

    async def long_jobs(self, conn: Connection, jobs: JobWork) -> None:
        """On connections of its own; `conn` says that PostgreSQL is there."""
        await jobs.work(self.database_url, self.stop)

    async def charge(self, conn: Connection) -> None:
        while not self.stop.is_set():
            await charge_reports(self.purse, conn, now=datetime.now(UTC))
            await self._pause(CHARGE_EVERY_S)

    async def alert(self, conn: Connection, alerts: AlertWork) -> None:
        while not self.stop.is_set():
            if await alerts.work_once(conn) == 0:
                await self._pause(ALERT_EVERY_S)

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless told to stop."""
        try:
            await asyncio.wait_for(self.stop.wait(), timeout=seconds)
        except TimeoutError:
            pass  # the usual end of a pause
