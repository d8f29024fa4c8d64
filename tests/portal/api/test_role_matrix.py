"""Role × route × tenant, over every route of the OpenAPI document: nobody reads or moves what is not theirs.

The table is written by hand, apart from the code: a route that it does not list fails, and so does one that
is gone. `company*` is a company whose own the thing is; for any other it does not exist.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import pytest

from billing.casework.deeds import Deed
from billing.corrections.judging import BookedCall, CorrectedCall
from billing.corrections.store import propose
from billing.lifecycle.table import Actor
from portal.api import shown, shown_alerts, shown_money, shown_payments, shown_products
from tests.fakes.office_world import NOW, OfficeWorld, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND
from tests.portal.api.route_table import BODIES, IDS, OPEN, PAYMENT_KEY, ROUTES

# Who asks: people of those who have things of each kind, strangers of the same roles, and the others.
PEOPLE: Final = {
    "operator": "operator",
    "auditor": "auditor",
    "gaonde": "company",
    "hanbit": "company",
    "nuri": "provider",
    "other": "provider",
}
# gaonde has one of everything that a company can have; nuri has what providers have.
OFFERS: Final = frozenset(
    {"providers", "products", "prices", "credentials", "corrections", "reconciliations"}
)

CALL: Final = BookedCall("op-1", 0, 0, 2, "nuri-x1@2026-01-01T00:00:00+09:00", {}, {})
CORRECTED: Final = CorrectedCall(CALL, "correction", 1, CALL.price_entry, "2026-01-01T00:00:00+09:00", {})
DEED: Final = Deed(Actor("second@example.org", "operator"), NOW, "r-1", "단가 오기")


@dataclass(frozen=True, slots=True)
class Asked:
    route: str
    method: str
    path: str
    body: dict[str, Any] | None
    roles: str

    @property
    def owner(self) -> str:
        return "nuri" if self.kind in OFFERS else "gaonde"

    def owns(self, who: str) -> bool:
        return who == self.owner

    def wanted(self, who: str) -> int | None:
        """The status of the refusal, None where it is none."""
        role, owns = PEOPLE[who], self.owns(who)
        names = self.roles.split()
        if role in names:
            return None
        if f"{role}*" not in names:
            return 403
        is_list = self.method == "GET" and self.path.count("/") == 0
        return None if owns or is_list else 404

    @property
    def kind(self) -> str:
        return self.path.split("/", 1)[0]


def asked(schema: dict[str, Any]) -> list[Asked]:
    found = []
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            name = f"{method.upper()} {path}"
            if name in OPEN:
                continue
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            model = content.get("schema", {}).get("$ref", "").split("/")[-1]
            kind = path.split("/")[2]
            body = None if method == "get" else BODIES.get(model, {})
            there = path.removeprefix("/api/").replace("{id}", IDS[kind]).replace("{month}", "2026-02")
            found.append(Asked(name, method.upper(), there, body, ROUTES[name]))
    return found


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    """gaonde and nuri have one of everything; nobody else has anything."""
    async with opened(books_url) as world:
        await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
        await world.post("nuri", "products/nuri-x1/credentials", {"api_key": "a-new-one"})
        await world.post("nuri", "products/nuri-x1/prices", {"from": "2099-01-01T00:00:00+09:00", "input": 1})
        await world.post("nuri", "reconciliations", BODIES["ProviderStatement"])
        async with world.pool.connection() as conn, conn.transaction():
            await propose(conn, "nuri", "price", [CORRECTED], deed=DEED)
        await own_money(world)
        await world.post("gaonde", "webhooks", {"url": "https://hooks.example.com/a"})
        await world.post("gaonde", "webhooks/wh-000001/test")
        yield world


async def own_money(world: OfficeWorld) -> None:
    """gaonde began a payment, somebody sent money, and a card was kept."""
    paying = {"amount_krw": 1_000, "method": "transfer"}
    await world.call("gaonde", "POST", "payments", paying, key=PAYMENT_KEY)
    await world.post("operator", "bank_lines", {"id": "KB-1", "amount_krw": 1_000, "paid_on": "2026-03-24"})
    async with world.pool.connection() as conn:
        await conn.execute("insert into card values ('gaonde', 'cus_1', 'pm_1', 'visa 4242')")


def fits(schema: dict[str, Any], route: str, answer: httpx2.Response) -> None:
    """The answer is what the document promises: every field, and no other."""
    method, path = route.split()
    promised = schema["paths"][path][method.lower()]["responses"][str(answer.status_code)]
    name = promised["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
    name, is_page = name.removeprefix("Page_").removesuffix("_"), name.startswith("Page_")
    rooms = (shown, shown_products, shown_money, shown_payments, shown_alerts)
    model = next(getattr(room, name) for room in rooms if hasattr(room, name))
    whole: Any = shown.Page.__class_getitem__(model) if is_page else model
    whole.model_validate_json(answer.content, strict=True)


async def steps(world: OfficeWorld) -> object:
    async with world.pool.connection() as conn:
        return await (await conn.execute("select count(*), max(id) from step")).fetchone()


def test_every_route_is_listed_and_says_who_may(schema: dict[str, Any]) -> None:
    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == set(ROUTES) | OPEN
    said = {
        name: {one["role"] + ("*" if one["relation"] == "own" else "") for one in operation["x-allow"]}
        for name, operation in operations.items()
        if name not in OPEN
    }
    # A company makes applications and payments of its own; there is none yet whose own it could be.
    said["POST /api/applications"] = said["POST /api/payments"] = {"company"}
    assert said == {name: set(roles.split()) for name, roles in ROUTES.items()}


@pytest.fixture
def schema() -> dict[str, Any]:
    from fastapi import FastAPI

    from portal.api import api

    app = FastAPI()
    app.include_router(api.router())
    document = app.openapi()
    document["paths"]["/api/token"] = {"post": {}}
    return document


async def test_nobody_reads_or_moves_what_is_not_theirs(world: OfficeWorld) -> None:
    schema = (await world.http.get("/api/openapi.json")).json()
    before = await steps(world)
    wrong: list[tuple[object, ...]] = []
    for one in asked(schema):
        anonymous = await world.call(None, one.method, one.path, one.body)
        if anonymous.status_code != 401:
            wrong.append((one.method, one.path, "nobody", anonymous.status_code))
        for who, role in PEOPLE.items():
            wanted = one.wanted(who)
            if wanted is None and one.method != "GET":
                continue  # it may, and would move things: below
            answer = await world.call(who, one.method, one.path, one.body)
            if answer.status_code == 200:
                fits(schema, one.route, answer)
            if answer.status_code != (wanted or 200):
                wrong.append((one.method, one.path, who, answer.status_code, wanted))
            elif wanted is None and not one.owns(who) and f"{role}*" in one.roles.split() and one.path in IDS:
                foreign = [row for row in answer.json()["data"] if row.get(role) == one.owner]
                if foreign or IDS[one.path] in answer.text:
                    wrong.append((one.method, one.path, who, "lists another's"))
    assert wrong == []
    assert await steps(world) == before


async def test_whoever_may_is_not_refused_for_who_they_are(world: OfficeWorld) -> None:
    schema = (await world.http.get("/api/openapi.json")).json()
    wrong = []
    moved: set[str] = set()
    for one in asked(schema):
        for who in PEOPLE:
            if one.method != "GET" and one.wanted(who) is None:
                body = {"data_locations": ["KR"]} if one.path == "companies/gaonde" else one.body
                answer = await world.call(who, one.method, one.path, body, headers={"If-Match": "*"})
                if answer.status_code < 400:
                    moved.add(one.route)
                    fits(schema, one.route, answer)
                if answer.status_code in (401, 403, 404, 405, 422, 500):
                    wrong.append((one.method, one.path, who, answer.status_code, answer.text))
    assert wrong == []
    assert len(moved) > 10  # and their answers were as promised
