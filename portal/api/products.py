"""Products: drafted by their provider and reviewed by the agency, or entered by the agency itself.

A draft is its provider's own until it is on sale; for everybody else it does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework import credentials, products
from billing.casework.rows import Row
from billing.declaration import models
from billing.declaration.price_models import PriceListEntry
from billing.declaration.price_text import declared_again
from billing.lifecycle import product
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_PROVIDER, Allow, Refused
from metering.money import AmountError, parse_krw
from portal.api import answers, bodies, declared, lists, show_products, shown_products
from portal.api.answers import Shown
from portal.api.desk import Desk
from portal.api.part import Part
from portal.api.steps import add_log, add_step

Filter = Callable[[Desk, str], lists.Scope]


def _visible(desk: Desk) -> lists.Scope:
    condition, parameters = answers.own(desk, provider="provider_id")
    return f"on_sale_at is not null or ({condition})", parameters


def _of_purpose(_: Desk, value: str) -> lists.Scope:
    return "%s = any(purposes)", [value]


def _priced_at_most(name: str) -> Filter:
    """Won per 1,000,000 tokens, by the price in force; where none is, nothing is at most anything."""

    def asked(desk: Desk, value: str) -> lists.Scope:
        try:
            most = parse_krw(value)
        except AmountError:
            raise lists.refused_value(f"{name}_price_max") from None
        return (
            f"(select e.{name} from price_list e where e.product_id = things.id and e.valid_from <= %s"  # noqa: S608
            " order by e.valid_from desc limit 1) <= %s",
            [desk.now, most],
        )

    return asked


def _show(desk: Desk, row: Row) -> Shown:
    runs_it = desk.sees_everything or desk.actor.owns(provider=row["provider_id"])
    facts = products.facts_of(row, allow_private=desk.api.allow_private)
    missing = [] if row["on_sale_at"] is not None else product.missing(facts)
    return show_products.product(row, runs_it=runs_it, missing=missing)


KIND: Final = declared.Kind(
    path="products",
    model=models.Product,
    query=products.FIND,
    show=_show,
    answer=shown_products.ProductShown,
    read=(OPERATOR, AUDITOR, Allow("company"), Allow("provider")),
    make=(OPERATOR, OWN_PROVIDER),
    change=(OPERATOR, OWN_PROVIDER),
    provider="provider_id",
    scope=_visible,
    filters={
        "provider": "provider_id",
        "state": "state",
        "scale": "scale",
        "purpose": _of_purpose,
        "data_location": "data_location",
        "input_price_max": _priced_at_most("input"),
        "output_price_max": _priced_at_most("output"),
    },
)
_load: Final = declared.load_of(KIND)
ProductChange: Final = bodies.some_of(models.Product, "ProductChange", without=frozenset({"id"}))


async def load_own(desk: Desk, product_id: str) -> Shown:
    """For what is done to a product: another's is not there, whether or not it is on sale."""
    shown = await _load(desk, product_id)
    desk.must_see(provider=shown["provider"])
    return shown


def router() -> APIRouter:
    made = Part("products")
    declared.add_read(made, KIND)
    declared.add_post(made, KIND, _make, models.Product)
    declared.add_patch(made, KIND, ProductChange, _change, load_own)
    table = product.TABLE
    for action, body in (
        ("submit", bodies.Nothing),
        ("take_back", bodies.Nothing),
        ("return", bodies.Because),
        ("approve", bodies.Nothing),
        ("suspend", bodies.Because),
        ("resume", bodies.Because),
        ("withdraw", bodies.Because),
    ):
        add_step(made, "/products", table, action, body, _mover(action), load_own, KIND.answer)
    add_log(made, "/products", table, load_own, (OPERATOR, AUDITOR, OWN_PROVIDER))
    return made


async def _make(desk: Desk, body: models.Product) -> JSONResponse:
    if desk.actor.role == "provider":
        await _draft(desk, body)
    else:
        await declared.must_be_new(desk, KIND, body.id)
        entered = bodies.declared(models.Product, body)
        await declared.write(desk, entered)
        if body.provider is not None:
            await products.make(desk.conn, body.id, "enter", body.provider, deed=desk.deed())
    return answers.one(await _load(desk, body.id), status=201, location=f"/api/products/{body.id}")


async def _draft(desk: Desk, body: models.Product) -> None:
    provider = body.provider or desk.actor.provider
    assert provider is not None, "a person of a provider has one"
    desk.must_see(provider=provider)
    await declared.must_be_new(desk, KIND, body.id)
    await products.make(desk.conn, body.id, "make", provider, deed=desk.deed())
    given, prices = _drafted(bodies.given(body))
    values = {"upstream": [], **given, "provider": provider, "prices": []}
    await declared.write(desk, bodies.declared_of(models.ProductDraft, values))
    await products.begin(desk.conn, body.id)
    await products.set_draft_prices(desk.conn, body.id, prices or [])


async def _change(desk: Desk, product_id: str, body: bodies.Body) -> None:
    fields = sorted(body.model_fields_set)
    is_draft = desk.actor.role == "provider"
    action = "change" if is_draft else "correct"
    await products.change(desk.conn, product_id, action, deed=desk.deed(), fields=fields)
    if not is_draft:
        given = await _with_kept_keys(desk, product_id, bodies.given(body))
        report = await declared.write(desk, bodies.declared_of(models.Product, given | {"id": product_id}))
        if report.changed:
            await products.tell_corrected(desk.conn, product_id, deed=desk.deed(), fields=fields)
        return
    drafted, prices = _drafted(bodies.given(body))
    given = await _with_kept_keys(desk, product_id, drafted)
    await declared.write(desk, bodies.declared_of(models.ProductDraft, given | {"id": product_id}))
    if prices is not None:
        await products.set_draft_prices(desk.conn, product_id, prices)


async def _with_kept_keys(desk: Desk, product_id: str, given: dict[str, Any]) -> dict[str, Any]:
    if not given.get("upstream"):
        return given
    kept = await credentials.kept_keys(desk.conn, desk.api.secrets, product_id)
    return given | {"upstream": credentials.with_kept_keys(given["upstream"], kept)}


def _drafted(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]] | None]:
    """What a provider says of its draft, and its price list, which is no one's promise yet."""
    values = dict(given)
    if "active" in values:
        raise Refused("forbidden", "Suspend it, or withdraw it.", "판매 중지나 판매 종료를 이용해 주세요.")
    if "upstream" in values:
        values["upstream"] = values["upstream"] or []
    if "prices" not in values:
        return values, None
    entries: list[PriceListEntry] = values.pop("prices") or []
    if len({entry.valid_from.at for entry in entries}) < len(entries):
        raise Refused(
            "invalid", "Two prices are from the same time.", "적용 시각이 같은 단가가 두 개 있습니다."
        )
    return values, [declared_again(entry) for entry in entries]


def _mover(action: str) -> Any:
    async def run(desk: Desk, product_id: str, body: Any) -> None:
        deed = desk.deed(getattr(body, "reason", None))
        before = await products.move(
            desk.conn, product_id, action, deed=deed, allow_private=desk.api.allow_private
        )
        if action == "approve":
            entries = [PriceListEntry.model_validate(one) for one in before["draft_prices"] or ()]
            await declared.write(
                desk, bodies.declared_of(models.Product, {"id": product_id, "prices": entries})
            )

    return run
