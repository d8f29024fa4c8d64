"""Payments: begun by companies, refunded by the agency. What was paid, Stripe or a bank line says."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from billing.lifecycle import payment
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY
from billing.payments import beginning, rows
from billing.payments.port import Begun, RailUnavailable
from portal.api import answers, payment_forms, show_payments, shown_payments
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import add_list, own_company
from portal.api.part import Part
from portal.api.route import allow
from portal.api.steps import add_log, add_one, add_step
from portal.problem import Problem

READ: Final = (OPERATOR, AUDITOR, OWN_COMPANY)


def router() -> APIRouter:
    made = Part("payments")
    add_list(
        made,
        "/payments",
        rows.FIND,
        lambda _, row: show_payments.payment(row),
        READ,
        shown_payments.PaymentShown,
        scope=own_company,
        filters={"company": "company_id", "voucher": "voucher_id", "state": "state", "rail": "rail"},
    )
    _add_begin(made)
    add_one(made, "/payments", "Read a payment", _load, READ, shown_payments.PaymentShown)
    add_step(
        made,
        "/payments",
        payment.TABLE,
        "refund",
        payment_forms.Refund,
        _refund,
        _load,
        shown_payments.PaymentShown,
    )
    add_log(made, "/payments", payment.TABLE, _load, READ)
    return made


def _add_begin(made: APIRouter) -> None:
    @made.post(
        "/payments",
        summary="Begin a payment of one's own money",
        **allow(
            *payment.TABLE.step("begin").allow, answer=shown_payments.BegunPayment, method="POST", status=201
        ),
    )
    async def begin_payment(request: Request, desk: AtDesk, body: payment_forms.Payment) -> JSONResponse:
        company = desk.actor.company
        assert company is not None, "the route is for companies"
        wish = beginning.Wish(
            company,
            body.method,
            body.amount_krw,
            body.voucher,
            save_card=body.save_card,
            return_url=f"{desk.api.office_address}/",
        )
        key = request.headers.get("idempotency-key", "")
        try:
            payment_id, begun = await beginning.begin(
                desk.conn, wish, key=key, cards=desk.api.cards, deed=desk.deed()
            )
        except RailUnavailable as error:
            raise Problem(
                503,
                "stripe_unavailable",
                "Stripe cannot be reached; try again with the same Idempotency-Key.",
                korean="결제 서비스에 연결할 수 없습니다. 잠시 후 다시 시도해 주세요.",
                headers={"Retry-After": "5"},
            ) from error
        now = await _load(desk, payment_id) | _where_to_go(begun)
        return answers.one(now, status=201, location=f"/api/payments/{payment_id}")


async def _load(desk: Desk, payment_id: str) -> Shown:
    row = await rows.find(desk.conn, payment_id)
    desk.must_see(company=row["company_id"])
    return show_payments.payment(row)


def _where_to_go(begun: Begun) -> dict[str, Any]:
    return {
        "checkout_url": begun.checkout_url,
        "client_secret": begun.client_secret,
        "transfer_reference": begun.transfer_reference,
    }


async def _refund(desk: Desk, payment_id: str, body: payment_forms.Refund) -> None:
    await beginning.refund(desk.conn, payment_id, body.amount_krw, deed=desk.deed(body.reason))
