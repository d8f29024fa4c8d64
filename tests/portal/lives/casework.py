"""The lives of what leads from a programme to a voucher."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from billing.casework.deeds import By
from billing.casework.rows import lock_budget
from billing.expiry import expire_vouchers
from billing.lifecycle import agreement, amendment, application, programme, round, voucher
from billing.payments.own_money import pay_in
from metering.purse_memory import MemoryPurse
from tests.fakes.office_world import AFTER_CLOSING
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND, TERMS
from tests.portal.lives.life import WHY, Ask, Life, Outcome, Stage

AFTER_THE_END: Final = datetime(2026, 10, 31, 15, 0, tzinfo=UTC)  # midnight in Korea, after the last day
PAID_ON: Final = "2026-03-02"


async def _programme_open(stage: Stage) -> None:
    await stage.office.post("operator", "programmes", PROGRAMME)
    await stage.office.post("operator", f"programmes/{PROGRAMME['id']}/open")


async def _round_open(stage: Stage) -> None:
    await stage.office.opened_round(PROGRAMME, ROUND)


async def _selected(stage: Stage) -> None:
    await _round_open(stage)
    stage.names["application"] = await stage.office.applied("gaonde", APPLICATION)
    await stage.office.selected(stage.names["application"], ROUND["id"])


async def _signed(stage: Stage) -> None:
    await _selected(stage)
    terms = {"application": stage.names["application"], **TERMS}
    made = (await stage.office.post("operator", "agreements", terms))["id"]
    await stage.office.post("gaonde", f"agreements/{made}/sign")
    stage.names["agreement"] = made


async def _issued(stage: Stage) -> None:
    await _signed(stage)
    issued = {"id": "gaonde-2026", "self_deposit_krw": 1_000_000}
    await stage.office.post("operator", f"agreements/{stage.names['agreement']}/issue", issued)


async def closing_passes(stage: Stage, _: str) -> None:
    stage.office.now = max(stage.office.now, AFTER_CLOSING)


async def _agreement_ends(stage: Stage, _: str) -> None:
    stage.office.now = max(stage.office.now, AFTER_THE_END)


async def _sheets(stage: Stage, application_id: str) -> None:
    for who in ("operator", "second", "third"):
        sheet = {"application": application_id, "points": {"need": 30, "plan": 50}}
        await stage.office.post(who, "evaluations", sheet)


async def _selection(stage: Stage, _: str) -> None:
    await stage.office.post("operator", f"rounds/{ROUND['id']}/select")


async def own_money(stage: Stage, _: str) -> None:
    line = {"id": "KB-own", "amount_krw": 1_000, "paid_on": stage.names.get("closed_day", PAID_ON)}
    await stage.office.post("operator", "bank_lines", line)
    await stage.office.post("operator", "bank_lines/KB-own/match", {"company": "gaonde"})


async def _expires(stage: Stage, _: str) -> None:
    await _agreement_ends(stage, "")
    await stage.conn.execute("update funds set ends_ms = 1")  # the worker has a clock of its own
    await expire_vouchers(MemoryPurse(now_ms=lambda: 0), stage.conn, lanes=range(64))


async def _goes_back(stage: Stage, voucher_id: str) -> None:
    await lock_budget(stage.conn)
    by = By("stripe", "clock", stage.office.now)
    await pay_in(stage.conn, voucher_id, amount_micro=-1, by=by)


async def _declared_voucher(stage: Stage) -> str:
    """One without an agreement, which has a period of its own."""
    declared = {"id": "declared", "company": "gaonde", "programme": "ai-2026", "government_krw": 1}
    made = await stage.office.post("operator", "vouchers", declared | {"ends_on": "2026-11-30"})
    return str(made["id"])


LIVES: Final = (
    Life(
        programme.TABLE,
        "programmes",
        asks={
            "make": Ask("POST programmes", PROGRAMME),
            "change": Ask("PATCH programmes/{id}", {"deposit_rule": "rolling"}),
            "change_share": Ask(
                "POST programmes/{id}/change-share", {"class": "sme", "from": "2026-12-01", "share": "0.5"}
            ),
            "change_holdback": Ask(
                "POST programmes/{id}/change-holdback", {"from": "2099-12", "basis_points": 500, **WHY}
            ),
        },
        again={"make": frozenset({"id_taken"})},
    ),
    Life(
        round.TABLE,
        "rounds",
        begin=_programme_open,
        asks={
            "make": Ask("POST rounds", ROUND),
            "change": Ask("PATCH rounds/{id}", {"name": "2차 공모"}),
            "extend": Ask("POST rounds/{id}/extend", {"closes_at": "2026-03-25T15:00:00+09:00", **WHY}),
        },
        turns={"select": closing_passes},
        again={"make": frozenset({"id_taken"})},
    ),
    Life(
        application.TABLE,
        "applications",
        begin=_round_open,
        asks={
            "make": Ask("POST applications", APPLICATION, of_asker=True),
            "change": Ask("PATCH applications/{id}", {"title": "상담 요약"}),
            "evaluate": Ask("POST evaluations", {"application": "{id}", "points": {"need": 1, "plan": 1}}),
        },
        turns={"screen": closing_passes, "score": _sheets, "reject": closing_passes},
        outcomes={"selected": Outcome("scored", _selection)},
        again={"make": frozenset({"already_applied", "period_closed"})},
    ),
    Life(
        agreement.TABLE,
        "agreements",
        begin=_selected,
        asks={"make": Ask("POST agreements", {"application": "{application}", **TERMS})},
        turns={"complete": _agreement_ends},
        again={"make": frozenset({"agreement_exists", "application_not_selected"})},
    ),
    Life(
        amendment.TABLE,
        "amendments",
        begin=_issued,
        asks={"make": Ask("POST agreements/{agreement}/amendments", {"ends_on": "2026-11-30", **WHY})},
    ),
    Life(
        voucher.TABLE,
        "vouchers",
        begin=_signed,
        asks={
            "issue": Ask(
                "POST agreements/{agreement}/issue",
                {"id": "gaonde-2026", "self_deposit_krw": 1_000_000},
                made="voucher",
            ),
            "deposit": Ask("POST vouchers/{id}/deposit", {"amount_krw": 1}),
            "pay_in": Ask("POST vouchers/{id}/pay-in", {"amount_krw": 1}),
            "extend": Ask("POST vouchers/{id}/extend", {"ends_on": "2026-12-31", **WHY}),
        },
        turns={"pay_in": own_money},
        clock={"expire": _expires, "withdraw": _goes_back},
        again={"issue": frozenset({"voucher_exists", "period_closed"})},
        others={"extend": _declared_voucher},
        books=frozenset({"issue", "deposit", "pay_in", "withdraw", "expire"}),
    ),
)
