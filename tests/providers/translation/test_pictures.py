"""What a vendor shows that nobody asked for: given where the caller's dialect has a place for it, else its
place says that it is left out. The rest of the answer is told."""

from __future__ import annotations

import base64
from typing import Any, Final

import orjson
import pytest

from providers.dialect import Answer, Assembler, Fold
from providers.dialects import DIALECTS
from providers.facts import RequestFacts
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.bedrock.side import SIDE as BEDROCK
from providers.translation.bedrock.stream import PICTURE_BYTES_MAX
from providers.translation.clova.side import SIDE as CLOVA
from providers.translation.gemini.ask import fit
from providers.translation.gemini.side import SIDE as GEMINI
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.openai_responses.side import SIDE as RESPONSES
from providers.translation.pairing import pair
from providers.translation.port import CallerSide, VendorSide
from tests.fakes.vendor_stream import chunks_of
from tests.providers.bedrock.messages import delta, event

FACTS: Final = RequestFacts(purpose="chat", model="p", body_bytes=1, stream=True)
DRAWN: Final = base64.b64encode(b"a picture that was drawn\xff\xfe").decode()
LEFT_OUT: Final = "[a picture is left out here]"
PNG: Final = {"mimeType": "image/png", "data": DRAWN.replace("/", "_").replace("+", "-")}
COUNTED: Final = {"promptTokenCount": 3, "candidatesTokenCount": 9, "totalTokenCount": 12}


def gemini(*parts: Any) -> tuple[Any, list[bytes]]:
    whole = {
        "candidates": [
            {"content": {"parts": [{"text": "a"}, *parts, {"text": "b"}]}, "finishReason": "STOP"}
        ],
        "usageMetadata": COUNTED,
    }
    return whole, [b"data: " + orjson.dumps(whole) + b"\r\n\r\n"]


def bedrock(form: str, source: Any, pieces: list[str]) -> tuple[Any, list[bytes]]:
    usage = {"inputTokens": 3, "outputTokens": 9}
    content = [{"text": "a"}, {"image": {"format": form, "source": source}}, {"text": "b"}]
    whole = {"output": {"message": {"content": content}}, "stopReason": "end_turn", "usage": usage}
    stream = [
        delta(0, text="a"),
        event("contentBlockStart", contentBlockIndex=1, start={"image": {"format": form}}),
    ]
    stream += [delta(1, image={"source": {"bytes": piece}}) for piece in pieces]
    stream += [event("contentBlockStop", contentBlockIndex=1), delta(2, text="b")]
    return whole, [*stream, event("messageStop", stopReason="end_turn"), event("metadata", usage=usage)]


def openai(**shown: Any) -> tuple[Any, list[bytes]]:
    usage = {"prompt_tokens": 3, "completion_tokens": 9, "total_tokens": 12}
    said = {"content": "ab", **shown}
    whole = {"choices": [{"index": 0, "message": said, "finish_reason": "stop"}], "usage": usage}
    chunk = {"choices": [{"index": 0, "delta": said, "finish_reason": "stop"}], "usage": usage}
    return whole, [b"data: " + orjson.dumps(chunk) + b"\n\n", b"data: [DONE]\n\n"]


