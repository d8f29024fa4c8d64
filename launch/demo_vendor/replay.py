"""Recorded exchanges served again, byte for byte: the model of a request is the id of a recording.

The model stands in the body, or in the path where a dialect has it there.

Only the answer is read. What a recording expects to be counted is dropped while it is parsed, so that this
process could not serve it if it wanted to.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")
_SERVED_HEADERS: Final = (
    "content-type",
    "retry-after",
    "x-request-id",
    "request-id",
    "x-amzn-requestid",
    "x-amzn-errortype",
)
_DROPPED: Final = re.compile(r"expected_|reported_|usage_source")


@dataclass(frozen=True, slots=True)
class Recording:
    status: int
    headers: dict[str, str]
    body: bytes
    chunks: tuple[bytes, ...]  # the recorded network reads, or the body as one


class Recordings:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ids(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.json") if _ID.fullmatch(path.stem))

    def find(self, name: str) -> Recording | None:
        if _ID.fullmatch(name) is None:
            return None
        try:
            text = (self._folder / f"{name}.json").read_text("utf-8")
        except FileNotFoundError:
            return None
        return _recording(json.loads(text, object_pairs_hook=_answer_only)["response"])

    def named_in(self, path: str) -> Recording | None:
        """`/v1beta/models/<id>:generateContent`, `/v3/chat-completions/<id>`"""
        for segment in path.split("/"):
            if (found := self.find(segment.partition(":")[0])) is not None:
                return found
        return None


def _answer_only(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in pairs if _DROPPED.match(name) is None}


def _recording(response: dict[str, Any]) -> Recording:
    if response.get("body") is not None:
        body = str(response["body"]).encode()
    else:
        body = base64.b64decode(response.get("body_base64") or "")
    kept = {name.lower(): value for name, value in (response.get("headers") or {}).items()}
    lengths = response.get("chunk_lengths") or []
    chunks, start = [], 0
    if sum(lengths) == len(body):
        for length in lengths:
            chunks.append(body[start : start + length])
            start += length
    return Recording(
        status=int(response["status"]),
        headers={name: str(kept[name]) for name in _SERVED_HEADERS if name in kept},
        body=body,
        chunks=tuple(chunk for chunk in chunks if chunk) or ((body,) if body else ()),
    )
