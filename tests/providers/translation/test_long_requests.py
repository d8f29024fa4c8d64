"""What is very long, of a caller or a vendor, costs in proportion: all of it is read in the event loop."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any, Final

import orjson
import pytest

from providers.errors import TOO_LARGE
from providers.facts import IN_BODY, RequestFacts
from providers.openai.request import read_chat_request
from providers.openai_responses.request import read_responses_request
from providers.quirks import NO_QUIRKS
from providers.translation import listening
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.clova.side import SIDE as CLOVA
from providers.translation.gemini.side import SIDE as GEMINI
from providers.translation.openai.hear import hear as hear_chat
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.openai.stream import Listener
from providers.translation.openai_responses.hear import hear as hear_responses
from providers.translation.pairing import pair
from providers.translation.port import CallerSide

FEW: Final = 3_000
MANY: Final = 8 * FEW
USER: Final = {"role": "user", "content": "hi"}


def words_behind_a_call(count: int) -> Callable[[], object]:
    """Each message joins a turn that has very many parts before its call."""
    part = {"type": "output_text", "text": ""}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    more = [{"role": "assistant", "content": ""}] * count
    body = {"model": "m", "input": [{"role": "assistant", "content": [part] * count}, call, *more, USER]}
    facts = read_responses_request(body, 1, IN_BODY)
    return lambda: hear_responses(body, facts, "anthropic")


def results_of_one_turn(count: int) -> Callable[[], object]:
    result: dict[str, Any] = {"role": "tool", "tool_call_id": "c", "content": ""}
    body = {"model": "m", "messages": [USER, *[result] * count]}
    facts = read_chat_request(body, 1, IN_BODY)
    return lambda: hear_chat(body, facts, "anthropic")


def calls_of_one_answer(count: int) -> Callable[[], object]:
    listener = Listener()
    events = []
    for index in range(count):
        call = {"index": index, "function": {"arguments": "1"}}
        chunk = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
        events.append(b"data: " + orjson.dumps(chunk) + b"\n\n")
    return lambda: [listener.feed(event) for event in events]


def cpu_s(work: Callable[[], object]) -> float:
    gc.disable()  # what all the other tests have left is looked through else
    try:
        began_s = time.process_time()
        work()
        return time.process_time() - began_s
    finally:
        gc.enable()


@pytest.mark.parametrize("made", [words_behind_a_call, results_of_one_turn, calls_of_one_answer])
def test_eight_times_as_much_takes_about_eight_times_as_long(
    made: Callable[[int], Callable[[], object]],
) -> None:
    few_s = min(cpu_s(made(FEW)) for _ in range(3))
    assert cpu_s(made(MANY)) < 25 * few_s + 0.05


@pytest.mark.parametrize("caller", [ANTHROPIC, CLOVA, GEMINI], ids=["anthropic", "clova", "gemini"])
def test_what_a_caller_hears_only_later_has_a_limit(
    caller: CallerSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls that come in turns, where one is told after the other, or each of them whole."""
    monkeypatch.setattr(listening, "WAITING_BYTES_MAX", 5_000)
    make = pair(caller, OPENAI).fold
    assert make is not None
    fold = make("p", RequestFacts(purpose="chat", model="p", body_bytes=1, stream=True), NO_QUIRKS)
    count = 0
    while fold.error is None and count < 1_000:
        call = {"index": count % 2, "id": f"c{count % 2}", "function": {"name": "f", "arguments": "{"}}
        chunk = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
        fold.feed(b"data: " + orjson.dumps(chunk) + b"\n\n")
        count += 1
    assert fold.error is TOO_LARGE
    assert 20 < count < 200
