"""A product's life in the office: drafts and their review, who sees them, what companies are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from billing.directory_store import load_directory
from tests.fakes.declared_world import PRODUCT as DECLARED
from tests.fakes.declared_world import World
from tests.fakes.office_world import OfficeWorld, good, opened
from tests.portal.api.a_product import PRODUCT, SECRET
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND

DRAFT = "products/nuri-draft"
WHY = {"reason": "확인"}


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def served(world: OfficeWorld) -> dict[str, bool]:
    """What gateways know, and whether they take calls of it."""
    async with world.pool.connection() as conn:
        delta = await load_directory(conn, secrets=world.secrets)
    return {product.product_id: product.active for product in delta.products}


async def test_a_draft_says_what_it_lacks_and_is_not_taken_before(world: OfficeWorld) -> None:
    apart = ("data_location", "trains_on_input", "retention_days", "upstream", "prices")
    bare = {name: value for name, value in PRODUCT.items() if name not in apart}
    made = await world.post("nuri", "products", bare)
    assert made["missing"] == [
        "data_location_missing",
        "training_use_missing",
        "retention_missing",
        "upstream_missing",
        "price_missing",
    ]
    plain = [{"dialect": "openai", "base_url": "http://api.nuri.example/v1", "model": "m"}]
    for name, value, refused in (
        ("data_location", "KR", "training_use_missing"),
        ("trains_on_input", False, "retention_missing"),
        ("retention_days", 0, "upstream_missing"),
        ("upstream", plain, "upstream_not_https"),
        ("upstream", [plain[0] | {"base_url": "https://api.nuri.example"}], "credential_missing"),
    ):
        good(await world.patch("nuri", DRAFT, {name: value}))
        assert await world.refused("nuri", f"{DRAFT}/submit") == (409, refused)
    await world.post("nuri", f"{DRAFT}/credentials", {"api_key": SECRET})
    assert await world.refused("nuri", f"{DRAFT}/submit") == (409, "price_missing")
    good(await world.patch("nuri", DRAFT, {"prices": PRODUCT["prices"]}))
    assert (await world.get("nuri", DRAFT))["missing"] == []
    # Written anew without its key, the same place keeps it; another place has none.
    again = {"dialect": "openai", "base_url": "https://api.nuri.example", "model": "other"}
    shown = good(await world.patch("nuri", DRAFT, {"upstream": [again]})).json()["upstream"]
    assert [(one["model"], one["has_api_key"]) for one in shown] == [("other", True)]
    elsewhere = again | {"base_url": "https://b.nuri.example"}
    shown = good(await world.patch("nuri", DRAFT, {"upstream": [elsewhere]})).json()["upstream"]
    assert [one["has_api_key"] for one in shown] == [False]


async def test_a_returned_draft_has_the_reviewer_s_words_and_comes_again(world: OfficeWorld) -> None:
    await world.post("nuri", "products", PRODUCT)
    await world.post("nuri", f"{DRAFT}/submit")
    busy = await world.patch("nuri", DRAFT, {"retention_days": 30})
    assert busy.json()["code"] == "wrong_state"
    words = {"reason": "보관 기간의 근거를 적어 주세요."}
    returned = await world.post("operator", f"{DRAFT}/return", words)
    assert (returned["state"], returned["returned_because"]) == ("returned", words["reason"])
    good(await world.patch("nuri", DRAFT, {"prices": [PRODUCT["prices"][0] | {"input": 900}]}))
    await world.post("nuri", f"{DRAFT}/submit")
    await world.post("nuri", f"{DRAFT}/take-back")
    assert await world.refused("operator", f"{DRAFT}/approve") == (409, "wrong_state")
    await world.post("nuri", f"{DRAFT}/submit")
    approved = await world.post("operator", f"{DRAFT}/approve")
    assert (approved["state"], approved["prices"][0]["input"]) == ("on_sale", "900")
    log = (await world.get("nuri", f"{DRAFT}/log"))["data"]
    assert [(row["action"], row["person"] is None) for row in log] == [
        ("make", False),
        ("submit", False),
        ("return", True),
        ("change", False),
        ("submit", False),
        ("take_back", False),
        ("submit", False),
        ("approve", True),
    ]
    # On sale, its terms are the agency's to correct, and its prices are no draft's any more.
    late = await world.patch("nuri", DRAFT, {"retention_days": 30})
    assert late.json()["code"] == "wrong_state"
    assert good(await world.patch("operator", DRAFT, {"retention_days": 30})).json()["retention_days"] == 30


async def test_the_agency_corrects_a_place_of_calls_and_its_key_stays(world: OfficeWorld) -> None:
    """Nobody is shown a key, so nobody can send it back."""
    await world.post("nuri", "products/nuri-x1/credentials", {"api_key": SECRET})
    [there] = (await world.get("operator", "products/nuri-x1"))["upstream"]
    place = {name: value for name, value in there.items() if name != "has_api_key" and value is not None}
    for change, is_kept in (({"weight": 2}, True), ({"base_url": "https://b.nuri.example/v1"}, False)):
        changed = {"upstream": [place | change]}
        shown = good(await world.patch("operator", "products/nuri-x1", changed)).json()["upstream"]
        assert [one["has_api_key"] for one in shown] == [is_kept]


async def test_a_draft_is_nobody_else_s(world: OfficeWorld) -> None:
    await world.post("nuri", "products", PRODUCT)
    for who in ("gaonde", "other"):
        assert (await world.call(who, "GET", DRAFT)).status_code == 404
        listed = (await world.get(who, "products"))["data"]
        assert [one["id"] for one in listed] == ["nuri-x1"]
    for who in ("nuri", "operator", "auditor"):
        listed = (await world.get(who, "products?state=draft"))["data"]
        assert [one["id"] for one in listed] == ["nuri-draft"]
    assert await served(world) == {"nuri-x1": True}
    foreign = PRODUCT | {"id": "theirs", "provider": "nuri"}
    assert await world.refused("other", "products", foreign) == (404, "not_found")
    assert await world.refused("nuri", "products", PRODUCT | {"id": "x", "active": True}) == (
        403,
        "forbidden",
    )
    twice = PRODUCT | {"id": "x", "prices": PRODUCT["prices"] * 2}
    assert await world.refused("nuri", "products", twice) == (422, "invalid")
    assert await world.refused("nuri", "products", PRODUCT) == (409, "id_taken")
    # An agreement cannot name what is not sold.
    await world.opened_round(PROGRAMME, ROUND)
    application = await world.applied("gaonde", APPLICATION)
    await world.selected(application, "ai-2026-1")
    terms = {"starts_on": "2026-04-01", "ends_on": "2026-05-01", "products": ["nuri-draft"]}
    refused = await world.refused("operator", "agreements", {"application": application, **terms})
    assert refused == (422, "product_unknown")


async def test_a_registered_provider_prepares_and_sells_once_it_is_approved(world: OfficeWorld) -> None:
    new = {"id": "saebit", "name": "새빛모델", "state": "registered"}
    assert (await world.post("operator", "providers", new))["state"] == "registered"
    assert await world.refused("operator", "providers/saebit/approve") == (409, "brn_required")
    person = {"email": "oh@other.example", "role": "provider", "provider": "saebit"}
    async with world.pool.connection() as conn:
        await conn.execute("update person set provider = 'saebit' where email = %s", [person["email"]])
    await world.post("other", "products", PRODUCT)
    await world.post("other", f"{DRAFT}/submit")
    assert await world.refused("operator", f"{DRAFT}/approve") == (409, "provider_not_approved")
    good(await world.patch("operator", "providers/saebit", {"brn": "2228122224"}))
    assert (await world.post("operator", "providers/saebit/approve"))["state"] == "approved"
    await world.post("operator", f"{DRAFT}/approve")
    await world.post("operator", "providers/saebit/end", WHY)
    assert await served(world) == {"nuri-draft": False, "nuri-x1": True}
    assert (await world.get("gaonde", DRAFT))["state"] == "withdrawn"
    assert await world.refused("other", "products", PRODUCT | {"id": "b"}) == (409, "provider_ended")
    assert await world.refused("operator", "providers/saebit/resume", WHY) == (409, "wrong_state")


async def test_who_suspends_a_product_and_who_resumes_it(world: OfficeWorld) -> None:
    path = "products/nuri-x1"
    await world.post("nuri", f"{path}/suspend", WHY)
    assert await served(world) == {"nuri-x1": False}
    await world.post("nuri", f"{path}/resume", WHY)
    # The agency may make a provider's suspension its own; by a step, or by a declaration.
    await world.post("nuri", f"{path}/suspend", WHY)
    for active, code in ((False, "suspended_by_agency"), (True, None)):
        good(await world.patch("operator", path, {"active": active}))
        answer = await world.call("nuri", "POST", f"{path}/resume", WHY)
        assert answer.json().get("code") == code
    await world.post("nuri", f"{path}/suspend", WHY)
    assert await world.refused("nuri", f"{path}/suspend", WHY) == (409, "already_suspended")
    await world.post("operator", f"{path}/suspend", WHY)
    assert await world.refused("nuri", f"{path}/resume", WHY) == (409, "suspended_by_agency")
    async with world.pool.connection() as conn:  # a declaration is none of the office's steps
        await World(conn, world.secrets).apply(DECLARED)
    assert await served(world) == {"nuri-x1": False}
    await world.post("operator", f"{path}/resume", WHY)
    # Declared off sale, it is as if the agency had suspended it; a step or a declaration resumes it.
    for back in ("step", "declared"):
        off = good(await world.patch("operator", path, {"active": False})).json()
        assert (off["state"], off["active"], off["suspended_by"]) == ("suspended", False, "agency")
        assert await world.refused("nuri", f"{path}/resume", WHY) == (409, "suspended_by_agency")
        if back == "step":
            await world.post("operator", f"{path}/resume", WHY)
        else:
            good(await world.patch("operator", path, {"active": True}))
        assert await served(world) == {"nuri-x1": True}
    await world.post("operator", "providers/nuri/suspend", WHY)
    assert await world.refused("operator", f"{path}/resume", WHY) == (409, "wrong_state")
    shown = await world.get("gaonde", path)
    assert (shown["state"], shown["active"]) == ("on_sale", False)
    await world.post("operator", "providers/nuri/resume", WHY)
    await world.post("nuri", f"{path}/withdraw", WHY)
    assert await served(world) == {"nuri-x1": False}
    for step in ("resume", "suspend", "withdraw"):  # for good
        assert await world.refused("operator", f"{path}/{step}", WHY) == (409, "wrong_state")


async def test_who_comes_second_is_judged_by_what_the_first_has_left(world: OfficeWorld) -> None:
    """Keys that come together replace each other in turn."""
    await world.post("nuri", "products", PRODUCT)
    await world.post("nuri", f"{DRAFT}/submit")
    approvals = [world.call("operator", "POST", f"{DRAFT}/approve", {}) for _ in range(2)]
    assert sorted(answer.status_code for answer in await asyncio.gather(*approvals)) == [200, 409]
    path = "products/nuri-x1/credentials"
    keys = [{"api_key": f"key-{number}"} for number in range(3)]
    made = await asyncio.gather(*(world.post("nuri", path, key) for key in keys))
    rows = (await world.get("nuri", "credentials?product=nuri-x1"))["data"]
    states = sorted(row["state"] for row in rows if row["id"] in {one["id"] for one in made})
    assert states == ["current", "retired", "retiring"]


async def test_no_state_without_its_step_and_what_was_said_stays_said(world: OfficeWorld) -> None:
    await world.post("nuri", "products/nuri-x1/credentials", {"api_key": SECRET})
    await world.post("nuri", "products/nuri-x1/prices", {"from": "2099-01-01T00:00:00Z", "input": 1})
    await world.post("nuri", "prices/nuri-x1@2099-01-01T00:00:00Z/withdraw", WHY)
    async with world.pool.connection() as conn:
        for unlogged in (
            "update provider_life set state = 'ended'",
            "update product_life set state = 'withdrawn'",
            "update credential set state = 'retired', sealed = null, replaced_at = now()",
        ):
            with pytest.raises(psycopg.errors.CheckViolation, match="without a step"):
                await conn.execute(unlogged.encode())
        for kept in (
            "delete from notice",
            "truncate notice",
            "update notice set kind = ''",
            "delete from price_withdrawal",
            "update price_withdrawal set at = now()",
            "delete from provider_life",
            "delete from product_life",
            "delete from credential",
            "insert into price_withdrawal select product_id, valid_from, now() from price"
            " where valid_from < now()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await conn.execute(kept.encode())
