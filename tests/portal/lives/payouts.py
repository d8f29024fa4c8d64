"""The lives of what providers are owed, of objections to it, and of the accounts where they are paid."""

from __future__ import annotations

from typing import Final

from billing.casework.deeds import Deed
from billing.lifecycle import objection, payable, payout_account
from billing.lifecycle.table import Actor
from billing.payables.making import make_payables
from tests.fakes.a_payable import CLOSED, a_closed_line
from tests.fakes.payables_world import ACCOUNT
from tests.portal.api.a_month import WRONG_PRICE, september
from tests.portal.api.a_round import PROGRAMME
from tests.portal.lives.life import WHY, Ask, Life, Stage, Turn

HOLDBACK: Final = {"from": CLOSED, "basis_points": 1_000, **WHY}
RESULTS: Final = "payout,amount_won,result,reason\n"


def _deed(stage: Stage) -> Deed:
    return Deed(Actor("operator@example.org", "operator"), stage.office.now, "r-1", "마감")


async def _closed_month(stage: Stage) -> None:
    """One provider is owed, another owes; nobody has a payable of it yet."""
    await stage.office.post("operator", "programmes", PROGRAMME)
    await stage.office.post("operator", f"programmes/{PROGRAMME['id']}/change-holdback", HOLDBACK)
    await a_closed_line(stage.conn, {"nuri": 1_800, "other": -1_800}, deed=_deed(stage))


def _made(state: str) -> Turn:
    async def turn(stage: Stage, _: str) -> None:
        await make_payables(stage.conn, deed=_deed(stage))
        [one] = (await stage.office.get("operator", f"payables?state={state}"))["data"]
        stage.names["made"] = one["id"]

    return turn


async def _proposed_by_another(stage: Stage, payable_id: str) -> None:
    await stage.office.post("operator", f"payables/{payable_id}/send-back", WHY)
    await stage.office.post("operator", f"payables/{payable_id}/propose")


async def _account_confirmed(stage: Stage, _: str) -> None:
    entered = await stage.office.post("nuri", "payout_accounts", ACCOUNT)
    await stage.office.post("operator", f"payout_accounts/{entered['id']}/confirm")


async def _in_a_file(stage: Stage, payable_id: str) -> None:
    [payout] = (await stage.office.get("operator", f"payouts?payable={payable_id}"))["data"]
    stage.names |= {"payout": payout["id"], "batch": payout["batch"], "won": str(payout["amount_krw"])}


async def _correction_proposed(stage: Stage, _: str) -> None:
    """And the payable named, that it would be of."""
    proposed = await stage.office.post("operator", "corrections", WRONG_PRICE)
    [owed] = (await stage.office.get("operator", "payables?month=2026-09"))["data"]
    stage.names |= {"correction": proposed["id"], "payable": owed["id"], "month": "2026-09"}


async def _september(stage: Stage) -> None:
    await september(stage.office)


def _objection(whose: str, without: str, make: Ask) -> Life:
    return Life(
        objection.TABLE,
        "objections",
        begin=_september,
        asks={
            "make": make,
            "uphold": Ask("POST objections/{id}/uphold", {"correction": "{correction}", **WHY}),
        },
        turns={"make": _correction_proposed},
        without=frozenset({without}),  # type: ignore[arg-type] # a role's name
        whose=whose,
    )


LIVES: Final = (
    Life(
        payable.TABLE,
        "payables",
        begin=_closed_month,
        asks={
            "pay": Ask("POST payout_batches", {"payables": ["{id}"]}),
            "settle": Ask(
                "POST payout_batches/{batch}/results", {"content": f"{RESULTS}{{payout}},{{won}},paid,"}
            ),
            "fail": Ask(
                "POST payout_batches/{batch}/results",
                {"content": f"{RESULTS}{{payout}},{{won}},returned,예금주 불일치"},
            ),
        },
        turns={
            "approve": _proposed_by_another,
            "pay": _account_confirmed,
            "settle": _in_a_file,
            "fail": _in_a_file,
        },
        clock={"make": _made("due"), "carry": _made("carried")},
        told=frozenset({"settle", "fail"}),
        closes_months=False,  # one is
        books=frozenset({"make", "carry", "pay", "settle", "fail", "release"}),
    ),
    _objection("of a provider", "company", Ask("POST payables/{payable}/object", dict(WHY))),
    _objection(
        "of a company",
        "provider",
        Ask(
            "POST companies/gaonde/statements/{month}/object",
            {"voucher": "gaonde-2026", "product": "nuri-x1", **WHY},
        ),
    ),
    Life(
        payout_account.TABLE,
        "payout_accounts",
        asks={"enter": Ask("POST payout_accounts", ACCOUNT, of_asker=True)},
        clock={"replace": _account_confirmed},
    ),
)
