"""The steps of providers, products, their prices and API keys: what each asks for, and what it calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from portal.api.answers import etag_of
from portal.web import market_entries as entries
from portal.web.action import Action
from portal.web.entries import plainly
from portal.web.operations import Operations, Shown
from portal.web.visit import Visit


async def _change(operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]) -> str | None:
    body = entries.product_body(values, shown)
    etag = visit.form.one("etag") or etag_of(shown)
    await operations.call(visit.desk, "PATCH /products/{id}", body, id=shown["id"], etag=etag)
    return None


async def _change_provider(
    operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]
) -> str | None:
    etag = visit.form.one("etag") or etag_of(shown)
    body = {"name": values["name"], "brn": values.get("brn")}
    await operations.call(visit.desk, "PATCH /providers/{id}", body, id=shown["id"], etag=etag)
    return None


async def _add_price(
    operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]
) -> str | None:
    body = entries.price_body(values)
    made = await operations.call(visit.desk, "POST /products/{id}/prices", body, id=shown["id"])
    return f"/prices/{quote(made['id'], safe='')}"


async def _add_key(operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]) -> str | None:
    body = {"position": int(values.get("place", "1")) - 1, "api_key": values["api_key"]}
    await operations.call(visit.desk, "POST /products/{id}/credentials", body, id=shown["id"])
    return None


ACTIONS: Final[Mapping[tuple[str, str], Action]] = {
    ("provider", "change"): Action(entries.changed_provider_fields, _change_provider),
    ("provider", "approve"): Action(is_risky=True),
    ("provider", "suspend"): Action(is_risky=True),
    ("provider", "resume"): Action(),
    ("provider", "end"): Action(is_risky=True),
    ("product", "change"): Action(entries.changed_product_fields, _change),
    ("product", "submit"): Action(),
    ("product", "take_back"): Action(),
    ("product", "approve"): Action(is_risky=True),
    ("product", "return"): Action(),
    ("product", "suspend"): Action(is_risky=True),
    ("product", "resume"): Action(),
    ("product", "withdraw"): Action(is_risky=True),
    ("price", "add"): Action(plainly(*entries.PRICE_FIELDS), _add_price),
    ("price", "withdraw"): Action(is_risky=True),
    ("credential", "add"): Action(entries.key_fields, _add_key),
    ("credential", "restore"): Action(is_risky=True),
    ("credential", "retire"): Action(is_risky=True),
}
