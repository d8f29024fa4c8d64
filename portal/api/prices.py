"""Price list entries: added for a later time, taken back before they begin, never edited."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework import price_lists
from billing.declaration import models
from billing.declaration.price_models import PriceListEntry
from billing.lifecycle import price
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_PROVIDER, Allow
from portal.api import answers, bodies, declared, products, show_products, shown_products
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import Scope, add_list
from portal.api.part import Part
from portal.api.route import allow
from portal.api.steps import IdPath, add_log, add_one, add_step

_READ: Final = (OPERATOR, AUDITOR, Allow("company"), Allow("provider"))
_ANSWER: Final = shown_products.PriceEntryShown


def router() -> APIRouter:
    made = Part("products")
    add_list(
        made,
        "/prices",
        price_lists.FIND,
        lambda desk, row: show_products.price(row, price_lists.state_of(row, desk.now)),
        _READ,
        _ANSWER,
        scope=_visible,
        filters={"product": "product_id", "provider": "provider_id"},
    )
    add_one(made, "/prices", "Read a price list entry", _load, _READ, _ANSWER)

    @made.post(
        "/products/{id}/prices",
        summary="Add a price for a later time",
        **allow(*price.TABLE.step("add").allow, answer=_ANSWER, method="POST", status=201),
    )
    async def add_price(desk: AtDesk, id: IdPath, body: PriceListEntry) -> JSONResponse:
        await products.load_own(desk, id)
        made_id = await price_lists.add(desk.conn, id, body.valid_from, deed=desk.deed())
        await declared.write(desk, bodies.declared_of(models.Product, {"id": id, "prices": [body]}))
        return answers.one(await _load(desk, made_id), status=201, location=f"/api/prices/{made_id}")

    add_step(made, "/prices", price.TABLE, "withdraw", bodies.Because, _withdraw, _load_own, _ANSWER)
    add_log(made, "/prices", price.TABLE, _load_own, (OPERATOR, AUDITOR, OWN_PROVIDER))
    return made


def _visible(desk: Desk) -> Scope:
    condition, parameters = answers.own(desk, provider="provider_id")
    return f"on_sale_at is not null or ({condition})", parameters


async def _load(desk: Desk, price_id: str) -> Shown:
    row = await price_lists.find(desk.conn, price_id)
    if row["on_sale_at"] is None:
        desk.must_see(provider=row["provider_id"])
    return show_products.price(row, price_lists.state_of(row, desk.now))


async def _load_own(desk: Desk, price_id: str) -> Shown:
    shown = await _load(desk, price_id)
    desk.must_see(provider=shown["provider"])
    return shown


async def _withdraw(desk: Desk, price_id: str, body: bodies.Because) -> None:
    await price_lists.withdraw(desk.conn, price_id, deed=desk.deed(body.reason))
