"""How providers are paid: their accounts, bank files with what the bank says of them, single payments."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework.rows import row_of
from billing.lifecycle import payout_account
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_PROVIDER
from billing.payables import accounts, paying, rows
from billing.payables.bank_file import CHARACTERS_MAX, BadResults
from portal.api import answers, bodies, payable_forms, show_payables, shown_payables
from portal.api.answers import Shown
from portal.api.corrections import own_provider
from portal.api.desk import AtDesk, Desk
from portal.api.lists import add_list, everything
from portal.api.part import Part
from portal.api.route import allow
from portal.api.steps import IdPath, add_log, add_one, add_step
from portal.problem import Problem

_AGENCY: Final = (OPERATOR, AUDITOR)
_READ: Final = (*_AGENCY, OWN_PROVIDER)
_RESULT_BYTES_MAX: Final = 4 * CHARACTERS_MAX + 4_096


def router() -> APIRouter:
    made = Part("payables")
    _add_accounts(made)
    _add_payouts(made)
    _add_batches(made)
    return made


def _add_accounts(made: APIRouter) -> None:
    add_list(
        made,
        "/payout_accounts",
        accounts.FIND,
        lambda _, row: show_payables.account(row),
        _READ,
        shown_payables.PayoutAccountShown,
        scope=own_provider,
        filters={"provider": "provider_id", "state": "state", "rail": "rail"},
    )

    @made.post(
        "/payout_accounts",
        summary="Enter an account to be paid at",
        **allow(OWN_PROVIDER, answer=shown_payables.PayoutAccountShown, method="POST", status=201),
    )
    async def enter_payout_account(desk: AtDesk, body: payable_forms.PayoutAccount) -> JSONResponse:
        made_id = await accounts.enter(desk.conn, desk.api.secrets, body.entered(), deed=desk.deed())
        now = await load_account(desk, made_id)
        return answers.one(now, status=201, location=f"/api/payout_accounts/{made_id}")

    add_one(
        made,
        "/payout_accounts",
        "Read an account, by its last digits",
        load_account,
        _READ,
        shown_payables.PayoutAccountShown,
    )
    _add_account_steps(made)


def _add_account_steps(made: APIRouter) -> None:
    for action, body, run in (("confirm", bodies.Nothing, _confirm), ("refuse", bodies.Because, _refuse)):
        add_step(
            made,
            "/payout_accounts",
            payout_account.TABLE,
            action,
            body,
            run,
            load_account,
            shown_payables.PayoutAccountShown,
        )
    add_log(made, "/payout_accounts", payout_account.TABLE, load_account, _READ)


def _add_payouts(made: APIRouter) -> None:
    add_list(
        made,
        "/payouts",
        rows.FIND_PAYOUTS,
        lambda _, row: show_payables.payout(row),
        _READ,
        shown_payables.PayoutShown,
        scope=own_provider,
        filters={"provider": "provider_id", "payable": "payable_id", "batch": "batch_id", "state": "state"},
    )
    add_one(made, "/payouts", "Read a payment to a provider", _load_payout, _READ, shown_payables.PayoutShown)


def _add_batches(made: APIRouter) -> None:
    add_list(
        made,
        "/payout_batches",
        paying.FIND_BATCHES,
        lambda _, row: show_payables.batch(row),
        _AGENCY,
        shown_payables.PayoutBatchShown,
        scope=everything,
    )

    @made.post(
        "/payout_batches",
        summary="Pay approved payables by one file for the bank",
        **allow(OPERATOR, answer=shown_payables.PayoutBatchShown, method="POST", status=201),
    )
    async def pay_by_file(desk: AtDesk, body: payable_forms.PayoutBatch) -> JSONResponse:
        made_id = await paying.pay_by_file(desk.conn, desk.api.secrets, body.payables, deed=desk.deed())
        now = await load_batch(desk, made_id)
        return answers.one(now, status=201, location=f"/api/payout_batches/{made_id}")

    add_one(
        made,
        "/payout_batches",
        "Read a bank file's batch",
        load_batch,
        _AGENCY,
        shown_payables.PayoutBatchShown,
    )
    _add_file_and_results(made)


def _add_file_and_results(made: APIRouter) -> None:
    @made.get(
        "/payout_batches/{id}/file",
        summary="The file for the bank, as it was written",
        **allow(OPERATOR, answer=shown_payables.PayoutFileShown),
    )
    async def read_payout_file(desk: AtDesk, id: IdPath) -> JSONResponse:
        file = await paying.file_of(desk.conn, desk.api.secrets, id)
        shown = {
            "id": id,
            "file_name": f"{id}.csv",
            "file_sha256": file.sha256,
            "content": file.content,
        }
        return JSONResponse(shown, headers={"Cache-Control": "no-store"})

    @made.post(
        "/payout_batches/{id}/results",
        summary="Enter what the bank says of a batch's payments",
        **allow(
            OPERATOR,
            answer=shown_payables.PayoutBatchShown,
            method="POST",
            body_bytes_max=_RESULT_BYTES_MAX,
        ),
    )
    async def enter_payout_results(
        desk: AtDesk, id: IdPath, body: payable_forms.PayoutResults
    ) -> JSONResponse:
        await load_batch(desk, id)
        try:
            await paying.enter_results(desk.conn, id, body.content, deed=desk.deed())
        except BadResults as bad:
            raise _problem(bad) from None
        return answers.one(await load_batch(desk, id))


def _problem(bad: BadResults) -> Problem:
    column = "" if bad.column is None else f", {bad.column}"
    return Problem(
        422,
        "results_unreadable",
        f"line {bad.line}{column}: {bad.english}",
        korean=f"{bad.line}행{column}: {bad.korean}",
    )


async def load_account(desk: Desk, account_id: str) -> Shown:
    row = await accounts.find(desk.conn, account_id)
    desk.must_see(provider=row["provider_id"])
    return show_payables.account(row)


async def _load_payout(desk: Desk, payout_id: str) -> Shown:
    row = await row_of(desk.conn, f"{rows.FIND_PAYOUTS} where o.id = %s", [payout_id])
    desk.must_see(provider=row["provider_id"])
    return show_payables.payout(row)


async def load_batch(desk: Desk, batch_id: str) -> Shown:
    return show_payables.batch(await row_of(desk.conn, f"{paying.FIND_BATCHES} where b.id = %s", [batch_id]))


async def _confirm(desk: Desk, account_id: str, _: Any) -> None:
    await accounts.confirm(
        desk.conn, desk.api.secrets, account_id, transfers=desk.api.transfers, deed=desk.deed()
    )


async def _refuse(desk: Desk, account_id: str, body: bodies.Because) -> None:
    await accounts.refuse(desk.conn, account_id, deed=desk.deed(body.reason))
