"""Exchanges of our own making in CLOVA Studio's words, one per way in which they differ.

Invented after the vendor's documentation and notes of live frames; no vendor sent these bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from metering.usage import Usage
from providers.clova.version import V1, V3, Version

TEXT: Final = "안녕, hello"
SIGNAL: Final = ("signal", {"data": "[DONE]"})
_V3_COMMON: Final = {"created": 1744710905, "seed": 3284419119}


@dataclass(frozen=True, slots=True)
class Synthetic:
    name: str
    body: bytes
    usage: Usage | None
    version: Version = V3
    text: str = TEXT
    deltas: int = 2
    done: bool = True
    error: str | None = None  # its code


def token3(message: dict[str, Any], **more: Any) -> tuple[str, Any]:
    said = {"message": {"role": "assistant", **message}, "finishReason": None, **_V3_COMMON, "usage": None}
    return "token", said | more


def result3(message: dict[str, Any], usage: Any, reason: str = "stop", **more: Any) -> tuple[str, Any]:
    said = {"message": {"role": "assistant", **message}, "finishReason": reason, **_V3_COMMON, "usage": usage}
    return "result", said | more


def token1(text: str, **more: Any) -> tuple[str, Any]:
    return "token", {"message": {"role": "assistant", "content": text}, "stopReason": None, **more}


def result1(text: str, **more: Any) -> tuple[str, Any]:
    return "result", {"message": {"role": "assistant", "content": text}, "stopReason": "stop_before", **more}


def counts(prompt: int, completion: int, thinking: int | None = None, **more: int) -> dict[str, Any]:
    usage: dict[str, Any] = {"promptTokens": prompt, "completionTokens": completion}
    usage["totalTokens"] = prompt + completion
    if thinking is not None:
        usage["completionTokensDetails"] = {"thinkingTokens": thinking}
    return usage | more


def sse(*events: Any, end: str = "\n", colon: str = ":", spaced: bool = False) -> bytes:
    """As the vendor sends them live; a text is an event that stands for itself."""
    written = []
    for number, event in enumerate(events):
        if isinstance(event, str):
            written.append(event.replace("\n", end))
            continue
        name, said = event
        data = json.dumps(said, ensure_ascii=False, separators=(", ", ": ") if spaced else (",", ":"))
        written.append(end.join([f"id{colon}e-{number}", f"event{colon}{name}", f"data{colon}{data}"]))
    return "".join(event + end + end for event in written).encode()


TALK3: Final = (token3({"content": "안녕, "}), token3({"content": "hello"}))
END3: Final = (result3({"content": TEXT}, counts(20, 5)), SIGNAL)
CALL: Final = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": {"a": "서울"}},
}
_PIECES: Final = ('{"a', '": "', "서울", '"}')
CALL_TALK: Final = (
    token3(
        {"content": "", "toolCalls": [{"id": "call_1", "type": "function", "function": {"name": "weather"}}]}
    ),
    *(
        token3(
            {"content": "", "toolCalls": [{"type": "function", "function": {"partialJson": p}}]},
        )
        for p in _PIECES
    ),
)

STREAMS: Final = (
    Synthetic("v3", sse(*TALK3, *END3), Usage(input=20, output=5)),
    Synthetic("v3 as documented", sse(*TALK3, *END3, colon=": ", spaced=True), Usage(input=20, output=5)),
    Synthetic("v3 CRLF", sse(*TALK3, *END3, end="\r\n"), Usage(input=20, output=5)),
    Synthetic("v3 CR", sse(*TALK3, *END3, end="\r"), Usage(input=20, output=5)),
    Synthetic(
        "v3 thinking",
        sse(
            token3({"thinkingContent": "음"}),
            token3({"content": TEXT}),
            result3({"content": TEXT, "thinkingContent": "음"}, counts(58, 588, 361)),
            SIGNAL,
        ),
        Usage(input=58, output=588, reasoning=361),
        text="음" + TEXT,
    ),
    Synthetic(
        "v3 thinking beside the completion, told by the total",
        sse(*TALK3, result3({"content": TEXT}, counts(58, 100, 30, totalTokens=188)), SIGNAL),
        Usage(input=58, output=130, reasoning=30),
    ),
    Synthetic(
        "v3 tool call",
        sse(*CALL_TALK, result3({"content": "", "toolCalls": [CALL]}, counts(9, 47), "tool_calls"), SIGNAL),
        Usage(input=9, output=47),
        text="weather" + "".join(_PIECES),
        deltas=5,
    ),
    Synthetic(
        "v3 usage in the last token event decides nothing",
        sse(*TALK3[:1], token3({"content": "hello"}, finishReason="stop", usage=counts(20, 5)), SIGNAL),
        None,
    ),
    Synthetic("v3 no usage in the result", sse(*TALK3, result3({"content": TEXT}, None), SIGNAL), None),
    Synthetic(
        "v3 the result alone",
        sse(*END3),
        Usage(input=20, output=5),
        deltas=1,
    ),
    Synthetic("v3 ends without a signal", sse(*TALK3, END3[0]), Usage(input=20, output=5), done=False),
    Synthetic("v3 cut before the result", sse(*TALK3), None, done=False),
    Synthetic("v3 cut in the result", sse(*TALK3, END3[0])[:-20], None, done=False),
    Synthetic(
        "v3 comments and unknown events",
        sse(
            ": working",
            ":voucher charge_krw=0",
            *TALK3,
            ("progress", {"percent": 3}),
            "event:ping\ndata:soon",
            *END3,
        ),
        Usage(input=20, output=5),
    ),
    Synthetic(
        "v3 an error event",
        sse(*TALK3, ("error", {"status": {"code": "42901", "message": "Too many requests - rate exceeded"}})),
        None,
        done=False,
        error="42901",
    ),
    Synthetic(
        "v3 an error without a name, its code a number",
        sse(*TALK3, 'data:{"status":{"code":50000,"message":"Internal Server Error"}}'),
        None,
        done=False,
        error="50000",
    ),
    Synthetic(
        "v1",
        sse(*map(token1, ("안녕, ", "hello")), result1(TEXT, inputLength=20, outputLength=5), SIGNAL),
        Usage(input=20, output=5),
        version=V1,
    ),
    Synthetic(
        "v1 counts in token events do not add up",
        sse(
            token1("안녕, ", inputLength=20, outputLength=1),
            token1("hello", inputLength=20, outputLength=1),
            result1(TEXT, inputLength=20, outputLength=5),
            SIGNAL,
        ),
        Usage(input=20, output=5),
        version=V1,
    ),
    Synthetic(
        "v1 cut after token events with counts",
        sse(
            token1("안녕, ", inputLength=20, outputLength=1), token1("hello", inputLength=20, outputLength=1)
        ),
        None,
        version=V1,
        done=False,
    ),
)
