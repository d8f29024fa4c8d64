"""Applications in PostgreSQL, their documents and score sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from billing.casework.deeds import Deed, log_step, take_step
from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from billing.lifecycle import application
from billing.lifecycle.table import Refused

FIELDS: Final = (
    "title",
    "plan",
    "track",
    "government_micro",
    "self_cash_micro",
    "self_in_kind_micro",
    "products",
    "bonuses",
)

_FIND: Final = (
    "select a.*, c.brn, c.active as company_active, c.class_name as company_class,"
    " r.programme_id, r.state as round_state, r.opens_at, r.closes_at, r.classes, r.tracks,"
    " r.bonuses as round_bonuses, r.criteria, r.cap_micro, r.evaluators_min, r.mean"
    " from application a join round r on r.id = a.round_id join company c on c.id = a.company_id"
    " where a.id = %s"
)


async def find(conn: Connection, application_id: str, *, lock: bool = False) -> Row:
    """With what its round and company say. A step waits for a selection that runs, and it for the step."""
    if lock:
        await conn.execute(
            "select 1 from round r join application a on a.round_id = r.id where a.id = %s for share of r",
            [application_id],
        )
    return await row_of(conn, _FIND + (" for update of a" if lock else ""), [application_id])


async def make(
    conn: Connection, round_id: str, company_id: str, values: Mapping[str, Any], *, deed: Deed
) -> str:
    """-> its id. One of a company in a round, for good: who withdrew opens it again."""
    row = {**await round_and_company(conn, round_id, company_id), **values}
    number = await row_of(conn, "select nextval('application_number') as n")
    application_id = f"ap-{number['n']:06d}"
    await take_step(
        conn,
        application.TABLE,
        "make",
        deed=deed,
        thing_id=application_id,
        state=None,
        company=company_id,
        facts=facts_of(row, deed),
    )
    names = ("id", "round_id", "company_id", "state", "class_name", "created_at", *FIELDS)
    try:
        await conn.execute(
            f"insert into application ({', '.join(names)})"  # noqa: S608
            f" values ({', '.join(['%s'] * len(names))})".encode(),
            [
                *(application_id, round_id, company_id, "draft", row["company_class"], deed.now),
                *(values[name] for name in FIELDS),
            ],
        )
    except UniqueViolation:
        raise Refused(
            "already_applied",
            "The company has an application in this round.",
            "이 회차에 이미 신청서가 있습니다.",
        ) from None
    return application_id


async def round_and_company(conn: Connection, round_id: str, company_id: str) -> Row:
    company = await row_of(
        conn,
        "select id as company_id, brn, active as company_active, class_name as company_class from company"
        " where id = %s",
        [company_id],
    )
    of_round = await rows_of(
        conn,
        "select state as round_state, opens_at, closes_at, classes, tracks, bonuses as round_bonuses,"
        " cap_micro, evaluators_min from round where id = %s and state <> 'draft' for share",
        [round_id],
    )
    if not of_round:
        raise Refused("round_unknown", "There is no such round.", "없는 회차입니다.")
    return {**company, **of_round[0]}


async def change(conn: Connection, application_id: str, changes: Mapping[str, Any], *, deed: Deed) -> None:
    row = await find(conn, application_id, lock=True)
    after = {**row, **changes}
    await take(conn, "change", after, deed=deed, detail={"fields": sorted(changes)})
    await conn.execute(
        f"update application set {', '.join(f'{name} = %s' for name in FIELDS)} where id = %s".encode(),  # noqa: S608
        [*(after[name] for name in FIELDS), application_id],
    )


async def move(
    conn: Connection,
    application_id: str,
    action: str,
    *,
    deed: Deed,
    granted_bonuses: Sequence[str] | None = None,
) -> None:
    """Submit, withdraw, reopen, screen, score or reject it."""
    row = await find(conn, application_id, lock=True)
    if action == "screen" and not set(granted_bonuses or ()) <= set(row["bonuses"]):
        raise Refused(
            "bonus_unknown", "Only what was claimed can be granted.", "신청하지 않은 가점 항목입니다."
        )
    detail = {} if granted_bonuses is None else {"bonuses": sorted(granted_bonuses)}
    state = await take(conn, action, row, deed=deed, detail=detail, **await around(conn, row))
    await conn.execute(
        "update application set state = %s, class_name = case when %s = 'submit' then %s else class_name end,"
        " submitted_at = case when %s = 'submit' then %s else submitted_at end,"
        " granted_bonuses = coalesce(%s, granted_bonuses),"
        " award_micro = case when %s = 'withdrawn' then null else award_micro end,"
        " outcome = case when %s = 'reject' then %s else outcome end where id = %s",
        [
            *(state, action, row["company_class"], action, deed.now),
            None if granted_bonuses is None else sorted(granted_bonuses),
            *(state, action, Jsonb({"why": deed.reason}), application_id),
        ],
    )


async def around(conn: Connection, row: Row) -> dict[str, Any]:
    """Applications of the same business number, evaluators who scored, whether an agreement was offered."""
    found = await row_of(
        conn,
        "select (select count(*) from application o join company c on c.id = o.company_id"
        "  where o.round_id = %s and o.id <> %s and c.brn = %s and o.state not in ('draft', 'withdrawn'))"
        "  ::integer as others,"
        " (select count(distinct evaluator) from evaluation where application_id = %s)::integer as sheets,"
        " exists (select from agreement where application_id = %s"
        "  and state in ('offered', 'signed', 'completed')) as agreed",
        [row["round_id"], row["id"], row["brn"], row["id"], row["id"]],
    )
    return {
        "others_of_brn": found["others"],
        "evaluators": found["sheets"],
        "has_agreement": found["agreed"],
    }


async def take(
    conn: Connection,
    action: str,
    row: Row,
    *,
    deed: Deed,
    detail: Mapping[str, Any] | None = None,
    **more: Any,
) -> str:
    return await take_step(
        conn,
        application.TABLE,
        action,
        deed=deed,
        thing_id=row["id"],
        state=row["state"],
        company=row["company_id"],
        facts=facts_of(row, deed, **more),
        detail=detail,
    )


def facts_of(row: Mapping[str, Any], deed: Deed, **more: Any) -> application.Facts:
    return application.Facts(
        now=deed.now,
        round_state=row["round_state"],
        opens_at=row["opens_at"],
        closes_at=row["closes_at"],
        classes=None if row["classes"] is None else frozenset(row["classes"]),
        class_name=row["company_class"],
        company_active=row["company_active"],
        tracks=frozenset(track["id"] for track in row["tracks"]),
        track=row["track"],
        bonuses=frozenset(bonus["id"] for bonus in row["round_bonuses"]),
        claimed=frozenset(row["bonuses"]),
        cap_micro=row["cap_micro"],
        requested_micro=row["government_micro"],
        is_complete=bool(row["title"].strip() and row["plan"].strip()),
        is_submitted=row.get("state") == "submitted",
        evaluators_min=row["evaluators_min"],
        **more,
    )


async def release(conn: Connection, application_id: str, *, deed: Deed) -> None:
    """The agreement came to nothing, so the award is free again. The selected application is withdrawn."""
    await conn.execute(
        "update application set state = 'withdrawn', award_micro = null where id = %s", [application_id]
    )
    await log_step(
        conn,
        "application",
        "release",
        deed=deed,
        thing_id=application_id,
        before="selected",
        after="withdrawn",
    )
