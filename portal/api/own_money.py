"""A company's own money, its kept card, what goes to a voucher; and the bank's lines, for the agency."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework import vouchers
from billing.casework.rows import lock_budget, row_of
from billing.lifecycle import voucher
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY
from billing.payments import bank_transfer, cards
from billing.payments.own_money import pay_in
from portal.api import answers, bodies, declared, payment_forms, show_payments, shown_payments
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import add_list, everything, own_company
from portal.api.part import Part
from portal.api.payments import READ
from portal.api.route import allow
from portal.api.shown import VoucherShown
from portal.api.steps import IdPath, add_change, add_one, add_step
from portal.api.vouchers import VOUCHERS
from portal.problem import Problem

_OWN: Final = (
    "select c.id, c.id as company_id, coalesce(o.own_micro, 0) as own_micro,"
    " coalesce(o.owed_micro, 0) as owed_micro from company c left join own_money o on o.company_id = c.id"
)
_AGENCY: Final = (OPERATOR, AUDITOR)


def router() -> APIRouter:
    made = Part("own money")
    add_list(
        made,
        "/own_money",
        _OWN,
        lambda _, row: show_payments.own(row),
        READ,
        shown_payments.OwnMoneyShown,
        scope=own_company,
    )
    add_one(made, "/own_money", "Read a company's own money", _load_own, READ, shown_payments.OwnMoneyShown)
    add_step(
        made,
        "/vouchers",
        voucher.TABLE,
        "pay_in",
        payment_forms.PayIn,
        _pay_in,
        declared.load_of(VOUCHERS),
        VoucherShown,
    )
    _add_cards(made)
    _add_bank_lines(made)
    return made


def _add_cards(made: APIRouter) -> None:
    add_list(
        made,
        "/cards",
        cards.FIND,
        lambda _, row: show_payments.card(row),
        READ,
        shown_payments.CardShown,
        scope=own_company,
    )
    add_one(made, "/cards", "Read a company's kept card", _load_card, READ, shown_payments.CardShown)
    add_change(
        made,
        "/cards",
        "Set the automatic top-up",
        payment_forms.CardChange,
        _change_card,
        _load_card,
        (OWN_COMPANY,),
        shown_payments.CardShown,
    )

    @made.post(
        "/cards/{id}/remove",
        summary="Have a kept card forgotten, here and at Stripe",
        **allow(OWN_COMPANY, answer=shown_payments.RemovedCard, method="POST"),
    )
    async def remove_card(desk: AtDesk, id: IdPath, body: bodies.Nothing) -> JSONResponse:
        card = await _load_card(desk, id)
        await cards.remove(desk.conn, id, deed=desk.deed())
        return answers.one({name: card[name] for name in ("id", "company", "label")})


def _add_bank_lines(made: APIRouter) -> None:
    add_list(
        made,
        "/bank_lines",
        bank_transfer.FIND_LINES,
        lambda _, row: show_payments.bank_line(row),
        _AGENCY,
        shown_payments.BankLineShown,
        scope=everything,
        filters={"company": "company_id", "payment": "payment_id"},
    )

    @made.post(
        "/bank_lines",
        summary="Enter a line of the bank's statement, or a deposit notice",
        **allow(OPERATOR, answer=shown_payments.BankLineShown, method="POST", status=201),
    )
    async def enter_bank_line(desk: AtDesk, body: payment_forms.BankLine) -> JSONResponse:
        line = {name: getattr(body, name) for name in ("id", "sender", "memo", "paid_on")}
        line["amount_micro"] = body.amount_krw
        await bank_transfer.enter_line(desk.conn, line, deed=desk.deed())
        now = await _load_line(desk, body.id)
        return answers.one(now, status=201, location=f"/api/bank_lines/{body.id}")

    add_one(made, "/bank_lines", "Read a bank line", _load_line, _AGENCY, shown_payments.BankLineShown)

    @made.post(
        "/bank_lines/{id}/match",
        summary="Say whose a bank line is",
        **allow(OPERATOR, answer=shown_payments.BankLineShown, method="POST"),
    )
    async def match_bank_line(desk: AtDesk, id: IdPath, body: payment_forms.Match) -> JSONResponse:
        await _load_line(desk, id)
        await bank_transfer.match_line(
            desk.conn, id, company_id=body.company, voucher_id=body.voucher, deed=desk.deed()
        )
        return answers.one(await _load_line(desk, id))


async def _load_own(desk: Desk, company_id: str) -> Shown:
    row = await row_of(desk.conn, f"{_OWN} where c.id = %s", [company_id])
    desk.must_see(company=row["company_id"])
    return show_payments.own(row)


async def _load_card(desk: Desk, company_id: str) -> Shown:
    row = await cards.find(desk.conn, company_id)
    desk.must_see(company=row["company_id"])
    return show_payments.card(row)


async def _load_line(desk: Desk, line_id: str) -> Shown:
    return show_payments.bank_line(await bank_transfer.find_line(desk.conn, line_id))


async def _pay_in(desk: Desk, voucher_id: str, body: payment_forms.PayIn) -> None:
    await lock_budget(desk.conn)
    await vouchers.find(desk.conn, voucher_id)
    by = desk.deed().by
    await pay_in(desk.conn, voucher_id, amount_micro=body.amount_krw, by=by, actor=desk.actor)


async def _change_card(desk: Desk, company_id: str, body: bodies.Body) -> None:
    given = {name.replace("_krw", "_micro"): value for name, value in bodies.given(body).items()}
    if "voucher" in given:
        given["voucher_id"] = given.pop("voucher")
    if given.get("automatic") and desk.api.cards is None:
        raise Problem(
            409, "card_payment_off", "Card payment is off here.", korean="카드 결제를 사용할 수 없습니다."
        )
    await cards.change(desk.conn, company_id, given)
