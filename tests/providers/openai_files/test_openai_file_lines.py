"""A batch's lines as values: cut, read, written, counted; whatever anybody sends."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.facts import BadRequest
from providers.openai_files.lines import (
    BATCHED,
    CUSTOM_ID_CHARACTERS_MAX,
    LINE_BYTES_MAX,
    LineCutter,
    OutputCount,
    operation_of,
    read_line,
    with_product,
    write_line,
)
from providers.openai_files.named import files_named
from providers.openai_files.objects import SHOWN_BYTES_MAX, read_batch, read_list, read_object, shown
from providers.openai_files.routes import find_objects
from providers.quirks import NO_QUIRKS
from tests.fakes.any_json import documents

LINE = {"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {"model": "x1", "input": "hi"}}

RESULT = {
    "custom_id": "a",
    "response": {
        "status_code": 200,
        "body": {
            "model": "vendor-model",
            "choices": [{"message": {"content": "hi"}}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        },
    },
}
BATCH = {
    "id": "batch_1",
    "status": "completed",
    "endpoint": "/v1/embeddings",
    "output_file_id": "f1",
    "request_counts": {"completed": 3},
    "usage": {"input_tokens": 3},
    "metadata": {"a": "b"},
}
NAMING = (
    {"messages": [{"content": [{"type": "file", "file": {"file_id": "f1"}}]}]},
    {
        "input": [{"type": "x_output", "output": {"file_id": "f1"}}],
        "tools": [{"type": "x", "file_ids": ["f1"]}],
    },
)


def counter(lines: int = 5) -> OutputCount:
    return OutputCount(
        operation_of("/v1/chat/completions"),
        product_id="x1",
        quirks=NO_QUIRKS,
        lines=lines,
        input_tokens=100,
        output_tokens_max=1000,
    )


@given(st.lists(st.binary(max_size=40)), st.integers(1, 50))
def test_lines_are_the_files_however_the_network_cut_it(parts: list[bytes], bytes_max: int) -> None:
    whole = LineCutter(bytes_max)
    pieces = LineCutter(bytes_max)
    together = [*whole.feed(b"".join(parts)), *whole.flush()]
    apart = [line for part in parts for line in pieces.feed(part)] + pieces.flush()
    assert apart == together
    assert pieces.too_long == whole.too_long
    every = b"".join(parts).split(b"\n")
    assert together == [line.strip() for line in every if line.strip() and len(line) <= bytes_max]
    assert whole.too_long == [len(line) for line in every if len(line) > bytes_max]


@given(documents(LINE))
def test_any_line_is_read_or_refused(raw: bytes) -> None:
    try:
        line = read_line(raw)
    except BadRequest:
        return
    assert line.url in BATCHED
    assert type(line.custom_id) is str
    assert read_line(write_line(line, b'{"model":"m"}')).custom_id == line.custom_id


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b'"a"',
        orjson.dumps({**LINE, "custom_id": "a" * (CUSTOM_ID_CHARACTERS_MAX + 1)}),
        orjson.dumps({**LINE, "body": {"input": "a" * LINE_BYTES_MAX}}),
        orjson.dumps({**LINE, "url": "/v1/embeddings/"}),
    ],
)
def test_lines_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        read_line(raw)


@given(st.lists(documents(RESULT), max_size=8))
def test_any_output_is_counted(lines: list[bytes]) -> None:
    counted = counter()
    for line in lines:
        counted.feed(line)
    usage = counted.usage()
    assert min(usage.tokens().values()) >= 0
    assert usage.units["requests"] == counted.answered <= min(5, len(lines))


def test_no_more_is_taken_than_was_asked_for() -> None:
    """Of lines that nobody asked for, and of one that is no answer at all."""
    counted = counter(lines=2)
    counted.feed(b"x" * 100_000)
    for name in "abc":
        counted.feed(orjson.dumps({**RESULT, "custom_id": name}))
    usage = counted.usage()
    assert (usage.input, usage.output) == (50 + 3, 1000 + 2)
    assert (usage.units, counted.estimated) == ({"requests": 2}, True)


@given(documents(RESULT))
def test_any_line_is_shown(raw: bytes) -> None:
    out = with_product(raw, "x1")
    assert out.endswith(b"\n")
    assert b"vendor-model" not in out or raw + b"\n" == out


@given(documents(BATCH, {"object": "list", "data": [BATCH]}))
def test_any_object_is_read_and_shown(raw: bytes) -> None:
    page = read_list(raw)
    every = [] if page is None else page[0]
    if (one := read_object(raw)) is not None:
        every.append(one)
    for said in every:
        assert read_batch(said, NO_QUIRKS).completed >= 0
        assert orjson.loads(shown(said))["id"] == said["id"]


@pytest.mark.parametrize(
    ("said", "ids", "has_more"),
    [
        ({"data": [{"id": "b1"}, {"id": "../b"}, {"id": 5}, "b2", {"id": "b3"}]}, ["b1", "b3"], False),
        ({"data": [{"id": "b1"}], "has_more": True}, ["b1"], True),
        ({"data": [], "has_more": "true"}, [], False),
        ({"data": {"id": "b1"}}, None, False),
        ([{"id": "b1"}], None, False),
        (5, None, False),
    ],
)
def test_pages_of_a_vendors_list(said: Any, ids: list[str] | None, has_more: bool) -> None:
    """What is no list says nothing of what it lacks."""
    page = read_list(orjson.dumps(said))
    assert (None if page is None else ([one["id"] for one in page[0]], page[1])) == (
        None if ids is None else (ids, has_more)
    )


def test_what_is_too_large_to_be_shown_says_its_plain_fields() -> None:
    large = {"id": "batch_1", "status": "failed", "errors": {"data": ["x" * SHOWN_BYTES_MAX]}}
    assert orjson.loads(shown(large)) == {"id": "batch_1", "status": "failed"}


@pytest.mark.parametrize(
    ("status", "is_running"),
    [
        *((status, False) for status in ("completed", "failed", "expired", "cancelled")),
        *((status, True) for status in ("validating", "in_progress", "finalizing", "cancelling", "new")),
        (None, True),
        (["completed"], True),
    ],
)
def test_when_a_batch_is_over(status: Any, is_running: bool) -> None:
    assert read_batch({"id": "b", "status": status}, NO_QUIRKS).is_running is is_running


FILE = {"file_id": "f1"}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"messages": [{"content": "file_id f1"}]}, ()),
        ({"messages": [{"content": [{"type": "text", "text": "f", **FILE}]}]}, ()),
        ({"messages": [{"content": [{"type": "file", "file": FILE}]}]}, ("f1",)),
        (
            {"messages": [{"content": [{"type": "image_url", "image_url": {"url": "data:,", **FILE}}]}]},
            ("f1",),
        ),
        ({"messages": [{"content": [{"type": ["text"], **FILE}]}]}, ("f1",)),
        ({"messages": [{"content": [FILE, FILE, {"file_id": "f2"}]}]}, ("f1", "f2")),
        ({"input": [{"role": "user", "content": [{"type": "input_file", **FILE}]}]}, ("f1",)),
        ({"input": [{"type": "input_image", **FILE}]}, ("f1",)),
        ({"input": [{"type": "function_call_output", "output": [{"type": "input_file", **FILE}]}]}, ("f1",)),
        ({"input": [{"type": "computer_call_output", "output": FILE}]}, ("f1",)),
        ({"input": [{"type": "file_search_call", "results": [FILE]}]}, ()),
        (
            {"input": [{"content": [{"type": "output_text", "annotations": [FILE]}]}]},
            (),
        ),
        ({"tools": [{"type": "code_interpreter", "container": {"file_ids": ["f1", 2]}}]}, ("f1",)),
        ({"tools": [{"type": "image_generation", "input_image_mask": FILE}]}, ("f1",)),
        ({"tools": [{"type": "function", "parameters": {"properties": FILE}}]}, ()),
        ({"messages": {"content": FILE}, "input": FILE, "tools": FILE}, ()),
    ],
)
def test_files_that_a_request_names(body: dict[str, Any], named: tuple[str, ...]) -> None:
    assert files_named(body) == named


@given(documents(*NAMING))
def test_any_request_is_looked_through(raw: bytes) -> None:
    body = orjson.loads(raw)
    if type(body) is dict:
        assert all(type(name) is str for name in files_named(body))


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/files", {"POST": "create", "GET": "list"}),
        ("/v1/files/f-1", {"GET": "read", "DELETE": "delete"}),
        ("/v1/files/f-1/content", {"GET": "content"}),
        ("/v1/batches", {"POST": "create", "GET": "list"}),
        ("/v1/batches/b_1", {"GET": "read"}),
        ("/v1/batches/b_1/cancel", {"POST": "cancel"}),
        ("/v1/batches/b_1/content", {}),
        ("/v1/batches/b:1", {}),
        ("/v1/filesystem", {}),
        ("/v2/files", {}),
    ],
)
def test_routes(path: str, methods: dict[str, str]) -> None:
    assert {method: route.deed for method, route in find_objects(path).items()} == methods
