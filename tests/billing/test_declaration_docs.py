"""The reference page of the declarative file against the models it describes; its examples are applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

import pytest
from pydantic import BaseModel

from billing.database import connect
from billing.declaration import models, rows
from billing.declaration.price_models import PriceListEntry, PriceTier
from metering.prices import PRICE_NAMES, TOKEN_PRICE_DEFAULTS
from tests.docs.pages import page, tables
from tests.fakes.declared_world import World

PAGE = page("docs/reference/declarative-file.md")
ENVIRONMENT = {"NURI_API_KEY": "nuri-key", "OPERATOR_PASSWORD": "operator password"}


async def test_the_examples_are_taken_one_after_the_other(books_url: str) -> None:
    whole, suspended, price, tiered = PAGE.fences("yaml")
    async with await connect(books_url) as conn:
        world = World(conn)
        assert len((await world.apply(whole, environment=ENVIRONMENT)).created) == 7
        assert (await world.apply(suspended)).changed == ("voucher/gaonde-2026",)
        assert (await world.apply(price)).changed == ("product/nuri-x1",)
        assert (await world.apply(tiered)).changed == ("product/nuri-x1",)
        broken = whole.replace("1111111119", "1111111118")
        with pytest.raises(Exception, match="check digit") as refused:
            await world.apply(broken, environment={"OPERATOR_PASSWORD": "operator password"})
    (faults,) = PAGE.fences("text")
    assert str(refused.value).replace("house.yaml", "programme.yaml") == faults.strip()


def defaults_of(kind: type[rows.Stored]) -> dict[str, Any]:
    return {f.name: f.default for f in fields(kind) if f.default is not MISSING}


def shown(value: object) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


SECTIONS: Mapping[str, tuple[type[models.Declared], type[rows.Stored]]] = {
    "Programmes": (models.Programme, rows.ProgrammeRow),
    "Providers": (models.Provider, rows.ProviderRow),
    "Products": (models.Product, rows.ProductRow),
    "Companies": (models.Company, rows.CompanyRow),
    "Vouchers": (models.Voucher, rows.VoucherRow),
    "API keys": (models.ApiKey, rows.ApiKeyRow),
    "Users": (models.User, rows.PersonRow),
}


def named(model: type[BaseModel]) -> dict[str, str]:
    """The file's name of each field -> the model's."""
    return {field.alias or name: name for name, field in model.model_fields.items()}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_kind_s_table_is_its_model(section: str) -> None:
    model, kind = SECTIONS[section]
    table = tables(PAGE.section(section))[0]
    assert [row["field"] for row in table] == list(named(model))
    required = {name for name, inner in named(model).items() if model.model_fields[inner].is_required()}
    assert {row["field"] for row in table if row["required"]} == required | model.REQUIRED
    defaults = defaults_of(kind)
    for row in table:
        column = model.COLUMNS.get(named(model)[row["field"]], row["field"])
        assert row["default"] == ("" if row["required"] else shown(defaults.get(column))), row


@pytest.mark.parametrize(
    ("section", "model"),
    [
        ("Upstreams", models.Upstream),
        ("Prices", PriceListEntry),
        ("Price tiers", PriceTier),
        ("API keys", models.Limits),
    ],
)
def test_an_inner_table_is_its_model(section: str, model: type[BaseModel]) -> None:
    table = tables(PAGE.section(section))[-1]
    fields_of = named(model)
    if model is PriceTier:
        fields_of = {shown: name for shown, name in fields_of.items() if name not in PRICE_NAMES}
    assert [row["field"] for row in table] == list(fields_of)
    for row in table:
        name = fields_of[row["field"]]
        field = model.model_fields[name]
        assert bool(row["required"]) == field.is_required()
        if field.is_required():
            continue
        default = field.default // 1000 if name.endswith("_ms") else field.default
        if name in PRICE_NAMES:
            default = TOKEN_PRICE_DEFAULTS.get(name, 0)
        assert row["default"] == shown(default), row
