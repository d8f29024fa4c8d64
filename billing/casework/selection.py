"""A round's selection: the ranking of its scored applications, and who of them is selected within the budget.

The same reading makes the ranking that is looked at before and the one that is decided by.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from psycopg.types.json import Jsonb

from billing.casework import rounds
from billing.casework.budget import promised, room_of_companies
from billing.casework.deeds import Deed, log_step, take_step
from billing.casework.rows import Row, lock_budget, row_of, rows_of
from billing.database import Connection
from billing.directory_time import instant_ms
from billing.lifecycle import round as lifecycle
from billing.lifecycle.ranking import Candidate, Ranked, Rule, Sheet, points_text, rank
from billing.lifecycle.selecting import Bounds, Outcome, competition, ratio_text, select
from metering.money import format_krw


@dataclass(frozen=True, slots=True)
class Counts:
    applied: int  # submitted and not withdrawn
    undecided: int


async def ranking(conn: Connection, round_row: Row) -> list[Ranked]:
    rule = Rule(
        mean=round_row["mean"],
        bonus_milli_max=round_row["bonus_milli_max"],
        ties=tuple(round_row["ties"]),
    )
    return rank(await _candidates(conn, round_row), rule)


async def _candidates(conn: Connection, round_row: Row) -> list[Candidate]:
    """Those that are scored; once it is decided, those that were, whatever became of them."""
    worth = {bonus["id"]: bonus["milli"] for bonus in round_row["bonuses"]}
    applications = await rows_of(
        conn,
        "select id, company_id, track, government_micro, submitted_at, granted_bonuses from application"
        " where round_id = %s and (state = 'scored' or outcome ? 'rank') order by id",
        [round_row["id"]],
    )
    sheets: dict[str, list[Sheet]] = {}
    for row in await rows_of(
        conn,
        "select distinct on (e.application_id, e.evaluator) e.application_id, e.evaluator, e.milli"
        " from evaluation e join application a on a.id = e.application_id where a.round_id = %s"
        " order by e.application_id, e.evaluator, e.id desc",
        [round_row["id"]],
    ):
        sheets.setdefault(row["application_id"], []).append(Sheet(row["evaluator"], row["milli"]))
    return [
        Candidate(
            application_id=row["id"],
            company_id=row["company_id"],
            track=row["track"],
            requested_micro=row["government_micro"],
            submitted_ms=instant_ms(row["submitted_at"]),
            sheets=tuple(sheets.get(row["id"], ())),
            bonus_milli=sum(worth.get(bonus, 0) for bonus in row["granted_bonuses"] or ()),
        )
        for row in applications
    ]


async def counts(conn: Connection, round_id: str) -> Counts:
    row = await row_of(
        conn,
        "select count(*) filter (where submitted_at is not null and state not in ('draft', 'withdrawn'))"
        "::integer as applied,"
        " count(*) filter (where state in ('submitted', 'screened'))::integer as undecided"
        " from application where round_id = %s",
        [round_id],
    )
    return Counts(row["applied"], row["undecided"])


async def decide(conn: Connection, round_id: str, *, deed: Deed) -> None:
    """Select within quota, caps and budget; the awards are reserved with the same commit."""
    await lock_budget(conn)
    row = await rounds.find(conn, round_id, lock="for update")
    count = await counts(conn, round_id)
    facts = rounds.facts_of(row, deed, undecided=count.undecided)
    ranked = await ranking(conn, row)
    outcomes = select(ranked, await _bounds(conn, row, ranked, deed))
    selected = sum(outcome.selected for outcome in outcomes)
    result = {
        "applied": count.applied,
        "scored": len(outcomes),
        "selected": selected,
        "competition": _ratio(competition(count.applied, selected)),
        "awarded_krw": format_krw(sum(outcome.award_micro for outcome in outcomes)),
    }
    after = await take_step(
        conn,
        lifecycle.TABLE,
        "select",
        deed=deed,
        thing_id=round_id,
        state=row["state"],
        facts=facts,
        detail=result,
    )
    await conn.execute(
        "update round set state = %s, result = %s where id = %s", [after, Jsonb(result), round_id]
    )
    for outcome in outcomes:
        await _write(conn, outcome, deed)


async def _bounds(conn: Connection, row: Row, ranked: list[Ranked], deed: Deed) -> Bounds:
    budget = await promised(conn, row["programme_id"])
    companies = [one.candidate.company_id for one in ranked]
    return Bounds(
        budget_micro=min(row["budget_micro"], max(0, budget.left_micro)),
        quota=row["quota"],
        track_quotas={t["id"]: t["quota"] for t in row["tracks"] if t["quota"] is not None},
        pass_mark_milli=row["pass_mark_milli"],
        beyond_budget=row["beyond_budget"],
        room_micro=await room_of_companies(conn, row["programme_id"], companies, today=deed.today),
    )


async def _write(conn: Connection, outcome: Outcome, deed: Deed) -> None:
    state = "selected" if outcome.selected else "rejected"
    shown = {**shown_rank(outcome.ranked), "why": outcome.why[0], "why_ko": outcome.why[1]}
    application_id = outcome.ranked.candidate.application_id
    await conn.execute(
        "update application set state = %s, award_micro = %s, outcome = %s where id = %s",
        [state, outcome.award_micro if outcome.selected else None, Jsonb(shown), application_id],
    )
    await log_step(
        conn,
        "application",
        "select" if outcome.selected else "reject",
        deed=Deed(deed.actor, deed.now, deed.request_id, outcome.why[0]),
        thing_id=application_id,
        before="scored",
        after=state,
        detail={"rank": outcome.ranked.rank},
    )


def shown_rank(ranked: Ranked) -> dict[str, Any]:
    return {
        "rank": ranked.rank,
        "score": points_text(ranked.score),
        "score_before_bonus": points_text(ranked.before_bonus),
        "tie": None if ranked.tie is None else ranked.tie[0],
        "tie_ko": None if ranked.tie is None else ranked.tie[1],
    }


def _ratio(ratio: Fraction | None) -> dict[str, Any] | None:
    if ratio is None:
        return None
    return {"applied": ratio.numerator, "selected": ratio.denominator, "text": ratio_text(ratio)}
