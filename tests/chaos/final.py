"""What the books and the vendor say when everything is calm again: read once, at the end."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import aiohttp
import psycopg

from billing import database
from billing.ledger.store import trial_balance
from tests.chaos.history import Billed, Books, Usage, Voucher
from tests.fakes.house import House
from tests.journeys.books import rows
from tests.journeys.caller import micro, total_micro
from tests.journeys.declarations import key_text

CALM_WAIT_S: Final = 120.0
EXPORT_WAIT_S: Final = 300.0
QUIET_IN_A_ROW: Final = 3
_OPEN_ENDS: Final = (
    "select (select count(*) from claim) + (select count(*) from lane_epoch where state = 'closing')"
)
_USAGE: Final = (
    "select u.op, u.request_id, u.voucher_id, u.product_id, u.gateway_id, u.kind, u.end_reason, u.estimated,"
    " u.stream, u.output_tokens, u.charge_micro, u.government_micro, u.self_micro, u.uncollected_micro,"
    " (extract(epoch from f.posted_at) * 1000)::bigint"
    " from usage_now u join usage f on f.op = u.op and f.step = 0 order by u.first_seq"
)


async def wait_calm(house: House, url: str, vouchers: tuple[Voucher, ...]) -> float:
    """Until nothing is posted any more, no claim and no closing epoch is left, and no hold is open.

    The seconds that took; after `CALM_WAIT_S` the checker sees what is left and says so.
    """
    started_s = time.monotonic()
    quiet, posted = 0, -1
    while time.monotonic() - started_s < CALM_WAIT_S and quiet < QUIET_IN_A_ROW:
        await asyncio.sleep(0.5)
        try:
            ((open_ends, now_posted),) = await rows(house, f"{_OPEN_ENDS}, (select count(*) from usage)")
            held = await _held_micro(url, vouchers)
        except (psycopg.OperationalError, aiohttp.ClientError, TimeoutError, OSError, LookupError):
            quiet = 0
            continue
        quiet = quiet + 1 if open_ends == 0 and held == 0 and now_posted == posted else 0
        posted = now_posted
    return time.monotonic() - started_s


def export_books(house: House, bundle: Path) -> None:
    """As an auditor is given them."""
    bundle.unlink(missing_ok=True)
    words = [sys.executable, "-m", "launch", "export", str(bundle), "--data-dir", str(house.data_dir)]
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=EXPORT_WAIT_S
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


async def read_books(house: House, url: str, vouchers: tuple[Voucher, ...], *, vendor_log: Path) -> Books:
    shown = await _shown(url, vouchers)
    usages = tuple(Usage(*row) for row in await rows(house, _USAGE))
    ((open_ends, parked),) = await rows(house, f"{_OPEN_ENDS}, (select count(*) from parked)")
    async with await database.connect(house.database_url) as connection:
        balance = await trial_balance(connection)
    return Books(
        vouchers=tuple(
            replace(
                voucher,
                shown_spent_micro=total_micro(shown[voucher.company], "spent"),
                shown_held_micro=total_micro(shown[voucher.company], "held"),
            )
            for voucher in vouchers
        ),
        usages=usages,
        vendor=tuple(await asyncio.to_thread(read_vendor_log, vendor_log)),
        ledger_faults=tuple(balance.faults),
        ledger_sum_micro=balance.total_micro,
        parked=parked,
        open_ends=open_ends,
    )


def read_vendor_log(path: Path) -> list[Billed]:
    calls = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [_billed(call) for call in calls]


def _billed(call: Mapping[str, Any]) -> Billed:
    usage = call["usage"] or {}
    return Billed(
        request_id=call["request_id"] or "",
        ended=call["ended"],
        prompt_tokens=usage.get("prompt_tokens"),
        cached_tokens=usage.get("prompt_tokens_details", {}).get("cached_tokens"),
        completion_tokens=usage.get("completion_tokens"),
    )


async def _held_micro(url: str, vouchers: tuple[Voucher, ...]) -> int:
    return sum(total_micro(shown, "held") for shown in (await _shown(url, vouchers)).values())


async def _shown(url: str, vouchers: tuple[Voucher, ...]) -> dict[str, Mapping[str, Any]]:
    """GET /v1/voucher of every company."""
    shown: dict[str, Mapping[str, Any]] = {}
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for voucher in vouchers:
            headers = {"Authorization": f"Bearer {key_text(voucher.company)}"}
            async with session.get(f"{url}/v1/voucher", headers=headers) as response:
                body = await response.json()
                (shown[voucher.company],) = body["vouchers"]
                assert micro(shown[voucher.company]["self"]["granted_krw"]) == voucher.self_micro
    return shown
