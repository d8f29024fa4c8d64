"""What a Gemini client is told where a call is refused, by us or by the vendor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from metering.directory import KeyLimits
from tests.fakes.gateway_world import api_key, voucher, world
from tests.fakes.gemini_vendor import ARRAY, ASK, EVENTS, LAST, MODELS, Vendor, ask, reason_of


@pytest.mark.parametrize(
    ("path", "body", "status", "name", "reason"),
    [
        (f"{MODELS}:generateContent", {}, 400, "INVALID_ARGUMENT", "invalid_request"),
        (f"{MODELS}:generateContent", b"{", 400, "INVALID_ARGUMENT", "invalid_request"),
        ("/v1beta/models/none:generateContent", ASK, 404, "NOT_FOUND", "model_not_found"),
        (f"{MODELS}:predict", ASK, 405, "UNIMPLEMENTED", "route_not_found"),
        (f"{EVENTS}&key=vg_abc", ASK, 401, "UNAUTHENTICATED", "invalid_api_key"),
    ],
)
async def test_refusals_are_in_geminis_words(
    path: str, body: Any, status: int, name: str, reason: str, tmp_path: Path
) -> None:
    async with world(Vendor(LAST), tmp_path, dialect="gemini") as w:
        heard = await ask(w, path, body)
        error = heard.json["error"]
        assert (heard.status, error["code"], error["status"], reason_of(heard.json)) == (
            status,
            status,
            name,
            reason,
        )
        assert w.events == []


async def test_no_money_and_too_many_calls_are_refused_in_geminis_words(tmp_path: Path) -> None:
    async with world(Vendor(LAST), tmp_path / "a", vouchers=(voucher(0, 0),), dialect="gemini") as w:
        heard = await ask(w, ARRAY)
        assert (heard.status, reason_of(heard.json)) == (402, "voucher_exhausted")
    busy = api_key(limits=KeyLimits(requests_per_minute=1))
    async with world(Vendor(LAST), tmp_path / "b", key=busy, dialect="gemini") as w:
        await ask(w, EVENTS)
        heard = await ask(w, EVENTS, headers={"accept-language": "ko"})
        assert (heard.status, heard.json["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
        assert reason_of(heard.json) == "rate_limited"


@pytest.mark.parametrize(
    ("details", "status", "reason"),
    [
        ([], 400, "upstream_rejected"),
        # A bad key of ours comes as a 400 too, and a vendor's 400 is passed on as one.
        (
            [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
            400,
            "upstream_rejected",
        ),
    ],
)
async def test_what_the_vendor_refuses(details: list[Any], status: int, reason: str, tmp_path: Path) -> None:
    said = {"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT", "details": details}}
    async with world(Vendor(said, status=400), tmp_path, dialect="gemini") as w:
        heard = await ask(w, EVENTS)
        assert (heard.status, reason_of(heard.json)) == (status, reason)
        assert [(event.status, event.charge_micro) for event in w.events] == [("released", 0)]


async def test_what_is_not_translated_is_refused_by_a_product_of_another_dialect(tmp_path: Path) -> None:
    async with world(Vendor(LAST), tmp_path) as w:
        heard = await ask(w, f"{MODELS}:countTokens")
        assert not w.seen
        assert (heard.status, reason_of(heard.json)) == (400, "purpose_mismatch")
