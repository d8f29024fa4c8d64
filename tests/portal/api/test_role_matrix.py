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
from billing.jobs import store
from billing.lifecycle.table import Actor
from portal.api import (
    shown,
    shown_alerts,
    shown_clients,
    shown_ending,
    shown_jobs,
    shown_money,
    shown_payables,
    shown_payments,
    shown_products,
    shown_reports,
)
from tests.fakes.a_payable import a_closed_month
from tests.fakes.a_payment import a_transfer
from tests.fakes.office_world import NOW, OfficeWorld, opened
from tests.portal.api.a_report import line, selling
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND
from tests.portal.api.a_settlement import at_its_end
from tests.portal.api.route_table import BODIES, FILES, IDS, OPEN, PAYMENT_KEY, REPORT_KEY, ROUTES

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
    {
        *("providers", "products", "prices", "credentials", "corrections", "reconciliations"),
        *("payables", "payouts", "payout_accounts", "payout_batches", "objections"),
        *("jobs", "statement_imports", "reported_products", "report_keys", "usage_reports"),
    }
)
SHARED: Final = frozenset({"report_lines", "milestones"})  # nuri's, and gaonde's

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
        return who == self.owner or (self.kind in SHARED and who in ("gaonde", "nuri"))

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
        await reported_use(world)
        await closed_and_paid(world)
        await a_job(world)
        await at_its_end(world)
        await world.post("gaonde", "clients", BODIES["NewClient"])
        await world.post("gaonde", "webhooks", {"url": "https://hooks.example.com/a"})
        await world.post("gaonde", "webhooks/wh-000001/test")
        yield world


async def reported_use(world: OfficeWorld) -> None:
    """nuri reported what gaonde used."""
    nuri = await selling(world, "item", "milestone", key=REPORT_KEY, accept_from_krw=0)
    await nuri.taken(line("item", "line-1", 1))
    await world.post("operator", "agreements/ag-000001/milestones", BODIES["Milestone"] | {"number": 9})


async def own_money(world: OfficeWorld) -> None:
    """gaonde began a payment, somebody sent money, and a card was kept."""
    await a_transfer(world, PAYMENT_KEY)
    await world.post("operator", "bank_lines", {"id": "KB-1", "amount_krw": 1_000, "paid_on": "2026-03-24"})
    await world.post("gaonde", "own_funds", {"limit_krw": 1_000})
    async with world.pool.connection() as conn:
        await conn.execute("insert into card values ('gaonde', 'cus_1', 'pm_1', 'visa 4242')")


async def closed_and_paid(world: OfficeWorld) -> None:
    """nuri is owed a month, objects to it, and is being paid at its account."""
    async with world.pool.connection() as conn:
        await a_closed_month(conn, deed=DEED)
    await world.post("nuri", "payout_accounts", BODIES["PayoutAccount"])
    await world.post("operator", "payout_accounts/pa-000001/confirm")
    await world.post("operator", "payables/py-000001/propose")
    await world.post("second", "payables/py-000001/approve")
    await world.post("operator", "payout_batches", {"payables": ["py-000001"]})
    await world.post("nuri", "payables/py-000001/object", {"reason": "호출이 더 있음"})


async def a_job(world: OfficeWorld) -> None:
    """nuri's, with a file as jobs of the agency have."""
    large = BODIES["LargeStatement"] | {"month": "2026-09"}
    made = await world.post("nuri", "statement_imports", large)
    async with world.pool.connection() as conn:
        await store.put_pieces(conn, made["id"], "file", [b"PK"])
        await conn.execute(
            "update job set file_name = 'a.zip', file_bytes = 2, file_sha256 = %s, expires_at = '2099-01-01'",
            ["0" * 64],
        )


def fits(schema: dict[str, Any], route: str, answer: httpx2.Response) -> None:
    """The answer is what the document promises: every field, and no other."""
    method, path = route.split()
    promised = schema["paths"][path][method.lower()]["responses"][str(answer.status_code)]
    name = promised["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
    name, is_page = name.removeprefix("Page_").removesuffix("_"), name.startswith("Page_")
    rooms = (
        *(shown, shown_products, shown_money, shown_payments),
        *(shown_payables, shown_ending, shown_jobs, shown_reports, shown_alerts),
        shown_clients,
    )
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
    # A company makes applications, payments and funds of its own; there is none yet whose own it could be.
    for path in ("applications", "payments", "own_funds"):
        said[f"POST /api/{path}"] = {"company"}
    said["POST /api/payout_accounts"] = {"provider"}
    for made in ("reported_products", "report_keys", "usage_reports"):
        said[f"POST /api/{made}"] = {"provider"}
    assert said == {name: set(roles.split()) for name, roles in ROUTES.items()}


@pytest.fixture
def schema() -> dict[str, Any]:
    from fastapi import FastAPI

    from portal.api import api

    app = FastAPI()
    api.mount(app)
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
            if answer.status_code == 200 and one.route not in FILES:
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
                answer = await world.call(who, one.method, one.path, body, headers={"If-Match": '"none"'})
                if answer.status_code < 400:
                    moved.add(one.route)
                    fits(schema, one.route, answer)
                if answer.status_code in (401, 403, 404, 405, 422, 500):
                    wrong.append((one.method, one.path, who, answer.status_code, answer.text))
    assert wrong == []
    assert len(moved) > 10  # and their answers were as promised