HALVES: Final = [
    base64.b64encode(base64.b64decode(DRAWN)[cut]).decode() for cut in (slice(10), slice(10, None))
]
URL: Final = f"data:image/png;base64,{DRAWN}"
SHOWN: Final[dict[str, tuple[VendorSide, Any]]] = {
    "gemini": (GEMINI, gemini({"inlineData": PNG})),
    "bedrock": (BEDROCK, bedrock("png", {"bytes": DRAWN}, HALVES)),
    "openai": (OPENAI, openai(images=[{"type": "image_url", "image_url": {"url": URL}}])),
}
HIDDEN: Final[dict[str, tuple[VendorSide, Any]]] = {
    "in Google's store": (GEMINI, gemini({"fileData": {"mimeType": "image/png", "fileUri": "https://g/1"}})),
    "a sound": (GEMINI, gemini({"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}})),
    "of odd types": (GEMINI, gemini({"inlineData": [7]})),
    "in Amazon's store": (BEDROCK, bedrock("png", {"s3Location": {"uri": "s3://b/1"}}, [])),
    "of an odd format": (BEDROCK, bedrock("p/n", {"bytes": DRAWN}, [DRAWN])),
    "no base64": (BEDROCK, bedrock("png", {"bytes": 7}, ["A"])),
    "spoken": (OPENAI, openai(audio={"id": "audio_1", "data": "AAAA"})),
    "no address": (OPENAI, openai(images=[{"image_url": {"url": "data:,"}}])),
}
CALLERS: Final[dict[str, CallerSide]] = {
    "openai": OPENAI, "responses": RESPONSES, "anthropic": ANTHROPIC, "gemini": GEMINI, "clova": CLOVA,
}  # fmt: skip


def answers(caller: CallerSide, vendor: VendorSide, said: Any) -> dict[str, Any]:
    """Whole, streamed, and put together of a stream."""
    whole, stream = said
    operation = pair(caller, vendor)
    assert operation.fold is not None
    assert operation.assembler is not None
    answer = operation.answer(orjson.dumps(whole), product_id="p", quirks=NO_QUIRKS)
    fold = operation.fold("p", FACTS, NO_QUIRKS)
    assembler = operation.assembler("p", FACTS, NO_QUIRKS)
    streamed = b""
    for one in DIALECTS[vendor.dialect].make_splitter(1 << 20).feed(b"".join(stream)):
        streamed += fold.feed(one)
        assembler.feed(one)
    streamed += fold.owed_frames() + fold.terminal()
    seen: tuple[Answer | Fold | Assembler, ...] = (answer, fold, assembler)
    for one_way in seen:
        assert one_way.error is None
        assert one_way.usage is not None
        assert (one_way.usage.input, one_way.usage.output) == (3, 9)
    return {
        "whole": orjson.loads(answer.body),
        "streamed": chunks_of(streamed),
        "assembled": orjson.loads(assembler.answer()),
    }


def read(caller: str, answer: Any) -> tuple[str, list[str]]:
    """(text, pictures) of an answer, or of the chunks of one."""
    chunks = answer if type(answer) is list else [answer]
    text, pictures = "", []
    if caller == "responses":
        for item in chunks[-1].get("response", chunks[-1])["output"]:
            assert item["status"] == "completed"
            text += "".join(part["text"] for part in item.get("content", ()))
            pictures += [item["result"]] if item["type"] == "image_generation_call" else []
    elif caller == "anthropic":
        for chunk in chunks:
            for block in [*chunk.get("content", ()), chunk.get("delta", {})]:
                text += block.get("text", "")
    elif caller == "clova":
        results = [chunk.get("result", chunk) for chunk in chunks]
        [text] = [one["message"]["content"] for one in results if one.get("finishReason")]
    else:
        for chunk in chunks:
            for choice in chunk.get("choices", ()) or chunk.get("candidates", ()):
                said = choice.get("message") or choice.get("delta") or {}
                text += said.get("content") or ""
                pictures += [one["image_url"]["url"].partition(",")[2] for one in said.get("images", ())]
                for part in choice.get("content", {}).get("parts", ()):
                    text += part.get("text", "")
                    pictures += [part["inlineData"]["data"]] if "inlineData" in part else []
    return text, pictures


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("vendor", SHOWN)
def test_a_picture_reaches_who_has_a_place_for_it(caller: str, vendor: str) -> None:
    if caller == vendor:
        return
    side, said = SHOWN[vendor]
    for way, answer in answers(CALLERS[caller], side, said).items():
        text, pictures = read(caller, answer)
        if caller in ("anthropic", "clova"):
            assert (text.replace(LEFT_OUT, ""), LEFT_OUT in text) == ("ab", True), way
        else:
            assert (text, pictures) == ("ab", [DRAWN]), way


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("case", HIDDEN)
def test_what_nobody_could_read_is_said_to_be_left_out(caller: str, case: str) -> None:
    side, said = HIDDEN[case]
    if caller == side.dialect:
        return
    for way, answer in answers(CALLERS[caller], side, said).items():
        text, pictures = read(caller, answer)
        assert not pictures, way
        assert "is left out here]" in text, (way, text)
        assert text.replace(LEFT_OUT, "").replace("[a sound or a film is left out here]", "") == "ab"


ODD: Final[list[Any]] = [7, "a", [], ["a"], {}, {"a": [1]}, True, "가😀", {"url": {"url": 7}}]


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("odd", ODD, ids=str)
def test_a_picture_of_odd_types_breaks_nothing(caller: str, odd: Any) -> None:
    shown: list[tuple[VendorSide, Any]] = [
        (
            GEMINI,
            gemini(
                {"inlineData": odd}, {"fileData": odd}, {"inlineData": {"mimeType": "image/x", "data": odd}}
            ),
        ),
        (GEMINI, gemini({"inlineData": {"mimeType": odd, "data": odd}})),
        (BEDROCK, bedrock(odd, odd, [odd])),
        (BEDROCK, bedrock("png", {"bytes": odd}, [odd, odd])),
        (OPENAI, openai(images=odd, audio=odd)),
        (OPENAI, openai(images=[odd, {"image_url": odd}], audio={"id": odd, "transcript": odd, "data": odd})),
    ]
    for side, said in shown:
        if caller != side.dialect:
            answers(CALLERS[caller], side, said)


def test_a_picture_without_an_end_is_not_gathered_for_ever() -> None:
    listener = BEDROCK.make_listener()
    listener.feed(event("contentBlockStart", contentBlockIndex=1, start={"image": {"format": "png"}}))
    piece = delta(1, image={"source": {"bytes": "AAAA" * (1 << 20)}})
    for _ in range(PICTURE_BYTES_MAX // (4 << 20) + 1):
        assert not listener.feed(piece)
    [told] = listener.feed(event("contentBlockStop", contentBlockIndex=1))
    assert getattr(told, "text", None) == LEFT_OUT


def test_of_a_sound_callers_get_what_it_says() -> None:
    whole, _ = openai(audio={"id": "audio_1", "data": "AAAA", "transcript": "c"})
    pieces = [{"id": "audio_1", "transcript": "b"}, {"data": "AAAA"}, {"transcript": "c"}, {"expires_at": 7}]
    stream = [openai(content=None, audio=piece)[1][0] for piece in pieces]
    whole["choices"][0]["message"]["content"] = "b"
    told = answers(ANTHROPIC, OPENAI, (whole, [*stream, b"data: [DONE]\n\n"]))
    assert {way: read("anthropic", answer)[0] for way, answer in told.items() if way != "assembled"} == {
        "whole": "bc", "streamed": "bc",
    }  # fmt: skip


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
