"""What a company reads of its own: its calls, newest first, and its vouchers as the books know them.

Every query names the company. A page's cursor is a place in the order of first bookings, which no insert
moves.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, LiteralString

from psycopg.rows import dict_row

from billing.database import Connection
from billing.lifecycle.own_fund import PROGRAMME as OWN_PROGRAMME
from metering.money import format_krw
from metering.usage import TOKEN_CLASSES

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 100
STATUSES: Final = ("open", "settled", "released")
SEOUL: Final = timezone(timedelta(hours=9), "Asia/Seoul")


class BadQuery(Exception):
    """A filter or a cursor that cannot be read. The text is one sentence for the caller."""


@dataclass(frozen=True, slots=True)
class VoucherBooks:
    """One voucher by the books alone: spent + frozen + what is available + returned = granted, by source."""

    voucher_id: str
    programme_id: str
    state: str
    ends_on: str  # the last day, Asia/Seoul
    share_ppm: int
    government_granted_micro: int
    self_granted_micro: int
    capacity_micro: int  # where the line ends
    spent_micro: int  # posted, on the whole line
    frozen_micro: int  # lent to epochs that are not closed
    government_returned_micro: int
    self_returned_micro: int


async def voucher_balances(
    conn: Connection, company_id: str, *, now_ms: int | None = None
) -> list[VoucherBooks]:
    """`now_ms`: the database's clock where it is None."""
    cursor = await conn.execute(
        "select f.voucher_id, f.programme_id,"
        # As the office says it (billing/lifecycle/voucher.py).
        " coalesce((select min(kind) from voucher_ending o where o.voucher_id = f.voucher_id),"
        "  case when f.ends_ms <= coalesce(%s, extract(epoch from now()) * 1000) then 'expired'"
        "  else f.state end),"
        " f.ends_ms, f.share_ppm, f.government_micro,"
        " f.self_micro, f.capacity_micro,"
        " f.charged_micro, coalesce((select sum(l.lent_micro - l.posted_micro - l.returned_micro) from loan l"
        " join lane_epoch e using (lane, n) where l.voucher_id = f.voucher_id and e.state <> 'closed'),"
        " 0)::bigint,"
        " f.expired_government_micro, f.expired_self_micro"
        " from funds f where f.company_id = %s order by f.ends_ms, f.voucher_id",
        [now_ms, company_id],
    )
    return [
        VoucherBooks(row[0], row[1], row[2], _last_day(row[3]), *row[4:]) for row in await cursor.fetchall()
    ]


def _last_day(ends_ms: int) -> str:
    """The last day before an exclusive end."""
    return datetime.fromtimestamp((ends_ms - 1) / 1000, SEOUL).date().isoformat()


async def usage_one(conn: Connection, company_id: str, usage_id: str) -> dict[str, Any] | None:
    """The contract's usage record, or None where the company has no such call."""
    if "\0" in usage_id:
        return None  # PostgreSQL has no text with one
    async with conn.cursor(row_factory=dict_row) as cursor:
        # Not from usage_now: a condition on its latest step finds it only after every call's was looked up.
        await cursor.execute(
            "select * from usage where op = %s and company_id = %s order by step desc limit 1",
            [usage_id, company_id],
        )
        row = await cursor.fetchone()
    return _record(row) if row else None


_EQUAL: Final[Mapping[str, LiteralString]] = {
    "product": "latest.product_id = %s",
    "api_key": "latest.api_key = %s",
    "tag": "latest.tag = %s",
    "status": "latest.status = %s",
}
_SINCE: Final[Mapping[str, LiteralString]] = {
    "from": "latest.started_ms >= %s",
    "to": "latest.started_ms < %s",
}


async def usage_page(conn: Connection, company_id: str, filters: Mapping[str, str]) -> dict[str, Any]:
    """`{"data": [newest first], "next_cursor": …}`. Raises BadQuery."""
    limit = page_limit(filters.get("limit"))
    conditions: list[LiteralString] = ["first.company_id = %s", "first.step = 0"]
    values: list[object] = [company_id]
    if (cursor_text := filters.get("cursor")) is not None:
        conditions.append("first.seq < %s")
        values.append(_read_cursor(cursor_text))
    if filters.get("status", STATUSES[0]) not in STATUSES:
        raise BadQuery(f"status is one of {', '.join(STATUSES)}.")
    for name, condition in _EQUAL.items():
        if (value := filters.get(name)) is not None:
            conditions.append(condition)
            values.append(value.replace("\0", ""))
    for name, condition in _SINCE.items():
        if (value := filters.get(name)) is not None:
            conditions.append(condition)
            values.append(instant_ms(name, value))
    # Only the constants above are joined; every value is a parameter.
    query: LiteralString = (
        "select first.seq as first_seq, latest.* from usage first"  # noqa: S608 - see above
        " cross join lateral"
        " (select * from usage u where u.op = first.op order by u.step desc limit 1) latest where "
        + " and ".join(conditions)
        + " order by first.seq desc limit %s"
    )
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, [*values, limit + 1])
        rows = await cursor.fetchall()
    more = len(rows) > limit
    return {
        "data": [_record(row) for row in rows[:limit]],
        "next_cursor": _cursor(rows[limit - 1]["first_seq"]) if more else None,
    }


def page_limit(text: str | None) -> int:
    if text is None:
        return LIMIT_DEFAULT
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= LIMIT_MAX:
        raise BadQuery(f"limit is a number from 1 to {LIMIT_MAX}.")
    return int(text)


def _cursor(seq: int) -> str:
    return base64.urlsafe_b64encode(seq.to_bytes(8, "big")).decode().rstrip("=")


def _read_cursor(text: str) -> int:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    seq = int.from_bytes(raw, "big")
    if len(raw) != 8 or seq >= 2**63:
        raise BadQuery("cursor is not one that next_cursor gave.")
    return seq


def instant_ms(name: str, text: str) -> int:
    """RFC 3339, or a day, which begins at midnight in Korea; `to` as a day includes that day."""
    try:
        # In a query string a plus sign that was not escaped arrives as a space.
        instant = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=SEOUL)
            if name == "to" and "T" not in text:
                instant += timedelta(days=1)
    except (ValueError, OverflowError):
        raise BadQuery(f"{name} is an RFC 3339 time or a day like 2026-03-01.") from None
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a fund of own money paid is booked as its self share, and is no share of anything."""
    is_own = row["programme_id"] == OWN_PROGRAMME
    return {
        "id": row["op"],
        "request_id": row["request_id"],
        "product": row["product_id"],
        "provider": row["provider_id"],
        "voucher": row["voucher_id"],
        "api_key": row["api_key"],
        "tag": row["tag"],
        "started_at": rfc3339(row["started_ms"]),
        "finished_at": rfc3339(row["finished_ms"]),
        "dialect": row["dialect"],
        "stream": row["stream"],
        "status": row["status"],
        "end_reason": row["end_reason"],
        "client_gone": row["client_gone"],
        "estimated": row["estimated"],
        "error": row["error"],
        "tokens": {name: row[f"{name}_tokens"] for name in TOKEN_CLASSES},
        "units": row["units"],
        "charge_krw": format_krw(row["charge_micro"]),
        "government_krw": format_krw(row["government_micro"]),
        "self_krw": format_krw(0 if is_own else row["self_micro"]),
        "own_krw": format_krw(row["own_micro"] + (row["self_micro"] if is_own else 0)),
        "uncollected_krw": format_krw(row["uncollected_micro"]),
        "price_from": row["price_from"],
        "upstream_request_id": row["upstream_request_id"],
        "posted": True,
    }


def rfc3339(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"
