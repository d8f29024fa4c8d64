"""How many tokens a request has, asked in one dialect and told by another's vendor. Pure.

The request is heard and asked as the chat it would be, and the answer is a number. What changes no count (how
much may be said, and how it is chosen) is not passed on: some vendors refuse it here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
import orjson

from providers.dialect import Answer, Operation
from providers.errors import unreadable
from providers.facts import RequestFacts
from providers.quirks import Quirks
from providers.translation.neutral import Conversation
from providers.translation.port import Hear


@dataclass(frozen=True, kw_only=True)
class CountingSide:
    """Of one dialect: the caller's and the vendor's."""

    dialect: str
    operation: Operation
    hear: Hear
    say: Callable[[int], dict[str, Any]]
    ask: Callable[[Conversation, str], dict[str, Any]]  # (what is counted, the vendor's model)
    understand: Callable[[dict[str, Any]], Any]  # whatever stands where the number should


@cache
def counting_pair(caller: CountingSide, vendor: CountingSide) -> Operation:
    """The caller's counting, done by the vendor. It is as free as either's own."""
    return Operation(
        name=caller.operation.name,
        read=caller.operation.read,
        encode=_Encode(caller, vendor),
        path=vendor.operation.path,
        answer=_Read(caller, vendor),
    )


class _Pair:
    def __init__(self, caller: CountingSide, vendor: CountingSide) -> None:
        self.caller = caller
        self.vendor = vendor


class _Encode(_Pair):
    def __call__(
        self,
        body: dict[str, Any],
        *,
        facts: RequestFacts,
        upstream_model: str,
        stream: bool,
        output_limit: int | None,
        quirks: Quirks,
    ) -> bytes:
        said = self.caller.hear(body, facts, self.vendor.dialect)
        return self.vendor.operation.encode(
            self.vendor.ask(_counted(said), upstream_model),
            facts=facts,
            upstream_model=upstream_model,
            stream=stream,
            output_limit=output_limit,
            quirks=quirks,
        )


def _counted(said: Conversation) -> Conversation:
    """What of it is read by a model."""
    return Conversation(
        system=said.system,
        turns=said.turns,
        tools=said.tools,
        tool_choice=said.tool_choice,
        shape=said.shape,
        effort=said.effort,
    )


class _Read(_Pair):
    def __call__(self, body: bytes, /, *, product_id: str, quirks: Quirks) -> Answer:
        answer = self.vendor.operation.answer(body, product_id=product_id, quirks=quirks)
        said = orjson.loads(answer.body) if answer.error is None else None
        count = self.vendor.understand(said) if type(said) is dict else None
        if type(count) is not int or count < 0:
            error = answer.error or unreadable("The vendor's answer has no count.")
            return msgspec.structs.replace(answer, usage=None, error=error)
        return msgspec.structs.replace(answer, body=orjson.dumps(self.caller.say(count)))
