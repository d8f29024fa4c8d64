"""The lives of what providers offer: themselves, their products, prices and API keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from billing.lifecycle import credential, price, product, provider
from tests.portal.api.a_product import PRODUCT
from tests.portal.api.route_table import BODIES
from tests.portal.lives.life import Ask, Life, Outcome, Stage

NEW_PROVIDER: Final = {"id": "saero", "name": "새로모델", "brn": "2228122224"}
BEGINS: Final = datetime(2099, 1, 1, tzinfo=UTC)  # the database has a clock of its own
ADD_PRICE: Final = "products/nuri-x1/prices"
ADD_KEY: Final = "products/nuri-x1/credentials"


async def _begins(stage: Stage, _: str) -> None:
    stage.office.now = max(stage.office.now, BEGINS)


async def _is_superseded(stage: Stage, _: str) -> None:
    following = {"from": "2099-01-02T00:00:00Z", "input": 2}
    await stage.office.call("nuri", "POST", ADD_PRICE, following)  # there may be one already
    stage.office.now = max(stage.office.now, BEGINS + timedelta(days=1))


async def _is_replaced(stage: Stage, _: str) -> None:
    await stage.office.post("nuri", ADD_KEY, {"api_key": "the-one-after-it"})


async def _a_minute(stage: Stage, _: str) -> None:
    stage.office.now += timedelta(minutes=1)


LIVES: Final = (
    Life(
        provider.TABLE,
        "providers",
        asks={
            "make": Ask("POST providers", NEW_PROVIDER),
            "register": Ask("POST providers", NEW_PROVIDER | {"state": "registered"}),
            "change": Ask("PATCH providers/{id}", {"name": "새로운모델"}),
        },
        again={"make": frozenset({"id_taken"}), "register": frozenset({"id_taken"})},
    ),
    Life(
        product.TABLE,
        "products",
        asks={
            "make": Ask("POST products", PRODUCT | {"provider": "nuri"}),
            "enter": Ask("POST products", BODIES["Product"]),
            "change": Ask("PATCH products/{id}", {"retention_days": 1}),
            "correct": Ask("PATCH products/{id}", {"retention_days": 1}),
        },
        again={"make": frozenset({"id_taken"}), "enter": frozenset({"id_taken"})},
    ),
    Life(
        price.TABLE,
        "prices",
        asks={"add": Ask(f"POST {ADD_PRICE}", {"from": "2099-01-01T00:00:00Z", "input": 1})},
        clock={"begin": _begins, "supersede": _is_superseded},
        again={"add": frozenset({"price_exists", "price_backdated"})},
    ),
    Life(
        credential.TABLE,
        "credentials",
        asks={"add": Ask(f"POST {ADD_KEY}", {"api_key": "the-one-before"})},
        turns={"retire": _a_minute},
        outcomes={"retiring": Outcome("current", _is_replaced)},
    ),
)
