"""Every step of every table: refused from wrong states, to wrong roles and tenants, on broken conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from billing.lifecycle import (
    agreement,
    amendment,
    api_key,
    application,
    company,
    credential,
    delivery,
    job,
    own_fund,
    payment,
    programme,
    round,
    voucher,
    webhook,
)
from billing.lifecycle.table import Actor, Refused, Role, Step, Table
from billing.lifecycle.tables import TABLES
from tests.billing.lifecycle import books_facts, offer_facts, payout_facts, report_facts

OPENS = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
CLOSES = datetime(2026, 3, 24, 6, 0, tzinfo=UTC)
DURING, AFTER = OPENS + timedelta(days=1), CLOSES
FIRST, LAST = date(2026, 4, 1), date(2026, 10, 31)
OF_PROGRAMME: dict[str, Any] = {
    "programme_starts_on": date(2026, 1, 1),
    "programme_ends_on": date(2026, 12, 31),
}

APPLYING = application.Facts(
    now=DURING,
    round_state="announced",
    opens_at=OPENS,
    closes_at=CLOSES,
    classes=frozenset({"sme"}),
    class_name="sme",
    company_active=True,
    tracks=frozenset({"a", "b"}),
    track="a",
    bonuses=frozenset({"region"}),
    claimed=frozenset({"region"}),
    cap_micro=100,
    requested_micro=100,
    evaluators=3,
    evaluators_min=3,
)
DECIDING = replace(APPLYING, now=AFTER)
ROUND = round.Facts(DURING, OPENS, CLOSES)
AGREED = agreement.Facts(
    date(2026, 5, 1), FIRST, LAST, **OF_PROGRAMME, award_micro=100, government_micro=100, brn="1111111119"
)
AMENDED = amendment.Facts(
    date(2026, 5, 1), "signed", LAST, changes=True, new_starts_on=FIRST, new_ends_on=LAST, **OF_PROGRAMME
)
VOUCHER = voucher.Facts(
    agreement_state="signed",
    deposit_rule="full",
    deposit_micro=10,
    deposit_due_micro=10,
    today=LAST,
    ends_on=LAST,
    spent_micro=5,
    claimed_micro=5,
    own_micro=9,
    paid_in_micro=9,
)
LONGER = replace(
    VOUCHER,
    agreement_state=None,
    new_ends_on=date(2026, 11, 1),
    programme_ends_on=date(2026, 12, 31),
)

# Facts under which every condition of a step holds; by action where not all share them.
SOUND: dict[str, dict[str, Any]] = {
    "programme": {"": programme.Facts()},
    "round": {
        "": ROUND,
        "extend": replace(ROUND, new_closes_at=CLOSES + timedelta(hours=1)),
        "select": replace(ROUND, now=AFTER),
    },
    "application": {
        "": APPLYING,
        "change": replace(APPLYING, is_submitted=True),
        **dict.fromkeys(("screen", "evaluate", "score", "reject"), DECIDING),
    },
    "agreement": {"": AGREED, "complete": replace(AGREED, today=date(2026, 11, 1))},
    "amendment": {"": AMENDED},
    "voucher": {"": VOUCHER, "extend": LONGER},
    **offer_facts.SOUND,
    **payout_facts.SOUND,
    **books_facts.SOUND,
    "job": {"": job.Facts()},
    **report_facts.SOUND,
    "own_fund": {"": own_fund.Facts()},
    "webhook": {"": webhook.Facts()},
    "delivery": {"": delivery.Facts()},
    "company": {"": company.Facts()},
    "api_key": {"": api_key.Facts()},
    "payment": {"": payment.Facts(voucher_state="active", paid_micro=10, gone_micro=4, refund_micro=6)},
}

# What breaks each condition, for every step that has it: (thing, condition, changes of the facts).
BROKEN: list[tuple[str, str, dict[str, Any]]] = [
    ("programme", "round_running", {"rounds_running": 1}),
    ("programme", "share_backdated", {"share_from_today": False}),
    ("programme", "holdback_backdated", {"holdback_from_open": False}),
    ("round", "programme_not_open", {"programme_state": "draft"}),
    ("round", "programme_not_open", {"programme_state": "closed"}),
    ("round", "closing_passed", {"now": CLOSES}),
    ("round", "not_later", {"new_closes_at": CLOSES}),
    ("round", "not_later", {"new_closes_at": None}),
    ("round", "period_open", {"now": CLOSES - timedelta(seconds=1)}),
    ("round", "applications_undecided", {"undecided": 1}),
    ("application", "period_closed", {"now": OPENS - timedelta(seconds=1)}),
    ("application", "period_closed", {"now": CLOSES}),
    ("application", "period_closed", {"round_state": "draft"}),
    ("application", "period_closed", {"round_state": "cancelled"}),
    ("application", "period_open", {"now": CLOSES - timedelta(seconds=1)}),
    ("application", "round_decided", {"round_state": "selected"}),
    ("application", "round_decided", {"round_state": "cancelled"}),
    ("application", "class_not_eligible", {"class_name": "midsize"}),
    ("application", "class_not_eligible", {"company_active": False}),
    ("application", "track_unknown", {"track": "c"}),
    ("application", "track_unknown", {"track": None}),
    ("application", "track_unknown", {"tracks": frozenset()}),
    ("application", "bonus_unknown", {"claimed": frozenset({"youth"})}),
    ("application", "above_cap", {"requested_micro": 101}),
    ("application", "incomplete", {"is_complete": False}),
    ("application", "incomplete", {"requested_micro": 0}),
    ("application", "brn_applied", {"others_of_brn": 1}),
    ("application", "scores_missing", {"evaluators": 2}),
    ("application", "agreement_offered", {"has_agreement": True}),
    ("agreement", "application_not_selected", {"application_state": "scored"}),
    ("agreement", "agreement_exists", {"has_agreement": True}),
    ("agreement", "above_award", {"government_micro": 101}),
    ("agreement", "outside_programme", {"starts_on": date(2025, 12, 31)}),
    ("agreement", "outside_programme", {"ends_on": date(2027, 1, 1)}),
    ("agreement", "outside_programme", {"starts_on": date(2026, 11, 1)}),
    ("agreement", "brn_required", {"brn": None}),
    ("agreement", "brn_agreed", {"others_of_brn": 1}),
    ("agreement", "period_closed", {"today": date(2026, 11, 1)}),
    ("agreement", "period_open", {"today": LAST}),
    ("amendment", "agreement_not_signed", {"agreement_state": "offered"}),
    ("amendment", "agreement_not_signed", {"agreement_state": "terminated"}),
    ("amendment", "period_closed", {"today": date(2026, 11, 1)}),
    ("amendment", "nothing_changes", {"changes": False}),
    ("amendment", "outside_programme", {"new_ends_on": date(2027, 1, 1)}),
    ("amendment", "outside_programme", {"new_ends_on": date(2026, 3, 31)}),
    ("amendment", "outside_programme", {"new_ends_on": date(2026, 4, 30)}),
    ("amendment", "outside_programme", {"new_starts_on": date(2025, 12, 31)}),
    ("voucher", "agreement_not_signed", {"agreement_state": "offered"}),
    ("voucher", "period_closed", {"today": date(2026, 11, 1)}),
    ("voucher", "period_closed", {"ends_on": None}),
    ("voucher", "voucher_exists", {"has_voucher": True}),
    ("voucher", "deposit_missing", {"deposit_micro": 9}),
    ("voucher", "agreement_rules", {"agreement_state": "signed"}),
    ("voucher", "not_later", {"new_ends_on": LAST}),
    ("voucher", "not_later", {"new_ends_on": date(2027, 1, 1)}),
    ("voucher", "not_later", {"new_ends_on": None}),
    ("voucher", "above_spent", {"claimed_micro": 6}),
    *offer_facts.BROKEN,
    *payout_facts.BROKEN,
    *books_facts.BROKEN,
    ("programme", "agreements_unsettled", {"agreements_unsettled": 1}),
    ("voucher", "settlement_begun", {"has_settlement": True}),
    ("job", "job_under_way", {"is_first": False}),
    ("job", "too_many_jobs", {"own_unended": 3}),
    ("job", "not_your_job", {"may_end": False}),
    *report_facts.BROKEN,
    ("month", "reports_undecided", {"reports_undecided": 1}),
    ("webhook", "too_many_webhooks", {"others": webhook.WEBHOOKS_MAX}),
    ("webhook", "address_refused", {"is_address_taken": False}),
    ("webhook", "not_own", {"is_own": False}),
    ("webhook", "test_waits", {"tests_waiting": 1}),
    ("delivery", "place_gone", {"is_place_there": False}),
    ("voucher", "own_money_short", {"paid_in_micro": 10}),
    ("voucher", "own_money_short", {"paid_in_micro": 0}),
    ("voucher", "own_fund", {"is_own_fund": True}),
    ("own_fund", "company_inactive", {"is_company_active": False}),
    ("own_fund", "limit_spent", {"limit_micro": 0}),
    ("own_fund", "limit_spent", {"spent_micro": 2}),
    ("payment", "company_inactive", {"is_company_active": False}),
    ("payment", "voucher_not_alive", {"voucher_state": "ended"}),
    ("payment", "voucher_not_alive", {"voucher_state": "expired"}),
    ("payment", "card_payment_off", {"can_charge_cards": False}),
    ("payment", "above_paid", {"refund_micro": 7}),
    ("payment", "above_paid", {"refund_micro": 0}),
]

# States into which a thing comes by what is done to another.
OUTCOMES = {"application": set(application.OUTCOMES), "credential": set(credential.OUTCOMES)}

ROLES: tuple[Role, ...] = ("company", "provider", "operator", "auditor")


def steps() -> Iterator[tuple[Table[Any], Step[Any]]]:
    for table in TABLES:
        for step in table.steps:
            yield table, step


EACH_TABLE = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.thing)


def facts(table: Table[Any], step: Step[Any]) -> Any:
    of_thing = SOUND[table.thing]
    return of_thing.get(step.action, of_thing[""])


def judged(
    table: Table[Any],
    step: Step[Any],
    *,
    state: str | None,
    role: Role = "operator",
    owns: bool = False,
    reason: str | None = "because",
    given: Any = None,
) -> str:
    """The state after it, or the code of the refusal."""
    try:
        return table.judge(
            step.action,
            state=state,
            actor=Actor("kim@example.org", role),
            owns=owns,
            facts=facts(table, step) if given is None else given,
            reason=reason,
        )
    except Refused as refused:
        return refused.code


def somebody(step: Step[Any]) -> dict[str, Any]:
    return {"role": step.allow[0].role, "owns": step.allow[0].relation == "own"}


@EACH_TABLE
def test_a_step_goes_from_its_states_only(table: Table[Any]) -> None:
    for step in table.steps:
        found, wanted = from_each_state(table, step)
        assert found == wanted, step.action


def from_each_state(table: Table[Any], step: Step[Any]) -> tuple[object, object]:
    """(what comes of it, what should)"""
    who = somebody(step) if step.allow else {"role": "operator"}
    found = {state: judged(table, step, state=state, **who) for state in [None, *table.states]}
    allowed = step.sources or (None,)
    wanted = {
        state: "wrong_state" if state not in allowed else (step.target if step.target is not None else state)
        for state in [None, *table.states]
    }
    if not step.allow:  # the clock's alone
        wanted = dict.fromkeys(wanted, "forbidden")
    return found, wanted


@EACH_TABLE
def test_a_step_is_for_its_roles_and_its_tenant_only(table: Table[Any]) -> None:
    """Refused before anything of the thing's state is told."""
    for step, role, owns in product(table.steps, ROLES, (False, True)):
        allowed = {(allow.role, allow.relation == "own") for allow in step.allow}
        allowed |= {(allow.role, True) for allow in step.allow if allow.relation == "any"}
        for at in (step.sources[0] if step.sources else None, "no such state"):
            code = judged(table, step, state=at, role=role, owns=owns)
            assert (code == "forbidden") == ((role, owns) not in allowed), (step.action, role, owns)


