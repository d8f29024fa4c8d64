"""Reply -> a whole CLOVA Studio answer, v3 or v1. Pure.

It names no model and has no id. `seed` is the caller's own, or 0, which means one by chance: another vendor
does not say which it took.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import orjson

from providers.clova.version import V1, V3, Version
from providers.facts import RequestFacts
from providers.json_depth import written_if_shallow
from providers.translation.neutral import (
    A_PICTURE,
    Choice,
    Ending,
    Image,
    Reply,
    Text,
    Thinking,
    ToolCall,
    left_out,
)
from providers.translation.turns import function_call

_AI_FILTER: Final = "includeAiFilters"
_OK: Final = {"code": "20000", "message": "OK"}


def remember(facts: RequestFacts, body: dict[str, Any], op: str, created_s: int) -> RequestFacts:
    """What a result repeats of its request; an empty `aiFilter` for who wants one: nobody has judged it."""
    repeats: dict[str, Any] = {}
    if type(seed := body.get("seed")) is int:
        repeats["seed"] = seed
    if body.get(_AI_FILTER) is True:
        repeats[_AI_FILTER] = True
    return msgspec.structs.replace(facts, op=op, began_s=created_s, repeats=orjson.dumps(repeats))


def say(reply: Reply, facts: RequestFacts | None = None, version: Version = V3) -> dict[str, Any]:
    return {"status": _OK, "result": result_of(reply, facts, version)}


def result_of(reply: Reply, facts: RequestFacts | None, version: Version) -> dict[str, Any]:
    """The dialect has one choice."""
    choice = reply.choices[0] if reply.choices else Choice((), "stop")
    message = message_of(choice)
    return {
        "message": message,
        version.reason_field: _reason(choice.ending, version, calls="toolCalls" in message),
        **_born(facts, version),
        **version.usage_fields(reply.usage),
        **({"aiFilter": []} if _AI_FILTER in _repeats(facts) else {}),
    }


def token_of(message: dict[str, Any], facts: RequestFacts, version: Version) -> dict[str, Any]:
    """A piece of an answer. Counts come with the result."""
    said = {"message": {"role": "assistant", "content": "", **message}, version.reason_field: None}
    usage = {"usage": None} if version is V3 else {}
    return {**said, **_born(facts, version), **usage}


def message_of(choice: Choice) -> dict[str, Any]:
    """A call whose arguments are no object (cut in the middle) is none, as in the dialect itself."""
    texts = [left_out(A_PICTURE) if isinstance(part, Image) else part for part in choice.parts]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(part.text for part in texts if isinstance(part, Text)),
    }
    if thought := "".join(part.text for part in texts if isinstance(part, Thinking)):
        message["thinkingContent"] = thought
    called = [part for part in texts if isinstance(part, ToolCall)]
    if calls := [said for n, call in enumerate(called) if (said := _call(call, n)) is not None]:
        message["toolCalls"] = calls
    return message


def call_id(said: str | None, number: int) -> str:
    """A call begins with its id, which some vendors leave out."""
    return said or f"call_{number}"


def _call(call: ToolCall, number: int) -> dict[str, Any] | None:
    try:
        arguments = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        return None
    said = function_call(msgspec.structs.replace(call, call_id=call_id(call.call_id, number)), arguments)
    # In an answer it stands four levels deep: JSON is read deeper than it is written.
    is_whole = type(arguments) is dict and written_if_shallow([[[[said]]]]) is not None
    return said if is_whole else None


def _reason(ending: Ending, version: Version, *, calls: bool) -> str:
    """Some vendors say of an answer with calls that it simply ended; callers here wait for the word.

    The dialect has none for an answer that was filtered: it is that of the vendor's other door, OpenAI's.
    """
    if ending == "stop" or ending == "tool_calls":
        return "tool_calls" if calls else version.stop
    return version.length if ending == "length" else "content_filter"


def _born(facts: RequestFacts | None, version: Version) -> dict[str, Any]:
    """Of a piece as of the whole."""
    seed = {"seed": _repeats(facts).get("seed", 0)}
    if version is V1:
        return seed
    return {"created": 0 if facts is None else facts.began_s, **seed}


def _repeats(facts: RequestFacts | None) -> dict[str, Any]:
    said: dict[str, Any] = orjson.loads(facts.repeats) if facts is not None and facts.repeats else {}
    return said
