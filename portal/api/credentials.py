"""Vendors' API keys: written, never read. The new one is used at once, the one before kept for a while."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework import credentials
from billing.casework.rows import Row
from billing.lifecycle import credential
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_PROVIDER
from portal.api import answers, bodies, forms, products, show_products, shown_products
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import add_list
from portal.api.part import Part
from portal.api.route import allow
from portal.api.steps import IdPath, add_log, add_one, add_step

_READ: Final = (OPERATOR, AUDITOR, OWN_PROVIDER)
_ANSWER: Final = shown_products.CredentialShown


def router() -> APIRouter:
    made = Part("products")
    add_list(
        made,
        "/credentials",
        credentials.FIND,
        _show,
        _READ,
        _ANSWER,
        scope=lambda desk: answers.own(desk, provider="provider_id"),
        filters={"product": "product_id", "provider": "provider_id"},
    )
    add_one(made, "/credentials", "Read what is known of an API key", _load, _READ, _ANSWER)

    @made.post(
        "/products/{id}/credentials",
        summary="Use another API key at the vendor",
        **allow(*credential.TABLE.step("add").allow, answer=_ANSWER, method="POST", status=201),
    )
    async def add_credential(desk: AtDesk, id: IdPath, body: forms.NewCredential) -> JSONResponse:
        await products.load_own(desk, id)
        made_id = await credentials.add(
            desk.conn, desk.api.secrets, id, body.position, body.api_key, deed=desk.deed()
        )
        return answers.one(await _load(desk, made_id), status=201, location=f"/api/credentials/{made_id}")

    for action in ("restore", "retire"):
        add_step(
            made, "/credentials", credential.TABLE, action, bodies.Nothing, _mover(action), _load, _ANSWER
        )
    add_log(made, "/credentials", credential.TABLE, _load, _READ)
    return made


def _show(desk: Desk, row: Row) -> Shown:
    return show_products.credential(row, credentials.state_of(row, desk.api.secrets))


async def _load(desk: Desk, credential_id: str) -> Shown:
    row = await credentials.find(desk.conn, credential_id)
    desk.must_see(provider=row["provider_id"])
    return _show(desk, row)


def _mover(action: str) -> Any:
    move = credentials.restore if action == "restore" else credentials.retire

    async def run(desk: Desk, credential_id: str, _: bodies.Nothing) -> None:
        await move(desk.conn, desk.api.secrets, credential_id, deed=desk.deed())

    return run
