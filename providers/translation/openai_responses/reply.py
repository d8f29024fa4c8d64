"""Reply -> a whole response. Pure."""

from __future__ import annotations

from typing import Any

from metering.usage import Usage
from providers.facts import RequestFacts
from providers.openai_responses.usage import usage_to_responses
from providers.translation.neutral import (
    CallDelta,
    Delta,
    Ending,
    Reply,
    Said,
    ToolCall,
    part_delta,
)
from providers.translation.openai_responses.output import WHOLE, Output
from providers.translation.openai_responses.repeats import Repeats


def say(reply: Reply, product_id: str, facts: RequestFacts | None = None) -> dict[str, Any]:
    repeats = Repeats(facts, product_id)
    output = Output(repeats.stem, as_summary=repeats.wants_summary, is_stream=False)
    ending: Ending = "stop"
    for choice in reply.choices[:1]:
        ending = choice.ending
        for number, part in enumerate(choice.parts):
            output.take(_delta(number, part))
    output.end(ending)
    return ended(repeats, output, ending, reply.usage)


def ended(repeats: Repeats, output: Output, ending: Ending, usage: Usage | None) -> dict[str, Any]:
    """The response when it is over."""
    is_whole = ending in WHOLE
    reason = "content_filter" if ending == "filtered" else "max_output_tokens"
    return repeats.response(
        status="completed" if is_whole else "incomplete",
        incomplete_details=None if is_whole else {"reason": reason},
        output=output.items(),
        usage=None if usage is None else usage_to_responses(usage),
    )


def _delta(number: int, part: Said) -> Delta:
    if isinstance(part, ToolCall):
        return CallDelta(0, number, part.call_id, part.name, part.arguments)
    return part_delta(0, part)
