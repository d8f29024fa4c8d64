"""A batch's lines: cut out of what the network brings, read on the way in, counted on the way out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec
import orjson

from metering.usage import TOKENS_MAX, Usage
from providers.bounds import ESTIMATE_BYTES_PER_TOKEN
from providers.dialect import Operation
from providers.facts import BadRequest
from providers.json_depth import written_if_shallow
from providers.openai.dialect import CHAT, COMPLETIONS, EMBEDDINGS
from providers.openai_responses.operation import RESPONSES
from providers.quirks import Quirks

LINES_MAX: Final = 50_000
LINE_BYTES_MAX: Final = 1024 * 1024  # of a request
RESULT_BYTES_MAX: Final = 16 * 1024 * 1024  # of an answer: a line of an output file
CUSTOM_ID_CHARACTERS_MAX: Final = 512

# What a line may ask for: calls that can be bounded before and counted in their answer.
BATCHED: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        "/v1/chat/completions": CHAT,
        "/v1/completions": COMPLETIONS,
        "/v1/embeddings": EMBEDDINGS,
        "/v1/responses": RESPONSES,
    }
)


def operation_of(endpoint: str) -> Operation:
    """Whose answers an output file holds."""
    return BATCHED.get(endpoint, CHAT)


class Line(msgspec.Struct, frozen=True):
    custom_id: str
    url: str
    body: dict[str, Any]


def read_line(raw: bytes) -> Line:
    """Raises BadRequest."""
    if len(raw) > LINE_BYTES_MAX:
        raise BadRequest(f"it is longer than {LINE_BYTES_MAX} bytes.", f"{LINE_BYTES_MAX}바이트를 넘습니다.")
    try:
        said = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise BadRequest("it is no JSON.", "JSON이 아닙니다.") from None
    if type(said) is not dict:
        raise BadRequest("it must be a JSON object.", "JSON 객체여야 합니다.")
    custom_id, url, body = said.get("custom_id"), said.get("url"), said.get("body")
    if type(custom_id) is not str or not 1 <= len(custom_id) <= CUSTOM_ID_CHARACTERS_MAX:
        raise BadRequest(
            f"`custom_id` must be a text of 1 to {CUSTOM_ID_CHARACTERS_MAX} characters.",
            f"`custom_id` 값: 1~{CUSTOM_ID_CHARACTERS_MAX}자의 텍스트여야 합니다.",
        )
    if said.get("method") != "POST":
        raise BadRequest('`method` must be "POST".', '`method` 값: "POST"여야 합니다.')
    if type(url) is not str or url not in BATCHED:
        known = ", ".join(BATCHED)
        raise BadRequest(f"`url` must be one of {known}.", f"`url` 값: 다음 중 하나여야 합니다: {known}.")
    if type(body) is not dict:
        raise BadRequest("`body` must be an object.", "`body` 값: 객체여야 합니다.")
    return Line(custom_id, url, body)


def write_line(line: Line, body: bytes) -> bytes:
    """With the body as the vendor is to get it."""
    said = {"custom_id": line.custom_id, "method": "POST", "url": line.url, "body": orjson.Fragment(body)}
    return orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE)


class LineCutter:
    """Pieces of a file in, whole lines out. Of a line that is too long nothing is kept but its length."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._parts: list[bytes] = []
        self._size = 0
        self.too_long: list[int] = []  # lengths, for whoever reads on

    def feed(self, piece: bytes) -> list[bytes]:
        *ended, rest = piece.split(b"\n")
        lines = []
        for part in ended:
            self._add(part)
            lines.append(self._take())
        self._add(rest)
        return [line for line in lines if line]

    def flush(self) -> list[bytes]:
        line = self._take()
        return [line] if line else []

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._bytes_max:
            self._parts.clear()
        elif part:
            self._parts.append(part)

    def _take(self) -> bytes:
        parts, size = self._parts, self._size
        self._parts, self._size = [], 0
        if size > self._bytes_max:
            self.too_long.append(size)
            return b""
        return b"".join(parts).strip()


def with_product(raw: bytes, product_id: str) -> bytes:
    """A line of a batch's file as its company sees it: under the product's name, in whatever it holds."""
    try:
        said = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw + b"\n"
    if type(said) is not dict:
        return raw + b"\n"
    response = said.get("response")
    for body in (said.get("body"), response.get("body") if type(response) is dict else None):
        if type(body) is dict and "model" in body:
            body["model"] = product_id
    out = written_if_shallow(said)
    return (raw if out is None else out) + b"\n"


class OutputCount:
    """The sum of what the answered lines of an output file used: each once, failed ones nothing.

    `lines` were asked for, and no more are counted. Where one tells no usage, or cannot be read, it is
    estimated: its input as a line's share, its output by its length, within `output_tokens_max`.
    """

    def __init__(
        self,
        operation: Operation,
        *,
        product_id: str,
        quirks: Quirks,
        lines: int,
        input_tokens: int,
        output_tokens_max: int,
    ) -> None:
        self._operation = operation
        self._product_id = product_id
        self._quirks = quirks
        self._lines = lines
        self._input_tokens = input_tokens // max(1, lines)
        self._output_tokens_max = output_tokens_max
        self._seen: set[int] = set()  # hashes: the ids themselves could be large
        self._tokens = dict.fromkeys(Usage().tokens(), 0)
        self._units: dict[str, int] = {}
        self.answered = 0
        self.estimated = False

    def feed(self, raw: bytes) -> None:
        try:
            said = orjson.loads(raw)
        except orjson.JSONDecodeError:
            said = None
        if type(said) is not dict or type(custom_id := said.get("custom_id")) is not str:
            self.unreadable(len(raw))
            return
        if hash(custom_id) in self._seen or self.answered >= self._lines:
            return
        response = said.get("response")
        if type(response) is not dict:
            return
        status = response.get("status_code")
        if type(status) is not int or not 200 <= status < 300:
            return
        self._seen.add(hash(custom_id))
        body = written_if_shallow(response.get("body"))
        if body is None:
            self.unreadable(len(raw))
            return
        answer = self._operation.answer(body, product_id=self._product_id, quirks=self._quirks)
        if answer.usage is not None:
            self._add(answer.usage)
        elif answer.error is None:
            self._estimate(answer.text_bytes)

    def unreadable(self, length: int) -> None:
        if self.answered < self._lines:
            self._estimate(length)

    def usage(self) -> Usage:
        units = {name: min(number, TOKENS_MAX) for name, number in self._units.items()}
        return of_batch(self._tokens, {**units, "requests": self.answered})

    def _estimate(self, text_bytes: int) -> None:
        self.estimated = True
        output = min(text_bytes // ESTIMATE_BYTES_PER_TOKEN, self._output_tokens_max)
        self._add(Usage(input=self._input_tokens, output=output))

    def _add(self, usage: Usage) -> None:
        self.answered += 1
        for name, number in usage.tokens().items():
            self._tokens[name] += number
        for name, number in usage.units.items():
            self._units[name] = self._units.get(name, 0) + number


def of_batch(tokens: Mapping[str, int], units: Mapping[str, int]) -> Usage:
    """`tokens` as `Usage.tokens` has them."""
    classes: dict[str, Any] = {name: min(number, TOKENS_MAX) for name, number in tokens.items()}
    return Usage(**classes, units=dict(units))
