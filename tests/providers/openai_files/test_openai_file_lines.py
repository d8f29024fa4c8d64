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
from tests.fakes.any_json import any_json

LINE = {"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {"model": "x1", "input": "hi"}}


def counter(lines: int = 5) -> OutputCount:
    return OutputCount(
        operation_of("/v1/chat/completions"),
        product_id="x1",
        quirks=NO_QUIRKS,
        lines=lines,
        input_tokens=100,
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


@given(any_json())
def test_any_line_is_read_or_refused(said: Any) -> None:
    try:
        line = read_line(orjson.dumps(said))
    except BadRequest:
        return
    assert line.url in BATCHED


@given(st.dictionaries(st.sampled_from(sorted(LINE)), any_json()))
def test_any_field_is_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        line = read_line(orjson.dumps({**LINE, **changes}))
    except BadRequest:
        return
    again = read_line(write_line(line, orjson.dumps(line.body)))
    assert again == line


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


@given(st.lists(any_json(), max_size=8))
def test_any_output_is_counted(said: list[Any]) -> None:
    counted = counter()
    for one in said:
        counted.feed(orjson.dumps(one))
    usage = counted.usage()
    assert min(usage.tokens().values()) >= 0
    assert usage.units["requests"] == counted.answered <= 5 or not counted.estimated


@given(any_json())
def test_any_answer_in_an_output_is_counted(body: Any) -> None:
    counted = counter()
    counted.feed(orjson.dumps({"custom_id": "a", "response": {"status_code": 200, "body": body}}))
    assert counted.answered in (0, 1)
    assert min(counted.usage().tokens().values()) >= 0


@given(any_json())
def test_any_line_is_shown(said: Any) -> None:
    raw = orjson.dumps(said)
    out = with_product(raw, "x1")
    assert out.endswith(b"\n")
    assert out.count(b"\n") == 1


@given(any_json())
def test_any_object_is_read_and_shown(said: Any) -> None:
    raw = orjson.dumps(said)
    assert all(type(one["id"]) is str for one in read_list(raw))
    made = read_object(raw)
    for one in (made, {"id": "b", "status": said, "usage": said, "request_counts": said}):
        if one is not None:
            read_batch(one, NO_QUIRKS)
            assert orjson.loads(shown(one))["id"] == one["id"]


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


@given(any_json(), any_json(), any_json())
def test_any_request_is_looked_through(messages: Any, given_input: Any, tools: Any) -> None:
    files_named({"messages": messages, "input": given_input, "tools": tools})


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
