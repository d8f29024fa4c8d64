"""Bedrock's binary stream as a vendor writes it; and put through the dialect as the relay does it."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable
from functools import cache
from typing import Any, Final, TypeVar

from botocore.model import ServiceModel
from botocore.session import Session

from providers.bedrock.event_stream import MessageSplitter
from providers.dialect import Assembler, Fold

MESSAGE_BYTES_MAX: Final = 1 << 22
A = TypeVar("A", bound=Assembler)


def message(headers: dict[str, str] | bytes, payload: bytes) -> bytes:
    raw = headers if isinstance(headers, bytes) else b"".join(map(text_header, headers.items()))
    head = struct.pack(">II", 16 + len(raw) + len(payload), len(raw))
    rest = head + struct.pack(">I", zlib.crc32(head)) + raw + payload
    return rest + struct.pack(">I", zlib.crc32(rest))


def text_header(named: tuple[str, str]) -> bytes:
    name, value = (part.encode() for part in named)
    return struct.pack(">B", len(name)) + name + struct.pack(">BH", 7, len(value)) + value


def event_of(name: str, payload: bytes) -> bytes:
    kinds = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return message(kinds, payload)


def event(name: str, **said: Any) -> bytes:
    """`p` is padding of the vendor's."""
    return event_of(name, json.dumps({**said, "p": "abc"}, ensure_ascii=False).encode())


def exception(kind: str, text: str = "Slow down") -> bytes:
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return message(headers, json.dumps({"message": text}).encode())


def delta(index: int, **said: Any) -> bytes:
    return event("contentBlockDelta", contentBlockIndex=index, delta=said)


def begun(index: int, **call: Any) -> bytes:
    return event("contentBlockStart", contentBlockIndex=index, start={"toolUse": call})


def ended(reason: str = "end_turn") -> bytes:
    return event("messageStop", stopReason=reason)


def counts(plain: int, output: int, read: int = 0, written: int = 0, **more: Any) -> dict[str, Any]:
    cache = {"cacheReadInputTokens": read, "cacheWriteInputTokens": written} if read or written else {}
    total = plain + read + written + output
    return {"inputTokens": plain, "outputTokens": output, "totalTokens": total, **cache, **more}


def metadata(plain: int, output: int, **more: Any) -> bytes:
    return event("metadata", usage=counts(plain, output, **more), metrics={"latencyMs": 7})


START: Final = event("messageStart", role="assistant")
TEXT: Final = "안녕, hello"
TALK: Final = START + delta(0, text="안녕, ") + delta(0, text="hello")
STOP: Final = event("contentBlockStop", contentBlockIndex=0)
END: Final = STOP + ended() + metadata(20, 5)
CALL: Final = {"toolUseId": "tooluse_1", "name": "weather"}
CALLED: Final = (
    START
    + begun(1, **CALL)
    + delta(1, toolUse={"input": '{"a"'})
    + delta(1, toolUse={"input": ': "서울"}'})
    + event("contentBlockStop", contentBlockIndex=1)
    + ended("tool_use")
    + metadata(9, 47)
)
THOUGHT: Final = (
    START
    + delta(0, reasoningContent={"text": "음"})
    + delta(0, reasoningContent={"signature": "sealed"})
    + STOP
    + delta(1, text=TEXT)
    + ended("max_tokens")
    + metadata(58, 588)
)


def put_through(fold: Fold, reads: Iterable[bytes]) -> bytes:
    """What a client gets until the end of the vendor's bytes."""
    splitter = MessageSplitter(MESSAGE_BYTES_MAX)
    frames = [fold.feed(one) for read in reads for one in splitter.feed(read)]
    assert splitter.flush() == b""
    return b"".join(frames)


def assemble(assembler: A, reads: Iterable[bytes]) -> A:
    splitter = MessageSplitter(MESSAGE_BYTES_MAX)
    for read in reads:
        for one in splitter.feed(read):
            assembler.feed(one)
    return assembler


@cache
def service() -> ServiceModel:
    """As AWS's own client knows Bedrock."""
    return Session().get_service_model("bedrock-runtime")
