"""The lives of settlements, and of what auditors find: of agreements, and of vouchers without one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from billing.lifecycle import finding, settlement
from tests.fakes.declared_world import World
from tests.portal.api.a_settlement import (
    CALL_MICRO,
    DECLARED,
    RIGHT,
    WRONG_PRICE,
    Ended,
    declared_and_used,
    used,
)
from tests.portal.lives.casework import own_money
from tests.portal.lives.life import WHY, Ask, Begin, Json, Life, Stage

RETENTION: Final = {"name": "retention_years", "from": "2026-01-01", "number": 5, "source": "보조금법"}
AFTER_RETENTION: Final = datetime(2031, 11, 1, tzinfo=UTC)
INTEREST: Final = {"amount_krw": 1_234, "document": "이자 확인서"}
FOUND_KRW: Final = 1_000
CALLS: Final = (1_800_000 * 1_000_000, CALL_MICRO)


async def _over(stage: Stage) -> None:
    """The agreement and its voucher, of whose calls one was too dear."""
    await _at_its_end(stage, await used(stage.office, *CALLS))
    [agreement] = (await stage.office.get("operator", "agreements"))["data"]
    stage.names["agreement"] = agreement["id"]


async def _declared_over(stage: Stage) -> None:
    await _at_its_end(stage, await declared_and_used(stage.office, *CALLS))


async def _at_its_end(stage: Stage, ended: Ended) -> None:
    await World(stage.conn, stage.office.secrets).apply(RIGHT)
    await ended.expire()
    stage.expire = ended.expire
    await stage.office.post("operator", "settlement_rules", RETENTION)


async def _interest_known(stage: Stage, settlement_id: str) -> None:
    await stage.office.post("operator", f"settlements/{settlement_id}/enter-interest", INTEREST)


async def _comes_free(stage: Stage, _: str) -> None:
    """What was given back for a wrong price expires after the return."""
    proposed = await stage.office.post("operator", "corrections", WRONG_PRICE)
    await stage.office.post("second", f"corrections/{proposed['id']}/approve")
    assert stage.expire is not None
    await stage.expire()


async def _retention_ends(stage: Stage, _: str) -> None:
    stage.office.now = max(stage.office.now, AFTER_RETENTION)


async def _is_paid_back(stage: Stage, _: str) -> None:
    line = {"id": "KB-back", "amount_krw": FOUND_KRW, "paid_on": "2026-11-02"}
    await stage.office.post("operator", "bank_lines", line)
    await stage.office.post("operator", "bank_lines/KB-back/match", {"company": "gaonde"})


def _lives(begin: Begin, of: Json, *, whose: str = "") -> tuple[Life, Life]:
    """`of`: what the settlement is opened of, and what is found against."""
    return (
        Life(
            settlement.TABLE,
            "settlements",
            begin=begin,
            asks={
                "open": Ask("POST settlements", of),
                "enter_interest": Ask("POST settlements/{id}/enter-interest", INTEREST),
            },
            turns={
                "return_unused": _interest_known,
                "return_late": _comes_free,
                "erase": _retention_ends,
            },
            again={"open": frozenset({"settlement_exists"})},
            books=frozenset({"return_unused", "return_late"}),
            whose=whose,
        ),
        Life(
            finding.TABLE,
            "findings",
            begin=begin,
            asks={
                "find": Ask("POST findings", {**of, "lines": [{"amount_krw": FOUND_KRW}], **WHY}),
                "offset": Ask("POST findings/{id}/offset", {"amount_krw": 1}),
            },
            turns={"find": own_money, "repay": _is_paid_back},
            books=frozenset({"confirm", "offset"}),
            whose=whose,
        ),
    )


LIVES: Final = (
    *_lives(_over, {"agreement": "{agreement}"}),
    *_lives(_declared_over, {"voucher": DECLARED}, whose="of a declared voucher"),
)