@EACH_TABLE
def test_a_reason_is_asked_for_where_the_table_says(table: Table[Any]) -> None:
    for step in table.steps:
        if step.allow:
            state = step.sources[0] if step.sources else None
            who = somebody(step)
            codes = {judged(table, step, state=state, reason=reason, **who) for reason in (None, " ")}
            assert (codes == {"reason_required"}) == step.needs_reason, step.action


@pytest.mark.parametrize(
    ("thing", "condition", "changes"),
    BROKEN,
    ids=[f"{row[0]} {row[1]} {sorted(row[2])[0]}" for row in BROKEN],
)
def test_each_condition_refuses(thing: str, condition: str, changes: dict[str, Any]) -> None:
    having = [
        (table, step)
        for table, step in steps()
        if table.thing == thing and condition in [guard.name for guard in step.guards]
    ]
    assert having
    for table, step in having:
        state = step.sources[0] if step.sources else None
        broken = replace(facts(table, step), **changes)
        only = [guard.name for guard in step.guards if not guard.holds(broken)]
        assert condition in only
        assert judged(table, step, state=state, given=broken, **somebody(step)) == only[0]


def test_every_condition_of_the_tables_is_broken_once() -> None:
    named = {(table.thing, guard.name) for table, step in steps() for guard in step.guards}
    assert {(thing, condition) for thing, condition, _ in BROKEN} == named


@EACH_TABLE
def test_a_table_is_whole(table: Table[Any]) -> None:
    """Steps name states that are there; every state is reached; an action is there once."""
    actions = [step.action for step in table.steps]
    assert sorted(actions) == sorted(set(actions))
    named = {state for step in table.steps for state in (*step.sources, step.target) if state is not None}
    assert named | OUTCOMES.get(table.thing, set()) == set(table.states)
