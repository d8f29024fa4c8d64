"""Callers who speak CLOVA Studio's dialect, on vendors who speak OpenAI's or Anthropic's: to settlement."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from tests.fakes.gateway_world import answer, chunk, voucher, world
from tests.gateway.test_anthropic import ONE_WON, anthropic_world, message, streams
from tests.gateway.test_anthropic import answers as messages
from tests.gateway.test_clova import ASK, OK, STREAM, V1, V3, data_of, reason
from tests.gateway.test_translation_anthropic import untouched
from tests.gateway.test_translation_from_anthropic import DONE, USAGE, chats
from tests.gateway.test_translation_from_gemini import weather_called
from tests.providers.anthropic.talk import TALK
from tests.providers.clova.exchanges import SIGNAL
from tests.providers.translation.clova_reader import counted, stream_result, whole_result

WEATHER: Final = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
FAILURES: Final = [
    (400, 400, "upstream_rejected"),
    (429, 429, "upstream_rate_limited"),
    (500, 502, "upstream_error"),
]
PATHS: Final = pytest.mark.parametrize(("path", "v1"), [(V3, False), (V1, True)], ids=["v3", "v1"])
SAID: Final = {"role": "assistant", "content": "hello"}


@PATHS
async def test_a_whole_answer(path: str, v1: bool, tmp_path: Path) -> None:
    async with world(chats(body=answer(10, 5)), tmp_path) as w:
        system = {"role": "system", "content": "be brief"}
        said = {"topK": 0, "maxTokens": 99, "includeAiFilters": True, "seed": 0}
        heard = await w.client.call("POST", path, {"messages": [system, *ASK["messages"]], **said})
        assert heard.status == 200, heard.body
        assert heard.json["status"] == OK
        result = heard.json["result"]
        assert whole_result(heard.body, v1=v1).aiFilter == []
        if v1:
            assert (result["message"], result["stopReason"]) == (SAID, "stop_before")
            assert (result["inputLength"], result["outputLength"]) == (10, 5)
        else:
            assert (result["message"], result["finishReason"]) == (SAID, "stop")
            assert result["usage"] == {"promptTokens": 10, "completionTokens": 5, "totalTokens": 15}
            assert result["created"] == w.events[0].meta.started_ms // 1000
        assert heard.headers["x-voucher-charge-krw"] == "0.03"
        asked = w.seen[0]
        assert asked["messages"] == [system, *ASK["messages"]]
        assert 99 in (asked.get("max_tokens"), asked.get("max_completion_tokens"))
        assert not {"seed", "top_k", "maxTokens", "topK"} & asked.keys()
        [event] = w.events
        assert (event.charge_micro, event.end_reason, event.meta.dialect) == (30_000, "completed", "clova")


@PATHS
@pytest.mark.parametrize("by_head", [True, False])
async def test_a_stream_ends_after_its_settlement(path: str, v1: bool, by_head: bool, tmp_path: Path) -> None:
    pieces = [chunk("hel"), chunk("lo"), chunk(finish="stop"), chunk(usage=USAGE), DONE]
    async with world(chats(*pieces), tmp_path) as w:
        wish = {} if by_head else {"stream": True}
        heard = await w.client.call("POST", path, {**ASK, **wish}, headers=STREAM if by_head else {})
        assert heard.headers["content-type"].startswith("text/event-stream")
        *tokens, result, comment, signal = heard.frames
        assert [frame.split("\n")[1] for frame in tokens] == ["event: token", "event: token"]
        assert data_of(result)[0] == "result"
        # 109 input at 1000 and 7 output at 4000 won per million
        assert comment.startswith(": voucher charge_krw=0.137 ")
        assert data_of(signal) == SIGNAL
        told = stream_result(heard.body, v1=v1)
        assert (told.message.content, counted(told)) == ("hello", (109, 7))
        op = w.events[0].meta.op
        assert [frame.split("\n")[0] for frame in (*tokens, result)] == [f"id: {op}-{n}" for n in range(3)]
        assert (w.seen[0]["stream"], w.seen[0]["top_p"]) == (True, 0.8)
        assert (w.events[0].charge_micro, w.events[0].estimated) == (137_000, False)


@pytest.mark.parametrize(
    ("effort", "thought"),
    [({}, '생각 of "it"'), ({"effort": "low"}, '생각 of "it"'), ({"effort": "none"}, "")],
)
async def test_thoughts_are_told_unless_none_are_wanted(
    effort: dict[str, str], thought: str, tmp_path: Path
) -> None:
    async with anthropic_world(streams(TALK), tmp_path) as w:
        heard = await w.client.call("POST", V3, {**ASK, "thinking": effort}, headers=STREAM)
        told = stream_result(heard.body)
        assert (told.message.content, told.message.thinkingContent) == ("안녕, hello\n", thought)
        assert (w.events[0].charge_micro, w.seen[0]["max_tokens"]) == (37_000, 4096)


async def test_v1_has_no_place_for_thoughts(tmp_path: Path) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    said = message(content=[thought, {"type": "text", "text": "hello"}])
    async with anthropic_world(messages(said), tmp_path) as w:
        heard = await w.client.call("POST", V1, ASK)
        assert heard.json["result"]["message"] == SAID


@pytest.mark.parametrize("head", [{}, STREAM], ids=["whole", "streamed"])
async def test_a_function_is_called_and_answers(head: dict[str, str], tmp_path: Path) -> None:
    async with world(weather_called(streamed=bool(head)), tmp_path) as w:
        tools = {"tools": [WEATHER], "toolChoice": {"type": "function", "function": {"name": "weather"}}}
        heard = await w.client.call("POST", V3, {**ASK, **tools}, headers=head)
        told = stream_result(heard.body) if head else whole_result(heard.body)
        [called] = told.message.toolCalls
        assert (called.id, called.function.name, called.function.arguments) == (
            "c1", "weather", {"at": "서울"},
        )  # fmt: skip
        turns = [
            *ASK["messages"],
            {"role": "assistant", "content": "", "toolCalls": [
                {"id": "c1", "type": "function",
                 "function": {"name": "weather", "arguments": called.function.arguments}},
            ]},
            {"role": "tool", "toolCallId": "c1", "content": "맑음"},
        ]  # fmt: skip
        await w.client.call("POST", V3, {"messages": turns, "tools": [WEATHER]}, headers=head)
        first, second = w.seen
        assert first["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
        assert first["tools"] == [WEATHER]
        assert second["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"at":"서울"}'
        assert second["messages"][2] == {"role": "tool", "tool_call_id": "c1", "content": "맑음"}
        assert [event.status for event in w.events] == ["settled", "settled"]


@pytest.mark.parametrize(
    ("path", "more", "param"),
    [
        (V3, {"repetitionPenalty": 1.3}, "repetitionPenalty"),
        (V1, {"repeatPenalty": 1.0}, "repeatPenalty"),
        (V3, {"somethingNew": 1}, "somethingNew"),
        (V1, {"tools": [WEATHER]}, "tools"),
    ],
)
async def test_what_the_vendor_cannot_be_asked_is_refused(
    tmp_path: Path, path: str, more: dict[str, Any], param: str
) -> None:
    async with world(chats(body=answer()), tmp_path) as w:
        heard = await w.client.call("POST", path, {**ASK, **more}, headers=STREAM)
        assert reason(heard) == (400, "invalid_request")
        assert heard.json["status"]["code"] == "40000"
        assert f"`{param}`" in heard.json["status"]["message"]
        assert not w.seen
        assert [(event.status, event.charge_micro) for event in w.events] in ([], [("released", 0)])
        assert await w.voucher() == await untouched(tmp_path / "fresh")


@PATHS
async def test_the_balance_ends_in_mid_stream(path: str, v1: bool, tmp_path: Path) -> None:
    pieces = [*[chunk("word")] * 300, chunk(finish="stop"), chunk(usage=USAGE), DONE]
    async with world(chats(*pieces), tmp_path, vouchers=(ONE_WON,)) as w:
        heard = await w.client.call("POST", path, {**ASK, "maxTokens": 4000}, headers=STREAM)
        *tokens, _, comment, _ = heard.frames
        assert 50 < len(tokens) < 300
        assert comment.endswith("ended=voucher_exhausted")
        told = stream_result(heard.body, v1=v1)
        [event] = w.events
        assert told.message.content == "word" * len(tokens)
        assert getattr(told, "stopReason" if v1 else "finishReason") == ("LENGTH" if v1 else "length")
        assert counted(told) == (event.tokens["input"], event.tokens["output"])
        assert (event.end_reason, event.charge_micro <= 1_000_000) == ("voucher_exhausted", True)


@PATHS
async def test_where_money_is_scarce_an_answer_is_put_together_from_a_stream(
    path: str, v1: bool, tmp_path: Path
) -> None:
    pieces = [chunk("hel"), chunk("lo"), chunk(finish="stop"), chunk(usage=USAGE), DONE]
    async with world(chats(*pieces), tmp_path, vouchers=(ONE_WON,)) as w:
        heard = await w.client.call("POST", path, {**ASK, "maxTokens": 4000})
        assert whole_result(heard.body, v1=v1).message.content == "hello"
        assert w.seen[0]["stream"] is True
        assert w.events[0].charge_micro == 137_000


async def test_a_vendor_that_fails_in_mid_stream(tmp_path: Path) -> None:
    error = b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'
    async with world(chats(chunk("word"), error, DONE), tmp_path) as w:
        heard = await w.client.call("POST", V3, ASK, headers=STREAM)
        first, last = heard.frames
        assert data_of(first)[1]["message"]["content"] == "word"
        name, said = data_of(last)
        assert (name, said["status"]["code"], said["status"]["reason"]) == (
            "error", "50200", "upstream_error",
        )  # fmt: skip
        assert b"overloaded" not in heard.body
        assert (w.events[0].end_reason, w.events[0].estimated) == ("upstream_error", True)


@pytest.mark.parametrize(("vendor_status", "status", "code"), FAILURES)
@pytest.mark.parametrize("head", [{}, STREAM], ids=["whole", "streamed"])
async def test_a_vendors_no_costs_nothing(
    tmp_path: Path, vendor_status: int, status: int, code: str, head: dict[str, str]
) -> None:
    no = {"type": "error", "error": {"type": "some_error", "message": "max_tokens: too many"}}
    async with anthropic_world(messages(no, status=vendor_status), tmp_path) as w:
        heard = await w.client.call("POST", V3, ASK, headers=head)
        assert reason(heard) == (status, code)
        assert heard.json["status"]["code"] == f"{status}00"
        assert ("too many" in heard.json["status"]["message"]) == (status == 400)
        assert (w.events[0].status, w.events[0].charge_micro) == ("released", 0)


async def test_the_end_waits_for_the_settlement(tmp_path: Path) -> None:
    """A client that leaves before the end is charged, as any other."""
    async with anthropic_world(streams(TALK, pause_s=0.02), tmp_path, vouchers=(voucher(),)) as w:
        heard = await w.client.call("POST", V3, ASK, headers=STREAM, leave_after=1)
        assert b"[DONE]" not in heard.body
        assert (w.events[0].charge_micro, w.events[0].client_gone) == (37_000, True)
