"""Exchanges of our own making, one per way in which vendors differ: they run where no recording is.

Invented after the vendors' documentation; no vendor sent these bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from metering.usage import Usage


@dataclass(frozen=True, slots=True)
class Synthetic:
    name: str
    body: bytes
    usage: Usage | None
    stream: bool = False
    vendor: str | None = None
    done: bool = True
    error: bool = False
    text: str = "안녕, hello"


def _answer(usage: Any, **more: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": "안녕, hello"}, "finish_reason": "stop"}
    return json.dumps(
        {
            "id": "syn-1",
            "object": "chat.completion",
            "model": "v",
            "choices": [choice],
            "usage": usage,
            **more,
        }
    ).encode()


def _counts(prompt: int, completion: int, total: int | None = None, **more: Any) -> dict[str, Any]:
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, **more}
    if total is not None:
        counts["total_tokens"] = total
    return counts


def _chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "syn-1", "object": "chat.completion.chunk", "model": "v", "choices": [choice], **more}


_TALK = [
    _chunk({"role": "assistant", "content": ""}),
    _chunk({"content": "안녕, "}),
    _chunk({"content": "hello"}),
]
_STOP = _chunk({}, "stop")
_PLAIN = _counts(9, 4, 13)


def _last(usage: Any) -> dict[str, Any]:
    return {"id": "syn-1", "object": "chat.completion.chunk", "model": "v", "choices": [], "usage": usage}


def _sse(
    *chunks: Any, end: str = "\n", done: bool = True, colon: str = "data: ", spaced: bool = False
) -> bytes:
    separators = (", ", ": ") if spaced else (",", ":")
    events = [
        chunk
        if isinstance(chunk, str)
        else colon + json.dumps(chunk, ensure_ascii=False, separators=separators)
        for chunk in chunks
    ]
    if done:
        events.append(f"{colon}[DONE]")
    return "".join(event + end + end for event in events).encode()


ANSWERS = (
    Synthetic("plain", _answer(_PLAIN), Usage(input=9, output=4)),
    Synthetic(
        "cached prompt",
        _answer(_counts(100, 4, 104, prompt_tokens_details={"cached_tokens": 64})),
        Usage(input=36, cached_input=64, output=4),
    ),
    Synthetic(
        "cached beyond the prompt is cut to it",
        _answer(_counts(10, 4, 14, prompt_tokens_details={"cached_tokens": 300})),
        Usage(input=0, cached_input=10, output=4),
    ),
    Synthetic(
        "a cache hit under another name",
        _answer(_counts(100, 4, 104, prompt_cache_hit_tokens=64, prompt_cache_miss_tokens=36)),
        Usage(input=36, cached_input=64, output=4),
    ),
    Synthetic(
        "cache writes, an hour's told apart",
        _answer(
            _counts(
                100,
                4,
                104,
                cache_creation_input_tokens=70,
                cache_creation={"ephemeral_5m_input_tokens": 50, "ephemeral_1h_input_tokens": 20},
            )
        ),
        Usage(input=30, cache_write=50, cache_write_1h=20, output=4),
    ),
    Synthetic(
        "reasoning inside the output",
        _answer(_counts(9, 40, 49, completion_tokens_details={"reasoning_tokens": 30})),
        Usage(input=9, output=40, reasoning=30),
    ),
    Synthetic(
        "reasoning beside the output, told by the total",
        _answer(_counts(9, 10, 49, completion_tokens_details={"reasoning_tokens": 30})),
        Usage(input=9, output=40, reasoning=30),
    ),
    Synthetic(
        "reasoning beside the output, told by the vendor's row",
        _answer(_counts(9, 10, completion_tokens_details={"reasoning_tokens": 30})),
        Usage(input=9, output=40, reasoning=30),
        vendor="xai",
    ),
    Synthetic("tokens hidden in the total", _answer(_counts(9, 10, 49)), Usage(input=9, output=40)),
    Synthetic(
        "audio beside the input, told by the total",
        _answer(_counts(9, 10, 119, prompt_tokens_details={"audio_tokens": 100})),
        Usage(input=9, input_audio=100, output=10),
    ),
    Synthetic(
        "audio in and out",
        _answer(
            _counts(
                40,
                30,
                70,
                prompt_tokens_details={"audio_tokens": 25},
                completion_tokens_details={"audio_tokens": 20},
            )
        ),
        Usage(input=15, input_audio=25, output=10, output_audio=20),
    ),
    Synthetic("negative counts", _answer(_counts(-5, -3, -8)), Usage()),
    Synthetic(
        "whole floats", _answer({"prompt_tokens": 9.0, "completion_tokens": 4.0}), Usage(input=9, output=4)
    ),
    Synthetic("usage is null", _answer(None), None),
    Synthetic("usage is empty", _answer({}), None),
    Synthetic("usage of zeros", _answer(_counts(0, 0, 0)), Usage()),
    Synthetic("an error in a 200", b'{"error":{"message":"no","code":502}}', None, error=True, text=""),
)

STREAMS = (
    Synthetic("usage-only frame", _sse(*_TALK, _STOP, _last(_PLAIN)), Usage(input=9, output=4), stream=True),
    Synthetic(
        "usage with the last choice",
        _sse(*_TALK, _STOP | {"usage": _PLAIN}),
        Usage(input=9, output=4),
        stream=True,
    ),
    Synthetic(
        "usage in every chunk, the last wins",
        _sse(*(chunk | {"usage": _counts(9, n, 9 + n)} for n, chunk in enumerate([*_TALK, _STOP], start=1))),
        Usage(input=9, output=4),
        stream=True,
    ),
    Synthetic(
        "a null usage after the real one",
        _sse(*_TALK, _STOP, _last(_PLAIN), _chunk({}, None, usage=None)),
        Usage(input=9, output=4),
        stream=True,
    ),
    Synthetic(
        "usage under x_groq",
        _sse(*_TALK, _STOP | {"x_groq": {"id": "r", "usage": _PLAIN}}),
        Usage(input=9, output=4),
        stream=True,
    ),
    Synthetic(
        "usage inside the choice",
        _sse(
            *_TALK,
            {"id": "syn-1", "model": "v", "choices": [_STOP["choices"][0] | {"usage": _PLAIN}]},
        ),
        Usage(input=9, output=4),
        stream=True,
    ),
    Synthetic(
        "CRLF",
        _sse(*_TALK, _STOP, _last(_PLAIN), end="\r\n"),
        Usage(input=9, output=4),
        stream=True,
    ),
    Synthetic("CR", _sse(*_TALK, _STOP, _last(_PLAIN), end="\r"), Usage(input=9, output=4), stream=True),
    Synthetic(
        "no space after the colon",
        _sse(*_TALK, _STOP, _last(_PLAIN), colon="data:"),
        Usage(input=9, output=4),
        stream=True,
    ),
    Synthetic(
        "spaced JSON", _sse(*_TALK, _STOP, _last(_PLAIN), spaced=True), Usage(input=9, output=4), stream=True
    ),
    Synthetic(
        "a byte order mark and comments",
        b"\xef\xbb\xbf" + _sse(": WORKING", ": voucher charge_krw=0", *_TALK, _STOP, _last(_PLAIN)),
        Usage(input=9, output=4),
        stream=True,
    ),
    Synthetic(
        "no [DONE]",
        _sse(*_TALK, _STOP, _last(_PLAIN), done=False),
        Usage(input=9, output=4),
        stream=True,
        done=False,
    ),
    Synthetic(
        "the last event unterminated",
        _sse(*_TALK, _STOP, _last(_PLAIN), done=False)[:-2],
        Usage(input=9, output=4),
        stream=True,
        done=False,
    ),
    Synthetic(
        "cut in the middle of the usage",
        _sse(*_TALK, _STOP, _last(_PLAIN), done=False)[:-20],
        None,
        stream=True,
        done=False,
    ),
    Synthetic(
        "an error event",
        _sse(
            *_TALK, 'event: error\ndata: {"error":{"message":"overloaded","type":"server_error"}}', done=False
        ),
        None,
        stream=True,
        done=False,
        error=True,
    ),
    Synthetic(
        "empty choices without usage",
        _sse({"id": "", "model": "", "choices": [], "prompt_filter_results": []}, *_TALK, _STOP),
        None,
        stream=True,
    ),
)
