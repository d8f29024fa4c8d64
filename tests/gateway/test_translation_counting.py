"""Tokens counted by a vendor of another dialect: a hold of nothing, and a number."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from tests.fakes.gateway_world import voucher, world
from tests.fakes.gemini_vendor import ASK as CONTENTS
from tests.fakes.gemini_vendor import MODELS, Vendor, ask, reason_of
from tests.gateway.test_anthropic import ASK, PATH, SDK, answers, anthropic_world, message

COUNT: Final[dict[str, Any]] = {"model": "x1", "messages": ASK["messages"]}
EMPTY: Final = (voucher(0, 0),)


async def test_anthropics_callers_on_a_product_of_geminis(tmp_path: Path) -> None:
    vendor = Vendor({"totalTokens": 61})
    async with world(vendor, tmp_path, vouchers=EMPTY, dialect="gemini") as w:
        heard = await w.client.call("POST", f"{PATH}/count_tokens", COUNT, headers=SDK)
        assert (heard.status, heard.json) == (200, {"input_tokens": 61})
        assert w.seen == [{"generateContentRequest": {**CONTENTS, "model": "models/vendor-model"}}]
        assert [(event.status, event.charge_micro) for event in w.events] == [("released", 0)]
    assert vendor.asked == ["/v1beta/models/vendor-model:countTokens"]


async def test_geminis_callers_on_a_product_of_anthropics(tmp_path: Path) -> None:
    heads: list[dict[str, str]] = []
    async with anthropic_world(answers({"input_tokens": 61}, heads), tmp_path, vouchers=EMPTY) as w:
        heard = await ask(w, f"{MODELS}:countTokens")
        assert (heard.status, heard.json) == (200, {"totalTokens": 61})
        hi = [{"type": "text", "text": "hi"}]
        assert w.seen == [{"model": "vendor-model", "messages": [{"role": "user", "content": hi}]}]
        assert [(event.status, event.charge_micro) for event in w.events] == [("released", 0)]
    assert heads[0]["path"] == "/v1/messages/count_tokens"


@pytest.mark.parametrize(("said", "status"), [({"error": {"message": "busy"}}, 503), ({}, 200)])
async def test_a_vendor_that_cannot_count_costs_nothing(tmp_path: Path, said: Any, status: int) -> None:
    async with world(Vendor(said, status=status), tmp_path, dialect="gemini") as w:
        heard = await w.client.call("POST", f"{PATH}/count_tokens", COUNT, headers=SDK)
        assert (heard.status, heard.json["error"]["code"]) == (502, "upstream_error")
        assert {(event.status, event.charge_micro) for event in w.events} == {("released", 0)}


async def test_what_has_no_words_is_refused(tmp_path: Path) -> None:
    async with anthropic_world(answers(message()), tmp_path) as w:
        heard = await ask(w, f"{MODELS}:countTokens", {**CONTENTS, "tools": [{"googleSearch": {}}]})
        assert (heard.status, reason_of(heard.json)) == (400, "invalid_request")
        assert not w.seen
