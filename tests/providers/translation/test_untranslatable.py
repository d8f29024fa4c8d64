"""What a vendor says and no caller of another dialect has a place for: the answer fails, by its name."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest

from providers.dialects import DIALECTS
from providers.facts import RequestFacts
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.bedrock.side import SIDE as BEDROCK
from providers.translation.gemini.ask import fit
from providers.translation.gemini.side import SIDE as GEMINI
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.openai_responses.side import SIDE as RESPONSES
from providers.translation.pairing import pair
from providers.translation.port import CallerSide, VendorSide
from tests.providers.bedrock.messages import END, TALK, event

FACTS: Final = RequestFacts(purpose="chat", model="p", body_bytes=1, stream=True)
PNG: Final = {"mimeType": "image/png", "data": "AAAA"}
DRAWN: Final = {
    "candidates": [{"content": {"parts": [{"text": "a"}, {"inlineData": PNG}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1290, "totalTokenCount": 1293},
}
SHOWN: Final = {
    "output": {"message": {"content": [{"image": {"format": "png", "source": {"bytes": "AAAA"}}}]}},
    "usage": {"inputTokens": 3, "outputTokens": 9},
}
SHOWING: Final = event("contentBlockStart", contentBlockIndex=1, start={"image": {"format": "png"}})


@pytest.mark.parametrize("caller", [OPENAI, RESPONSES, ANTHROPIC], ids=["openai", "responses", "anthropic"])
@pytest.mark.parametrize(
    ("vendor", "whole", "stream"),
    [
        (GEMINI, DRAWN, [b"data: " + orjson.dumps(DRAWN) + b"\r\n\r\n"]),
        (BEDROCK, SHOWN, [TALK, SHOWING, END]),
    ],
    ids=["gemini", "bedrock"],
)
def test_a_picture_fails_the_answer(
    caller: CallerSide, vendor: VendorSide, whole: Any, stream: list[bytes]
) -> None:
    operation = pair(caller, vendor)
    assert operation.fold is not None
    assert operation.assembler is not None
    answer = operation.answer(orjson.dumps(whole), product_id="p", quirks=NO_QUIRKS)
    fold = operation.fold("p", FACTS, NO_QUIRKS)
    assembler = operation.assembler("p", FACTS, NO_QUIRKS)
    splitter = DIALECTS[vendor.dialect].make_splitter(1 << 20)
    for one in splitter.feed(b"".join(stream)):
        fold.feed(one)
        assembler.feed(one)
    for error in (answer.error, fold.error, assembler.error):
        assert error is not None
        assert error.code == "untranslatable_answer"
        assert "a picture" in error.message
    assert orjson.loads(assembler.answer())["model"] == "p"
    for usage in (answer.usage, fold.usage, assembler.usage):
        assert usage is not None, "the vendor bills it all the same"


@pytest.mark.parametrize(
    ("model", "is_told"),
    [
        ("gemini-2.5-flash-image", True),
        ("models/gemini-3-pro-image-preview", True),
        ("gemini-2.5-pro", False),
    ],
)
def test_models_that_draw_are_asked_for_text(model: str, is_told: bool) -> None:
    body = fit({"contents": [], "generationConfig": {"seed": 1}}, model)
    more = {"responseModalities": ["TEXT"]} if is_told else {}
    assert body == {"contents": [], "generationConfig": {"seed": 1, **more}}
    assert fit({"contents": []}, model).get("generationConfig", {}) == more
