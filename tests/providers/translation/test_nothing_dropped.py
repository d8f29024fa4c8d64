"""Across dialects nothing a caller says is dropped in silence: it is heard, refused by name, or listed.

Each place of a request that says all a dialect has words for is changed, to what nobody knows and to values
of odd types. What then is heard must be other than before and other than without that place, or the caller
is told.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.anthropic.request import read_messages_request
from providers.facts import IN_BODY, BadRequest, Spoken
from providers.gemini.request import read_generate_request
from providers.openai.request import read_chat_request
from providers.translation.anthropic import hear as anthropic
from providers.translation.gemini import hear as gemini
from providers.translation.neutral import Conversation
from providers.translation.openai import hear as openai
from providers.translation.openai_responses.items import ANSWER_HINTS, CALL_HINTS, ITEM_HINTS
from tests.providers.translation import test_clova_hear as clova
from tests.providers.translation.test_openai_responses_side import RICH, hear_responses

Place = tuple[str | int, ...]

OPENAI: Final[dict[str, Any]] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ]},
        {"role": "assistant", "content": "hm", "reasoning_content": "t", "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "n", "arguments": '{"at":1}'}},
        ]},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "맑음"}]},
        {"role": "assistant", "refusal": "no"},
        {"role": "user", "content": "again"},
    ],
    "tools": [{"type": "function", "function": {
        "name": "n", "description": "d", "parameters": {"type": "object"}, "strict": True,
    }}],
    "tool_choice": {"type": "function", "function": {"name": "n"}}, "parallel_tool_calls": False,
    "response_format": {"type": "json_schema", "json_schema": {
        "name": "s", "description": "d", "schema": {"type": "object"}, "strict": True,
    }},
    "stop": ["END"], "temperature": 0.5, "top_p": 0.9, "top_k": 3, "seed": 5, "user": "kim",
    "presence_penalty": 0.25, "frequency_penalty": 0.5, "reasoning_effort": "low", "max_tokens": 9, "n": 2,
}  # fmt: skip
ANTHROPIC: Final[dict[str, Any]] = {
    "model": "m", "max_tokens": 9,
    "system": [{"type": "text", "text": "be brief"}],
    "messages": [
        {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            {"type": "image", "source": {"type": "url", "url": "https://pictures.example/1.png"}},
            {"type": "document", "title": "t", "context": "c",
             "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
        ]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "t", "signature": "s"},
            {"type": "text", "text": "hm"},
            {"type": "tool_use", "id": "c", "name": "n", "input": {"at": "x"}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c", "is_error": True, "content": [
                {"type": "text", "text": "맑음"},
            ]},
        ]},
    ],
    "tools": [{"type": "custom", "name": "n", "description": "d", "strict": True,
               "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "tool", "name": "n", "disable_parallel_tool_use": True},
    "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}, "effort": "low"},
    "stop_sequences": ["END"], "temperature": 0.5, "top_p": 0.9, "top_k": 3, "metadata": {"user_id": "kim"},
}  # fmt: skip

GEMINI: Final[dict[str, Any]] = {
    "systemInstruction": {"parts": [{"text": "be brief"}]},
    "contents": [
        {"role": "user", "parts": [
            {"text": "look"},
            {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
            {"fileData": {"mimeType": "image/png", "fileUri": "https://pictures.example/1.png"}},
        ]},
        {"role": "model", "parts": [
            {"text": "t", "thought": True}, {"text": "hm"},
            {"functionCall": {"id": "c", "name": "n", "args": {"at": "x"}}},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"id": "c", "name": "n", "response": {"error": "맑음"}, "parts": [
                {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
            ]}},
        ]},
    ],
    "tools": [{"functionDeclarations": [
        {"name": "n", "description": "d", "parametersJsonSchema": {"type": "object"}}, {"name": "m"},
    ]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["n"]}},
    "generationConfig": {
        "maxOutputTokens": 9, "candidateCount": 2, "stopSequences": ["END"], "temperature": 0.5, "topP": 0.9,
        "topK": 3, "seed": 5, "presencePenalty": 0.25, "frequencyPenalty": 0.5,
        "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"},
        "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"},
    },
}  # fmt: skip

# Without what is no more than a hint.
_HINTED: Final = ITEM_HINTS | ANSWER_HINTS | CALL_HINTS | {"detail", "file_id"}
RESPONSES: Final[dict[str, Any]] = {**RICH, "input": [
    {name: [{n: part[n] for n in part.keys() - _HINTED} for part in said] if type(said) is list else said
     for name, said in item.items() if name not in _HINTED}
    for item in RICH["input"] if item.get("type") != "reasoning"
]}  # fmt: skip

# An effort is said by a word or by a budget.
THINKING: Final[dict[str, Any]] = {
    "thinking": {"type": "enabled", "budget_tokens": 2048},
    "output_config": {"format": ANTHROPIC["output_config"]["format"]},
}


def hear_openai(body: dict[str, Any]) -> Conversation:
    return openai.hear(body, read_chat_request(body, 100), "other")


def hear_anthropic(body: dict[str, Any]) -> Conversation:
    return anthropic.hear(body, read_messages_request(body, 100, IN_BODY), "other")


def hear_gemini(body: dict[str, Any]) -> Conversation:
    return gemini.hear(body, read_generate_request(body, 100, Spoken(model="m")), "other")


Hear = Callable[[dict[str, Any]], Conversation]
CALLERS: Final[dict[str, tuple[dict[str, Any], Hear]]] = {
    "openai": (OPENAI, hear_openai),
    "anthropic": (ANTHROPIC, hear_anthropic),
    "gemini": (GEMINI, hear_gemini),
    "anthropic that thinks": ({**ANTHROPIC, **THINKING}, hear_anthropic),
    "responses": (RESPONSES, hear_responses),
    "clova": (clova.RICH, clova.hear_body),
    "clova, v1": (clova.RICH_V1, clova.hear_body_v1),
}
# What is carried as it is, whatever it holds.
OPAQUE: Final = {
    "schema", "parameters", "input_schema", "input",
    "parametersJsonSchema", "responseJsonSchema", "args", "response", "arguments",
}  # fmt: skip
# What nothing else could be, and which product is called.
SAID_TWICE: Final = {"type", "media_type", "model"}
# A link has its own kind, a result answers the first call that waits, a user's is the role that is not named;
# whether thoughts are told is among the facts.
SAID_TWICE_BY: Final = {
    "gemini": {"mimeType", "id", "role", "includeThoughts"},
    "responses": SAID_TWICE | {"summary"},  # where thoughts are told is the answer's matter
}
# The default; and a budget that is as small as the one before.
SAYS_NOTHING: Final[dict[Place, Any]] = {("parallel_tool_calls",): True, ("thinking", "budget_tokens"): 7}
ODD: Final = (True, 7, -1.5, "odd", [7], {"odd": 1}, [{"type": "odd"}])


def places(said: Any, at: Place = ()) -> Iterator[Place]:
    yield at
    if len(at) > 1 and at[-1] in OPAQUE:  # the `input` of a response is none
        return
    inner = said.items() if type(said) is dict else enumerate(said) if type(said) is list else ()
    for name, value in inner:
        yield from places(value, (*at, name))


def at_place(said: Any, place: Place) -> Any:
    for name in place:
        said = said[name]
    return said


def changed(body: dict[str, Any], place: Place, value: Any) -> dict[str, Any]:
    body = copy.deepcopy(body)
    at_place(body, place[:-1])[place[-1]] = value
    return body


def without(body: dict[str, Any], place: Place) -> dict[str, Any]:
    body = copy.deepcopy(body)
    del at_place(body, place[:-1])[place[-1]]
    return body


def heard(hear: Hear, body: dict[str, Any]) -> Conversation | None:
    """None: refused."""
    try:
        return hear(body)
    except BadRequest:
        return None


@pytest.mark.parametrize("caller", CALLERS)
def test_all_of_it_is_heard(caller: str) -> None:
    body, hear = CALLERS[caller]
    before = hear(body)
    unheard = {place for place in places(body) if place and heard(hear, without(body, place)) == before}
    assert {place[-1] for place in unheard} <= SAID_TWICE_BY.get(caller, SAID_TWICE)


@pytest.mark.parametrize("caller", CALLERS)
def test_what_has_an_odd_type_is_refused_or_heard(caller: str) -> None:
    body, hear = CALLERS[caller]
    before, dropped = hear(body), []
    for place in places(body):
        if not place or place == ("model",):
            continue  # which product is called, is heard by others
        left_out = heard(hear, without(body, place))
        for odd in ODD:
            now = heard(hear, changed(body, place, odd))
            if (
                odd not in (at_place(body, place), SAYS_NOTHING.get(place))
                and now is not None
                and now in (before, left_out)
            ):
                dropped.append((place, odd))
    assert not dropped


@pytest.mark.parametrize("caller", CALLERS)
@given(data=st.data())
def test_an_unknown_field_is_refused_by_its_name(caller: str, data: st.DataObject) -> None:
    body, hear = CALLERS[caller]
    objects = [
        place
        for place in places(body)
        if type(at_place(body, place)) is dict and not (place and place[-1] in OPAQUE)
    ]
    place = data.draw(st.sampled_from(objects))
    name = data.draw(st.text("abcdefghij_", min_size=9, max_size=20))
    value = data.draw(st.sampled_from([True, 0.5, "x", {"odd": None}, [1]]))
    with pytest.raises(BadRequest) as refused:
        hear(changed(body, (*place, name), value))
    assert name in refused.value.message_en
    assert name in (refused.value.param or "")
