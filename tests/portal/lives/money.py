"""The lives of months, corrections and payments."""

from __future__ import annotations

from typing import Final

from billing.casework.deeds import By
from billing.lifecycle import correction, month, own_fund, payment
from billing.payments.facts import Fact
from billing.payments.learning import learn
from metering.money import MICRO_PER_WON
from tests.portal.api.a_month import WRONG_PRICE, september
from tests.portal.lives.casework import PAID_ON, own_money
from tests.portal.lives.life import WHY, Ask, Life, Stage, Turn

WON: Final = 1_000
PAID: Final = Fact("payment", "", "paid", WON * MICRO_PER_WON)


def _some(about: str, word: str, won: int = WON) -> Fact:
    return Fact(about, "one", word, won * MICRO_PER_WON)  # type: ignore[arg-type] # the words of the table


# What the rail may tell of a payment of which nothing was heard before.
TOLD: Final = {
    "failed": [Fact("payment", "", "failed", 0)],
    "paid": [PAID],
    "partly_refunded": [PAID, _some("refund", "succeeded", WON - 1)],
    "refunded": [PAID, _some("refund", "succeeded")],
    "disputed": [PAID, _some("dispute", "open")],
    "won": [PAID, _some("dispute", "open"), _some("dispute", "won")],
    "lost": [PAID, _some("dispute", "open"), _some("dispute", "lost")],
}


async def _september(stage: Stage) -> None:
    await september(stage.office)


async def _own_money(stage: Stage) -> None:
    await own_money(stage, "")


async def _a_line(stage: Stage) -> None:
    line = {"id": "KB-1", "amount_krw": WON, "paid_on": stage.names.get("closed_day", PAID_ON)}
    await stage.office.post("operator", "bank_lines", line)


def _told(state: str) -> Turn:
    async def turn(stage: Stage, payment_id: str) -> None:
        by = By("bank", "clock", stage.office.now)
        await learn(stage.conn, payment_id, TOLD[state], by=by)

    return turn


LIVES: Final = (
    Life(month.TABLE, "months", there="2026-02", closes_months=False),
    Life(
        correction.TABLE,
        "corrections",
        begin=_september,
        asks={"propose": Ask("POST corrections", WRONG_PRICE)},
        books=frozenset({"approve"}),
    ),
    Life(
        own_fund.TABLE,
        "own_funds",
        begin=_own_money,
        asks={
            "opt_in": Ask("POST own_funds", {"limit_krw": 500}, of_asker=True),
            "change": Ask("POST own_funds/{id}/change", {"limit_krw": 600}),
            "reopen": Ask("POST own_funds/{id}/reopen", {"limit_krw": 400}),
        },
        again={"opt_in": frozenset({"own_fund_exists"})},
        books=frozenset({"opt_in", "change", "opt_out", "reopen"}),
    ),
    Life(
        payment.TABLE,
        "payments",
        begin=_a_line,
        asks={
            "begin": Ask("POST payments", {"amount_krw": WON, "method": "transfer"}, of_asker=True),
            "receive": Ask("POST bank_lines/KB-1/match", {"company": "gaonde"}, made="payment"),
            "refund": Ask("POST payments/{id}/refund", {"amount_krw": 1, **WHY}),
        },
        ends_in={"receive": "paid", "refund": "partly_refunded"},
        clock={action: _told(state) for state, action in payment.LEARNT.items()},
        books=frozenset({"receive", "refund", *payment.LEARNT.values()} - {"fail"}),
    ),
)
