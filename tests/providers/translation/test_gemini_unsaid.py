"""What Gemini's callers say that cannot be said to anybody else, and what says nothing."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.facts import BadRequest
from tests.providers.translation.test_gemini_side import HI, calling, config, declared, heard, user

RESULT: Final = {"name": "n", "response": {}}
SCHEMA: Final = {"type": "object"}
PLACE: Final = "contents[0].parts[0]"


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"somethingNew": 1}, "somethingNew"),
        ({"cachedContent": "cachedContents/1"}, "cachedContent"),
        ({"serviceTier": "priority"}, "serviceTier"),
        ({"safetySettings": [{"category": "C", "threshold": "BLOCK_LOW_AND_ABOVE"}]}, "safetySettings"),
        ({"tools": [{"googleSearch": {}}]}, "tools[0].googleSearch"),
        ({"tools": [{}, {"code_execution": {}}]}, "tools[1].code_execution"),
        (declared({"name": "n", "behavior": "NON_BLOCKING"}), "tools[0].functionDeclarations[0].behavior"),
        (declared({"name": "n", "title": "N"}), "tools[0].functionDeclarations[0].title"),
        (declared({"name": 3}), "tools[0].functionDeclarations[0]"),
        (declared({"name": "n", "parameters": SCHEMA, "parametersJsonSchema": SCHEMA}),
         "tools[0].functionDeclarations[0].parameters"),
        ({"toolConfig": {"retrievalConfig": {}}}, "toolConfig.retrievalConfig"),
        (calling(mode="SOME"), "toolConfig.functionCallingConfig.mode"),
        (calling(mode="AUTO", allowedFunctionNames=["a"]),
         "toolConfig.functionCallingConfig.allowedFunctionNames"),
        (calling(mode="ANY", streamFunctionCallArguments=True),
         "toolConfig.functionCallingConfig.streamFunctionCallArguments"),
        (config(logprobs=3), "generationConfig.logprobs"),
        (config(responseLogprobs=True), "generationConfig.responseLogprobs"),
        (config(responseModalities=["TEXT", "IMAGE"]), "generationConfig.responseModalities"),
        (config(mediaResolution="MEDIA_RESOLUTION_LOW"), "generationConfig.mediaResolution"),
        (config(speechConfig={}), "generationConfig.speechConfig"),
        (config(topP=0.5, top_p=0.5), "generationConfig.top_p"),
        (config(topK=1.5), "topK"),
        (config(temperature="hot"), "temperature"),
        (config(stopSequences=[3]), "stopSequences"),
        (config(responseMimeType="text/x.enum"), "generationConfig.responseMimeType"),
        (config(responseSchema=SCHEMA), "generationConfig.responseMimeType"),
        (config(responseMimeType="application/json", responseJsonSchema=3),
         "generationConfig.responseJsonSchema"),
        (config(thinkingConfig={"thinkingLevel": "XHIGH"}), "generationConfig.thinkingConfig.thinkingLevel"),
        (config(thinkingConfig={"thinkingLevel": "LOW", "thinkingBudget": 0}),
         "generationConfig.thinkingConfig.thinkingLevel"),
        (user({"executableCode": {"code": "1"}}), f"{PLACE}.executableCode"),
        (user({"text": "x", "videoMetadata": {"fps": 1}}), f"{PLACE}.videoMetadata"),
        (user({"text": "x", "thought": True}), PLACE),
        (user({"text": "x", "inlineData": {}}), PLACE),
        (user({"text": 3}), f"{PLACE}.text"),
        (user({"inlineData": {"mimeType": "application/pdf", "data": "JVBE"}}), f"{PLACE}.inlineData"),
        (user({"inlineData": {"mimeType": "text/plain", "data": "/w=="}}), f"{PLACE}.inlineData.data"),
        (user({"inlineData": {"mimeType": "image/png"}}), f"{PLACE}.inlineData"),
        (user({"fileData": {"fileUri": "gs://bucket/1.png", "mimeType": "image/png"}}), f"{PLACE}.fileData"),
        (user({"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/1"}}),
         "contents"),
        (user({"functionCall": {"name": "n"}}), PLACE),
        (user({"functionResponse": RESULT}), f"{PLACE}.functionResponse"),
        (user({"functionResponse": {**RESULT, "id": "c", "scheduling": "SILENT"}}),
         f"{PLACE}.functionResponse.scheduling"),
        (user({"functionResponse": {**RESULT, "id": "c", "parts": [{"text": "x"}]}}),
         f"{PLACE}.functionResponse.parts[0]"),
        (user(), "contents"),
        ({"contents": [{"role": "system", "parts": [{"text": "x"}]}]}, "contents[0].role"),
        ({"contents": [*HI["contents"], {"role": "model", "parts": [{"text": "{"}]}]}, "contents[1].role"),
        ({"contents": [{"role": "model", "parts": [{"inlineData": {}}]}, *HI["contents"]]}, PLACE),
        ({"systemInstruction": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA"}}]}},
         "systemInstruction.parts[0]"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_named(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        heard(**more)
    assert refused.value.param == param
    assert param in refused.value.message_en
    assert param in refused.value.message_ko


@pytest.mark.parametrize(
    "more",
    [
        {"somethingNew": None},
        {"model": "models/x"},
        {"tools": []},
        {"tools": [{}]},
        {"serviceTier": "standard"},
        {"safetySettings": [{"category": "C", "threshold": "OFF"}]},
        {"toolConfig": {"includeServerSideToolInvocations": True}},
        {"toolConfig": {"functionCallingConfig": {}}},
        config(responseModalities=["TEXT"], responseLogprobs=False, seed=None),
        config(responseMimeType="text/plain"),
        config(thinkingConfig={"includeThoughts": True}),
        user({"text": "hi", "thoughtSignature": "c2ln"}, {"thoughtSignature": "c2ln"}),
        {"systemInstruction": {"parts": []}},
    ],
)
def test_what_says_nothing_is_no_reason_to_refuse(more: dict[str, Any]) -> None:
    assert heard(**more) == heard()


@given(st.text(min_size=1), st.one_of(st.booleans(), st.integers(), st.text(), st.lists(st.integers())))
def test_no_unknown_field_is_dropped(name: str, value: Any) -> None:
    for more in (
        {"x-" + name: value},
        config(**{"x-" + name: value}),
        user({"text": "a", "x-" + name: value}),
    ):
        with pytest.raises(BadRequest):
            heard(**more)


@given(
    st.sampled_from(["contents", "systemInstruction", "tools", "toolConfig", "generationConfig",
                     "safetySettings", "serviceTier"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["parts", "role", "text", "functionCall", "functionDeclarations", "name", "args",
                             "thinkingConfig", "responseSchema", "functionCallingConfig", "mode"]),
            inner,
        ),
    ),
)  # fmt: skip
def test_any_type_anywhere_is_heard_or_refused(name: str, value: Any) -> None:
    with suppress(BadRequest):
        heard(**{name: value})
