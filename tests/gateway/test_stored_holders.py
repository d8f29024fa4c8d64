"""Where a kept thing is asked for: at the upstream that has it, at any gateway, and by keys that may."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from aiohttp import web
from msgspec.structs import replace as replace_pace

from gateway.background import FollowPace
from gateway.directory import Directory
from gateway.ports import StoredThing
from gateway.stored import STREAMS_MAX
from gateway.stored_vendor import holder_of, place_of
from gateway.telemetry import CallRecord
from providers.catalogue import UpstreamTarget
from tests.fakes.asgi_client import AsgiClient
from tests.fakes.gateway_world import FOLLOW_PACE, Everything, World, product, world
from tests.fakes.stored_vendor import StoringVendor
from tests.gateway.test_background import BEGIN, PATH, adopting, begun
from tests.gateway.test_stored import ASK, KEEP, OTHER_KEY, ROUTE, key_of, until

BASE = "https://vendor.example/v1"
OLD = UpstreamTarget("x1/0", "openai", None, BASE, "m1", "k1")
ELSEWHERE = replace(OLD, base_url="https://other.example/v1")


def thing_at(target_id: str) -> StoredThing:
    return StoredThing("response", "resp_1", "gaonde", "x1", target_id, BASE, "op1")


@pytest.mark.parametrize(
    ("now", "found"),
    [
        ([OLD], 0),
        ([replace(OLD, model="m0"), replace(OLD, target_id="x1/1")], 1),  # another model before it
        ([replace(OLD, api_key="k0"), replace(OLD, target_id="x1/1")], 1),  # another account
        ([replace(ELSEWHERE), replace(OLD, target_id="x1/1")], 1),
        ([replace(OLD, model="m2")], 0),  # its model was replaced
        ([replace(OLD, api_key="k2")], 0),  # its credential was
        ([replace(OLD, api_key="k2", model="m2")], 0),  # both: where it stood
        ([replace(OLD, model="m0", api_key="k0"), replace(OLD, target_id="x1/1", api_key="k2")], 1),
        ([replace(ELSEWHERE)], None),  # another vendor stands there now
        ([replace(OLD, target_id="x1/3", api_key="k2", model="m2")], None),
    ],
)
def test_found_by_what_it_was(now: list[UpstreamTarget], found: int | None) -> None:
    directory = Directory()
    directory.apply(Everything(products=(replace(product(BASE), upstreams=tuple(now)),)))
    expected = None if found is None else now[found]
    assert holder_of(thing_at(place_of(OLD)), directory) == expected


def test_bound_by_an_older_version() -> None:
    directory = Directory()
    two = OLD, replace(OLD, target_id="x1/1", model="m2", api_key="k2")
    directory.apply(Everything(products=(replace(product(BASE), upstreams=two),)))
    assert holder_of(thing_at("x1/1"), directory) == two[1]
    assert holder_of(thing_at("x1/2"), directory) is None


def test_a_place_tells_no_credential() -> None:
    key = "sk-of-the-vendor"
    place = place_of(replace(OLD, api_key=key))
    assert key not in place
    assert sha256(key.encode()).hexdigest()[:9] not in place


async def test_an_upstream_declared_before_it_changes_nothing(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        await w.client.call("POST", ROUTE, KEEP)
        await w.client.call("POST", ROUTE, BEGIN)
        [had] = w.directory.products["x1"].upstreams
        first = replace(had, base_url="http://127.0.0.1:1/v1", api_key="other")
        two = replace(
            w.directory.products["x1"], upstreams=(first, replace(had, target_id="x1/1", priority=2))
        )
        w.directory.apply(Everything(revision=2, products=(two,)))
        assert (await w.client.call("GET", PATH)).status == 200
        follows = await w.client.call("POST", ROUTE, {**ASK, "previous_response_id": "resp_1"})
        assert (follows.status, w.events[-1].upstream) == (200, "x1/1")
        vendor.finish()
        await until(lambda: not w.things.unfinished)
        assert w.events[-1].estimated is False, "and what goes on is followed"


async def test_a_key_without_the_product_does_not_go_on_from_its_answers(tmp_path: Path) -> None:
    async with world(StoringVendor(), tmp_path) as w:
        await w.client.call("POST", ROUTE, KEEP)
        other = replace(w.directory.products["x1"], product_id="x2")
        w.directory.apply(
            Everything(
                revision=2,
                products=(other,),
                api_keys=(key_of("gaonde", OTHER_KEY, products=frozenset({"x2"})),),
            )
        )
        ask = {"model": "x2", "input": "and?", "previous_response_id": "resp_1"}
        refused = await AsgiClient(w.gateway, OTHER_KEY).call("POST", ROUTE, ask)
        assert (refused.status, refused.code) == (403, "product_not_allowed")
        assert refused.json["error"]["param"] == "previous_response_id"
        assert (await w.client.call("POST", ROUTE, ask)).status == 200


@pytest.mark.parametrize(
    ("status", "code", "is_there_still"),
    [
        (405, "upstream_rejected", True),
        (501, "upstream_rejected", True),
        (500, "upstream_error", True),
        (404, "id_not_found", False),
        (410, "id_not_found", False),
    ],
)
async def test_only_what_is_gone_is_marked_as_deleted(
    tmp_path: Path, status: int, code: str, is_there_still: bool
) -> None:
    inner = StoringVendor()

    async def vendor(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status) if request.method == "DELETE" else await inner(request)

    async with world(vendor, tmp_path) as w:
        await w.client.call("POST", ROUTE, KEEP)
        assert (await w.client.call("DELETE", PATH)).code == code
        assert (await w.client.call("GET", PATH)).status == (200 if is_there_still else 404)


async def test_its_routes_are_told_with_their_dialect(tmp_path: Path) -> None:
    async with world(StoringVendor(), tmp_path) as w:
        told: list[CallRecord] = []

        def tell(record: CallRecord, traceparent: str | None) -> None:
            told.append(record)

        w.gateway._telemetry.tell = tell  # type: ignore[assignment, method-assign]
        await w.client.call("GET", PATH)
        assert [record.dialect for record in told] == ["openai"]


async def test_only_what_its_answer_asked_for_is_approved(tmp_path: Path) -> None:
    """An approval names an item, and vendors look it up among all that our account has."""
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        await w.client.call("POST", ROUTE, KEEP)
        vendor.kept["resp_1"]["output"] = [{"type": "mcp_approval_request", "id": "mcpr_1"}, 3]
        for named, status in (("mcpr_1", 200), ("mcpr_of_another", 404)):
            item = {"type": "mcp_approval_response", "approval_request_id": named, "approve": True}
            heard = await w.client.call(
                "POST", ROUTE, {**ASK, "input": [item], "previous_response_id": "resp_1"}
            )
            assert heard.status == status
        assert (heard.code, heard.json["error"]["param"]) == ("id_not_found", "approval_request_id")
        assert len(w.seen) == 2, "the vendor was asked for the first alone"
        assert w.seen[1]["input"][0]["approval_request_id"] == "mcpr_1"


async def at_another_gateway(w: World, tmp_path: Path, method: str, path: str) -> int:
    """-> status, of a gateway that follows nothing, with the same books"""
    background_, meter, upstream = await adopting(w, tmp_path)
    stored = w.gateway._stored
    own, stored.background = stored.background, background_
    try:
        heard = await w.client.call(method, path)
    finally:
        stored.background = own
        await background_.close()
        await meter.close(patience_s=0)
        await upstream.close()
    return heard.status


async def test_deleted_at_another_gateway_as_soon_as_it_is_over(tmp_path: Path) -> None:
    """Its own gateway asks every 30 seconds at last, and is told."""
    vendor = StoringVendor()
    slow = FollowPace(first_s=0.01, growth=1e4, most_s=60.0, claim_every_s=0.02, ends_every_s=0.02)
    async with world(vendor, tmp_path, follow_pace=slow) as w:
        await begun(w)
        await until(lambda: vendor.polls("resp_1") > 0)
        assert await at_another_gateway(w, tmp_path, "DELETE", PATH) == 400
        vendor.finish()
        assert await at_another_gateway(w, tmp_path, "DELETE", PATH) == 200
        assert w.things.unfinished == {}
        assert len(w.events) == 1


async def test_streams_of_one_company_leave_room_for_its_questions(tmp_path: Path) -> None:
    vendor = StoringVendor(pause_s=0.05)
    async with world(vendor, tmp_path) as w:
        await begun(w)
        paths = [f"{PATH}?stream=true"] * (STREAMS_MAX + 1) + [PATH]
        heard = await asyncio.gather(*(w.client.call("GET", path) for path in paths))
        assert [one.status for one in heard] == [200] * STREAMS_MAX + [429, 200]


async def test_a_company_has_so_many_in_the_background(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path, follow_pace=replace_pace(FOLLOW_PACE, of_company_max=1)) as w:
        await begun(w)
        refused = await w.client.call("POST", ROUTE, BEGIN)
        assert (refused.status, refused.code) == (429, "too_many_concurrent")
        vendor.finish()
        await until(lambda: not w.things.unfinished and w.background.has_room_for("gaonde"))
        assert (await w.client.call("POST", ROUTE, BEGIN)).status == 200
