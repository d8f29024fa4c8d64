"""The worker role: poster, sweeper and closer of epochs in one process, until it is told to end."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from pathlib import Path
from typing import Final

import psycopg
import structlog
import uvloop
from prometheus_client import CollectorRegistry, Counter
from psycopg_pool import PoolTimeout

from billing.database import Pool, open_pool
from billing.forgetting import Forgetting
from billing.jobs.work import JobWork
from billing.payables.work import PayoutWork
from billing.payments.work import PaymentWork
from billing.revival import revive_lanes
from billing.secrets import Secrets
from billing.treasury import BooksMismatch
from billing.worker import WorkerStats, run_worker
from config.settings import Settings, read_master_secret
from launch import metric_files, roles
from launch.job_main import attempt_apart
from launch.process import collect_seldom, say_ready
from launch.purse_for_once import get_back
from launch.refusal import Refused
from launch.with_books import of_this_version
from metering.purse import PurseUnavailable
from metering.purse_redis import RedisPurse, connect_purse
from metering.treasury import TreasuryUnavailable

CONNECT_PAUSE_S: Final = 0.25
METRICS_EVERY_S: Final = 2.0
REVIVE_EVERY_S: Final = 1.0
FORGET_EVERY_S: Final = 10.0
COUNTED: Final = {
    "posted": "Events taken from the streams into the books",
    "parked": "Events that could not be applied and wait for a person",
    "swept": "Holds of dead gateways ended at their last checkpoint",
    "returned": "Micro-won given back by closed epochs",
    "failures": "Times a loop of the worker began anew",
}

log = structlog.get_logger(__name__)


async def connect(url: str, stop: asyncio.Event) -> RedisPurse | None:
    """The purse, as soon as it answers; None where the end comes first. Why it does not is said once."""
    said = ""
    while not stop.is_set():
        try:
            return await connect_purse(url)
        except PurseUnavailable as error:
            if (reason := str(error)) != said:
                log.warning("purse_unavailable", reason=reason)
                said = reason
            await asyncio.sleep(CONNECT_PAUSE_S)
    return None


async def _check_secret(settings: Settings, pool: Pool, stop: asyncio.Event) -> None:
    """As soon as the books answer. Raises Refused."""
    said = ""
    while not stop.is_set():
        try:
            async with pool.connection() as connection:
                await roles.secrets_of(settings, connection)
            return
        except (psycopg.OperationalError, PoolTimeout) as error:
            if (reason := type(error).__name__) != said:
                log.warning("books_unavailable", reason=reason)
                said = reason
            await asyncio.sleep(CONNECT_PAUSE_S)


async def _count(stats: WorkerStats, metrics_dir: Path) -> None:
    """Copy the worker's own numbers into the metrics of the house."""
    metric_files.take_place(metrics_dir)
    registry = CollectorRegistry()
    counters = {
        name: Counter(f"voucher_worker_{name}", text, registry=registry) for name, text in COUNTED.items()
    }
    seen = dict.fromkeys(COUNTED, 0)
    while True:
        for name, counter in counters.items():
            now = getattr(stats, name)
            counter.inc(now - seen[name])
            seen[name] = now
        await asyncio.sleep(METRICS_EVERY_S)


async def _revive(pool: Pool, purse: RedisPurse) -> None:
    """Once a second; while one of the two servers is away there is nothing to revive."""
    while True:
        try:
            if (revived := await revive_lanes(pool, purse)) > 0:
                log.info("lanes_revived", lanes=revived)
        except (TreasuryUnavailable, PurseUnavailable, psycopg.Error, PoolTimeout) as error:
            log.warning("not_revived", reason=str(error))
        await asyncio.sleep(REVIVE_EVERY_S)


async def _forget(pool: Pool, purse: RedisPurse) -> None:
    """Rarely anything to do, and never urgent."""
    forgetting = Forgetting(pool, purse)
    while True:
        try:
            if (expired := await forgetting.forget_once()) > 0:
                log.info("old_keys_expire", keys=expired)
        except (PurseUnavailable, psycopg.Error, PoolTimeout) as error:
            log.warning("not_forgotten", reason=str(error))
        await asyncio.sleep(FORGET_EVERY_S)


async def _run(settings: Settings, *, ready_fd: int | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    purse = await connect(roles.redis_url(settings), stop)
    if purse is None:
        return
    stats = WorkerStats()
    secrets = Secrets(read_master_secret(settings))
    cards, transfers = roles.cards_of(settings), roles.transfers_of(settings)
    payouts = None if transfers is None else PayoutWork(transfers, secrets)
    payments = None if cards is None else PaymentWork(cards, partial(get_back, purse), payouts)
    alerts = roles.alerts_of(settings)
    database_url = roles.database_url(settings)
    pool = open_pool(database_url, size_max=2)
    async with pool:
        await _check_secret(settings, pool, stop)
        beside = [
            asyncio.create_task(_count(stats, settings.metrics_dir), name="count"),
            asyncio.create_task(_revive(pool, purse), name="revive"),
            asyncio.create_task(_forget(pool, purse), name="forget"),
        ]
        say_ready(ready_fd)
        collect_seldom()
        try:
            await run_worker(
                database_url,
                purse,
                stop,
                stats=stats,
                signing_seed=secrets.signing_seed,
                payments=payments,
                jobs=JobWork(partial(attempt_apart, settings)),
                charges_reports=True,
                alerts=alerts,
            )
        except BooksMismatch as mismatch:
            raise Refused(str(mismatch)) from mismatch
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
            await alerts.close()
            for rail in (cards, transfers):
                if rail is not None:
                    await rail.aclose()
            await purse.close()


def run(settings: Settings, *, ready_fd: int | None) -> None:
    with of_this_version():
        uvloop.run(_run(settings, ready_fd=ready_fd))
