"""A signed report taken in: its signature, its id, each of its lines. A refused line is kept as it was said.

The same report again is answered as the first time. Another one under the id of the first, or a line that
says something else than before, is refused, and both stay as they were signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg.types.json import Jsonb

from billing.casework.deeds import Deed, take_step
from billing.casework.rows import Row, rows_of
from billing.database import MONTH_LOCK, Connection
from billing.lifecycle import report_key, report_line
from billing.lifecycle.table import Refused
from billing.reports import judging
from billing.reports.charging import charge_line
from billing.reports.reading import Report, ReportedLine, Unread, read_report, sha256_of
from billing.reports.signing import BadSignature, key_named, payload_of

ISSUED_BEFORE_MAX: Final = timedelta(minutes=10)
ISSUED_AHEAD_MAX: Final = timedelta(minutes=1)  # clocks differ
# Lines of a report that are charged with it. Those of a longer one the worker charges, one by one: whoever
# lends from the same vouchers waits for us meanwhile.
CHARGED_AT_ONCE_MAX: Final = 20

FIND: Final = "select r.* from usage_report r"


@dataclass(frozen=True, slots=True)
class Taken:
    """`outcome`: taken, or contradicts. `is_new`: it was not answered before."""

    id: str
    outcome: str
    is_new: bool


async def take_report(conn: Connection, signed: str, *, deed: Deed) -> Taken:
    """In the caller's SQL transaction. Raises Refused where it is nobody's word."""
    provider = deed.actor.provider
    assert provider is not None, "a person of a provider has one"
    key, report = await _verified(conn, signed, provider)
    # One report of a provider at a time: the second finds what the first has taken.
    await conn.execute("select from provider where id = %s for no key update", [provider])
    content = report.content_sha256()
    before = await rows_of(
        conn,
        "select id, outcome, content_sha256 from usage_report where provider_id = %s and report_id = %s",
        [provider, report.jti],
    )
    for row in before:
        if row["content_sha256"] == content:
            return Taken(row["id"], row["outcome"], is_new=False)
    _must_be_fresh(report, key, deed.now)
    [number] = await rows_of(conn, "select nextval('usage_report_number') as number")
    made = f"ur-{number['number']:06d}"
    outcome = "contradicts" if before else "taken"
    result = [] if before else await _take_lines(conn, made, provider, report, deed)
    await conn.execute(
        "insert into usage_report (id, provider_id, report_id, key_id, issued_at, content_sha256, signed,"
        " outcome, result, received_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            *(made, provider, report.jti, key["id"], datetime.fromtimestamp(report.iat, UTC), content),
            *(signed, outcome, Jsonb(result), deed.now),
        ],
    )
    return Taken(made, outcome, is_new=True)


async def _verified(conn: Connection, signed: str, provider: str) -> tuple[Row, Report]:
    try:
        named = await rows_of(
            conn,
            "select * from report_key where id = %s and provider_id = %s",
            [key_named(signed).replace("\0", ""), provider],
        )
        if not named:
            raise Refused("key_unknown", "The provider has no such key.", "등록되지 않은 서명 키입니다.")
        payload = payload_of(signed, named[0]["public_key"])
    except BadSignature as error:
        raise Refused(
            "signature_invalid", f"The report is not signed: {error}.", f"서명이 올바르지 않습니다: {error}"
        ) from None
    if named[0]["state"] == "revoked":
        raise Refused("key_revoked", "This key was revoked.", "폐기된 서명 키입니다.")
    try:
        report = read_report(payload)
    except Unread as error:
        raise Refused(
            "report_unreadable", f"The report cannot be read: {error}", f"보고를 읽을 수 없습니다: {error}"
        ) from None
    if report.iss != provider:
        raise Refused("issuer_other", "It was issued by another.", "발급자(iss)가 다릅니다.")
    return named[0], report


def _must_be_fresh(report: Report, key: Row, now: datetime) -> None:
    """A report that is new was signed just now: an old one that somebody kept says nothing any more."""
    if not report_key.is_taken_at(now, state=key["state"], from_at=key["from_at"], until_at=key["until_at"]):
        raise Refused(
            "key_retired", "This key is not taken any more.", "더 이상 사용할 수 없는 서명 키입니다."
        )
    issued_at = datetime.fromtimestamp(report.iat, UTC)
    if not now - ISSUED_BEFORE_MAX <= issued_at <= now + ISSUED_AHEAD_MAX:
        raise Refused(
            "report_stale",
            "It was issued more than ten minutes ago, or in the future; sign it anew.",
            "발급 시각(iat)이 10분을 넘게 지났거나 미래입니다. 다시 서명해 주세요.",
        )


async def _take_lines(
    conn: Connection, report_id: str, provider: str, report: Report, deed: Deed
) -> list[dict[str, Any]]:
    # Whoever closes a month counts what was reported: before it, or after it.
    await conn.execute("select pg_advisory_xact_lock_shared(%s, 0)", [MONTH_LOCK])
    result = []
    for line in report.lines:
        try:
            line_id = await _take_line(conn, report_id, provider, line, deed)
            result.append({"id": line.id, "line": line_id, "code": None})
        except Refused as refused:
            result.append({"id": line.id, "line": None, "code": refused.code, "detail": refused.english})
    made = [one["line"] for one in result if one["line"] is not None]
    if len(made) > CHARGED_AT_ONCE_MAX:
        return result
    # All at once, in the order in which the poster locks them: neither waits for the other in a circle.
    await conn.execute(
        "select from funds where company_id = any(%s) order by voucher_id for update",
        [sorted({line.company for line in report.lines})],
    )
    for line_id in made:
        await charge_line(conn, line_id, now=deed.now)
    return result


async def _take_line(conn: Connection, report_id: str, provider: str, line: ReportedLine, deed: Deed) -> str:
    """-> its id; a line that was taken before, and says the same, is that one. Raises Refused."""
    content = sha256_of(line.content())
    known = await rows_of(
        conn,
        "select id, content_sha256 from report_line where provider_id = %s and line_id = %s",
        [provider, line.id],
    )
    if known and known[0]["content_sha256"] != content:
        raise Refused(
            "line_contradicts",
            "A line of this id said something else; correct it by a new line.",
            "같은 ID의 줄이 다른 내용으로 이미 보고되었습니다. 새 줄로 정정해 주세요.",
        )
    if known:
        return str(known[0]["id"])
    judged = await judging.judge(conn, provider, line, deed)
    return await _insert_line(conn, report_id, provider, line, judged, content, deed)


async def _insert_line(
    conn: Connection,
    report_id: str,
    provider: str,
    line: ReportedLine,
    judged: judging.Judged,
    content: str,
    deed: Deed,
) -> str:
    [number] = await rows_of(conn, "select nextval('report_line_number') as number")
    made = f"rl-{number['number']:06d}"
    state = await take_step(
        conn,
        report_line.TABLE,
        "report",
        deed=deed,
        thing_id=made,
        state=None,
        provider=provider,
        facts=judged.facts,
        detail={"report": report_id, "line": line.id, "amount_micro": judged.columns.get("amount_micro")},
    )
    row = judged.columns | {
        "id": made,
        "provider_id": provider,
        "line_id": line.id,
        "report_id": report_id,
        "content_sha256": content,
        "reported_at": deed.now,
        "state": state,
    }
    await conn.execute(
        f"insert into report_line ({', '.join(row)}) values ({', '.join(['%s'] * len(row))})".encode(),  # noqa: S608 - our own columns
        list(row.values()),
    )
    return made
