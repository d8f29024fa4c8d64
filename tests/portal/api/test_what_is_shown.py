"""What the office shows to whom, which rules of a round go together, and what the document says of bodies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.fakes.office_world import OfficeWorld, good, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def test_what_is_shown_depends_on_who_looks(world: OfficeWorld) -> None:
    await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
    await world.post("operator", "rounds", ROUND | {"id": "draft"})
    upstreams = {
        who: "upstream" in await world.get(who, "products/nuri-x1")
        for who in ("operator", "auditor", "nuri", "other", "gaonde")
    }
    assert upstreams == {"operator": True, "auditor": True, "nuri": True, "other": False, "gaonde": False}
    assert "vendor-secret" not in (await world.call("operator", "GET", "products/nuri-x1")).text
    rounds = {
        who: [one["id"] for one in (await world.get(who, "rounds"))["data"]] for who in ("auditor", "gaonde")
    }
    assert rounds == {"auditor": ["ai-2026-1", "draft"], "gaonde": ["ai-2026-1"]}
    assert (await world.call("gaonde", "GET", "rounds/draft")).status_code == 404
    assert await world.refused("gaonde", "applications", APPLICATION | {"round": "draft"}) == (
        422,
        "round_unknown",
    )
    # A company sees what was done with its application, not who of the agency did it, nor who scored it.
    log = (await world.get("gaonde", "applications/ap-000001/log"))["data"]
    assert [(one["action"], one["person"]) for one in log] == [
        ("make", "kim@gaonde.example"),
        ("submit", "kim@gaonde.example"),
        ("screen", None),
        ("score", None),
        ("select", None),
    ]
    inside = (await world.get("auditor", "applications/ap-000001/log"))["data"]
    assert {one["person"] for one in inside if one["action"] == "evaluate"} == {
        "operator@example.org",
        "second@example.org",
        "third@example.org",
    }
    outcome = (await world.get("gaonde", "applications/ap-000001"))["outcome"]
    assert (outcome["rank"], "tie" in outcome) == (1, False)


async def test_a_round_s_rules_go_together(world: OfficeWorld) -> None:
    await world.post("operator", "programmes", PROGRAMME)
    wrong: list[dict[str, Any]] = [
        {"closes_at": ROUND["opens_at"]},
        {"ties": ["criterion:none"]},
        {"evaluators_min": 2},
        {"criteria": ROUND["criteria"] * 2},
        {"tracks": [{"id": "a", "name": "가"}, {"id": "a", "name": "나"}]},
    ]
    for change in wrong:
        refused = await world.refused("operator", "rounds", ROUND | change)
        assert refused == (422, "round_unsound"), change
    assert await world.refused("operator", "rounds", ROUND | {"programme": "none"}) == (
        422,
        "programme_unknown",
    )
    await world.post("operator", "rounds", ROUND)
    for change in wrong:
        answer = await world.patch("operator", "rounds/ai-2026-1", change)
        assert (answer.status_code, answer.json()["code"]) == (422, "round_unsound"), change
    good(await world.patch("operator", "rounds/ai-2026-1", {"quota": 7, "pass_mark": "60.5"}))
    shown = await world.get("auditor", "rounds/ai-2026-1")
    assert (shown["quota"], shown["pass_mark"], shown["name"]) == (7, "60.5", "1차 공모")
    for null in ("name", "criteria", "closes_at"):
        assert (await world.patch("operator", "rounds/ai-2026-1", {null: None})).status_code == 422
    assert (await world.patch("operator", "programmes/ai-2026", {"name": None})).status_code == 422


async def test_the_document_says_what_may_be_written(world: OfficeWorld) -> None:
    """Amounts and points go in as integers or text, instants as text; nothing as what it becomes."""
    document = await world.http.get("/api/openapi.json")
    schemas = document.json()["components"]["schemas"]
    amount = [{"type": "integer"}, {"type": "string"}]
    round_fields = schemas["Round"]["properties"]
    assert round_fields["budget_krw"]["anyOf"] == round_fields["pass_mark"]["anyOf"] == amount
    assert round_fields["opens_at"] == {"type": "string", "format": "date-time"}
    assert schemas["ProgrammeChange"]["properties"]["budget_krw"]["anyOf"] == [*amount, {"type": "null"}]
    assert "#/components/schemas/Instant" not in document.text
    assert schemas["Round"]["additionalProperties"] is False
