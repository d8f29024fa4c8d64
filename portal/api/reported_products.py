"""Products that no gateway proxies: prices by the unit, the milestones of agreements, providers' keys."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework.rows import row_of
from billing.lifecycle import report_key, reported_product
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY, OWN_PROVIDER, Allow
from billing.reports import keys, products
from portal.api import answers, bodies, report_forms, show_reports, shown_reports
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import Scope, add_list
from portal.api.part import Part
from portal.api.route import allow
from portal.api.steps import IdPath, add_log, add_one, add_step

_READ: Final = (OPERATOR, AUDITOR, Allow("company"), Allow("provider"))
_SELLER: Final = (OPERATOR, AUDITOR, OWN_PROVIDER)
_PRODUCT: Final = shown_reports.ReportedProductShown
_KEY: Final = shown_reports.ReportKeyShown


def router() -> APIRouter:
    made = Part("reported use")
    _add_products(made)
    _add_steps(made)
    _add_milestones(made)
    _add_keys(made)
    return made


def _visible(desk: Desk) -> Scope:
    condition, parameters = answers.own(desk, provider="provider_id")
    return f"state <> 'in_review' or ({condition})", parameters


def both(desk: Desk) -> Scope:
    """What a company and a provider have between them."""
    return answers.own(desk, company="company_id", provider="provider_id")


def _add_products(made: APIRouter) -> None:
    add_list(
        made,
        "/reported_products",
        products.FIND,
        lambda _, row: show_reports.product(row),
        _READ,
        _PRODUCT,
        scope=_visible,
        filters={"provider": "provider_id", "unit": "unit", "state": "state"},
    )
    add_one(made, "/reported_products", "Read a product that is reported", _load, _READ, _PRODUCT)

    @made.post(
        "/reported_products",
        summary="Register a product whose use is reported",
        **allow(*reported_product.TABLE.step("make").allow, answer=_PRODUCT, method="POST", status=201),
    )
    async def make_product(desk: AtDesk, body: report_forms.ReportedProduct) -> JSONResponse:
        provider = desk.actor.provider
        assert provider is not None, "only providers make them"
        values = {
            "id": body.id,
            "name": body.name,
            "unit": body.unit,
            "report_days": body.report_days,
            "objection_days": body.objection_days,
            "accept_from_micro": body.accept_from_krw,
        }
        await products.make(desk.conn, values, provider, deed=desk.deed())
        shown = await _load(desk, body.id)
        return answers.one(shown, status=201, location=f"/api/reported_products/{body.id}")

    @made.post(
        "/reported_products/{id}/prices",
        summary="Add a price of one unit",
        **allow(*reported_product.TABLE.step("price").allow, answer=_PRODUCT, method="POST", status=201),
    )
    async def add_price(desk: AtDesk, id: IdPath, body: report_forms.UnitPrice) -> JSONResponse:
        await _load_own(desk, id)
        await products.add_price(
            desk.conn, id, body.tier or "", body.valid_from, body.price_krw, deed=desk.deed()
        )
        return answers.one(await _load(desk, id), status=201)


def _add_steps(made: APIRouter) -> None:
    table = reported_product.TABLE
    for action, body in (
        ("approve", bodies.Nothing),
        ("suspend", bodies.Because),
        ("resume", bodies.Because),
        ("withdraw", bodies.Because),
    ):
        add_step(made, "/reported_products", table, action, body, _mover(action), _load_own, _PRODUCT)
    add_log(made, "/reported_products", table, _load_own, _SELLER)


async def _load(desk: Desk, product_id: str) -> Shown:
    row = await products.find(desk.conn, product_id)
    if row["state"] == "in_review":
        desk.must_see(provider=row["provider_id"])
    return show_reports.product(row)


async def _load_own(desk: Desk, product_id: str) -> Shown:
    shown = await _load(desk, product_id)
    desk.must_see(provider=shown["provider"])
    return shown


def _mover(action: str) -> Any:
    async def run(desk: Desk, product_id: str, body: Any) -> None:
        deed = desk.deed(getattr(body, "reason", None))
        await products.move(desk.conn, product_id, action, deed=deed)

    return run


def _add_milestones(made: APIRouter) -> None:
    add_list(
        made,
        "/milestones",
        products.MILESTONES,
        lambda _, row: show_reports.milestone(row),
        (OPERATOR, AUDITOR, OWN_COMPANY, OWN_PROVIDER),
        shown_reports.MilestoneShown,
        scope=both,
        filters={"agreement": "agreement_id", "product": "product_id"},
    )

    @made.post(
        "/agreements/{id}/milestones",
        summary="Enter a milestone of an agreement's plan",
        **allow(OPERATOR, answer=shown_reports.MilestoneShown, method="POST", status=201),
    )
    async def plan_milestone(desk: AtDesk, id: IdPath, body: report_forms.Milestone) -> JSONResponse:
        made_id = await products.plan_milestone(
            desk.conn,
            id,
            number=body.number,
            product_id=body.product,
            name=body.name,
            due_on=body.due_on,
            amount_micro=body.amount_krw,
            deed=desk.deed(),
        )
        row = await row_of(
            desk.conn,
            f"select * from ({products.MILESTONES}) things where id = %s",  # noqa: S608 - a constant
            [made_id],
        )
        return answers.one(show_reports.milestone(row), status=201)


def _add_keys(made: APIRouter) -> None:
    add_list(
        made,
        "/report_keys",
        keys.FIND,
        lambda _, row: show_reports.key(row),
        _SELLER,
        _KEY,
        scope=own_provider,
        filters={"provider": "provider_id", "state": "state"},
    )
    add_one(made, "/report_keys", "Read a key that signs reports", _load_key, _SELLER, _KEY)

    @made.post(
        "/report_keys",
        summary="Register a public key for signing reports",
        **allow(*report_key.TABLE.step("register").allow, answer=_KEY, method="POST", status=201),
    )
    async def register_key(desk: AtDesk, body: report_forms.ReportKey) -> JSONResponse:
        provider = desk.actor.provider
        assert provider is not None, "only providers register them"
        key_id = await keys.register(desk.conn, provider, body.public_key, deed=desk.deed())
        shown = await _load_key(desk, key_id)
        return answers.one(shown, status=201, location=f"/api/report_keys/{key_id}")

    table = report_key.TABLE
    add_step(made, "/report_keys", table, "retire", report_forms.Retirement, _retire, _load_key, _KEY)
    add_step(made, "/report_keys", table, "revoke", bodies.Because, _revoke, _load_key, _KEY)
    add_log(made, "/report_keys", table, _load_key, _SELLER)


def own_provider(desk: Desk) -> Scope:
    return answers.own(desk, provider="provider_id")


async def _load_key(desk: Desk, key_id: str) -> Shown:
    row = await keys.find(desk.conn, key_id)
    desk.must_see(provider=row["provider_id"])
    return show_reports.key(row)


async def _retire(desk: Desk, key_id: str, body: report_forms.Retirement) -> None:
    until_at = None if body.until is None else body.until.at
    await keys.move(desk.conn, key_id, "retire", deed=desk.deed(), until_at=until_at)


async def _revoke(desk: Desk, key_id: str, body: bodies.Because) -> None:
    await keys.move(desk.conn, key_id, "revoke", deed=desk.deed(body.reason))
