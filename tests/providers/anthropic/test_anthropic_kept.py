"""What the vendor keeps for our account: nobody here knows whose it is."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from providers.anthropic.dialect import COUNT_TOKENS, MESSAGES
from providers.dialect import Operation
from providers.facts import IN_BODY, BadRequest
from providers.quirks import NO_QUIRKS

THEIRS = "file_011CXPoRmVQC8wQiCnmgu2M7"
HI: dict[str, Any] = {"model": "nuri", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
FILE = {"type": "file", "file_id": THEIRS}
PICTURE = {"type": "image", "source": FILE}
BOTH = pytest.mark.parametrize("operation", [MESSAGES, COUNT_TOKENS], ids=lambda one: one.name)


def said(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def deep(block: Any, levels: int) -> Any:
    for _ in range(levels):
        block = {"type": "tool_result", "content": [block]}
    return block


def sent(operation: Operation, body: dict[str, Any]) -> dict[str, Any]:
    facts = operation.read(body, 100, IN_BODY)
    out: dict[str, Any] = orjson.loads(
        operation.encode(
            body, facts=facts, upstream_model="nuri", stream=False, output_limit=None, quirks=NO_QUIRKS
        )
    )
    return out


@BOTH
@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"container": {"id": "container_1", "skills": [{"type": "custom"}]}}, "container"),
        ({"container": {"skills": [{"type": "custom", "skill_id": "skill_1"}]}}, "container"),
        ({"container": {"skills": [{"type": "anthropic"}, {"skill_id": "skill_1"}]}}, "container"),
        ({"container": {"skills": ["skill_1"]}}, "container"),
        ({"container": {"skills": {"type": "custom"}}}, "container"),
        ({"thread": {"type": "continue", "previous_message_id": "msg_1"}}, "thread"),
        ({"thread": {"type": "create"}}, "thread"),
        ({"diagnostics": {"previous_message_id": "msg_1"}}, "diagnostics"),
        (said(PICTURE), "messages"),
        (said({"type": "document", "source": FILE}), "messages"),
        (said({"type": "container_upload", "file_id": THEIRS}), "messages"),
        ({"system": [PICTURE]}, "system"),
        ({"messages": {"content": PICTURE}}, "messages"),
        # wherever they stand, also where nobody counts what stands there
        (said({"type": "tool_result", "content": [PICTURE]}), "messages"),
        (said({"type": "tool_result", "content": PICTURE}), "messages"),
        (said({"type": "document", "source": {"type": "content", "content": [PICTURE]}}), "messages"),
        (said({"type": "search_result", "citations": {"enabled": True}, "content": [PICTURE]}), "messages"),
        (said({"type": "web_fetch_tool_result", "content": {"content": {"source": FILE}}}), "messages"),
        (said({"type": "of_a_later_year", "content": [PICTURE]}), "messages"),
        (said({"type": "text", "text": "a", "source": FILE}), "messages"),
        (said(deep(PICTURE, 12)), "messages"),
        (said(deep(PICTURE, 400)), "messages"),
    ],
)
def test_what_the_vendor_keeps_is_refused(operation: Operation, more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        operation.read({**HI, **more}, 100, IN_BODY)
    assert refused.value.param == param
    assert "that the vendor keeps" in refused.value.message_en
    assert f"`{param}`" in refused.value.message_ko


@BOTH
@pytest.mark.parametrize(
    ("container", "named"),
    [
        ("container_1", "container_1"),
        ({"id": "container_1"}, "container_1"),
        ({"id": "container_1", "skills": [{"type": "anthropic"}]}, "container_1"),
        ({"id": ["container_1"]}, BadRequest),
        (["container_1"], BadRequest),
        (7, BadRequest),
        (True, BadRequest),
        ("", None),
        ({}, None),
        (None, None),
    ],
)
def test_the_container_that_is_gone_on_in(operation: Operation, container: Any, named: Any) -> None:
    """Whose it is, the gateway knows."""
    body = {**HI, "container": container}
    if named is BadRequest:
        with pytest.raises(BadRequest) as refused:
            operation.read(body, 100, IN_BODY)
        assert refused.value.param == "container"
        return
    assert operation.read(body, 100, IN_BODY).container_id == named


@BOTH
@pytest.mark.parametrize(
    "more",
    [
        {"container": None},
        {"container": {}},
        {"container": {"id": None, "skills": [{"type": "anthropic", "skill_id": "pptx"}]}},
        {"thread": None, "diagnostics": {"previous_message_id": None}},
        {"diagnostics": "msg_1"},
        said({"type": "image", "source": {"type": "url", "url": "https://example.org/files/cat.png"}}),
        said({"type": "document", "source": {"type": "text", "data": "file_1"}}),
        # what a model says to a tool may be called anything
        said({"type": "tool_use", "name": "open", "input": {"type": "file", "file_id": THEIRS}}),
        {"tools": [{"name": "open", "input_schema": {"properties": {"file_id": {"type": "string"}}}}]},
        {"metadata": {"file_id": THEIRS}},
    ],
)
def test_all_else_goes_on_as_it_is(operation: Operation, more: dict[str, Any]) -> None:
    body = {**HI, **more}
    assert sent(operation, body) == body


@BOTH
def test_files_of_former_turns_name_nothing(operation: Operation) -> None:
    """What the vendor's tools made then is told; that nobody can use."""
    result: dict[str, Any] = {
        "type": "bash_code_execution_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": {
            "type": "bash_code_execution_result",
            "stdout": "made",
            "content": [{"type": "bash_code_execution_output", "file_id": THEIRS}],
        },
    }
    cited = {"type": "text", "text": "a", "citations": [{"type": "char_location", "file_id": THEIRS}]}
    turns = [{"role": "assistant", "content": [result, cited]}, {"role": "user", "content": "go on"}]
    out = sent(operation, {**HI, "messages": turns})
    first, second = out["messages"][0]["content"]
    named = first["content"]["content"][0].pop("file_id")
    assert named.startswith("file_")
    assert THEIRS not in named
    assert second["citations"][0].pop("file_id") == named, "alike, wherever it is said"
    assert result["content"]["content"][0]["file_id"] == THEIRS, "the caller's body stays"
    assert first["content"] == {**result["content"], "content": [{"type": "bash_code_execution_output"}]}
    assert out["messages"][1:] == turns[1:]
