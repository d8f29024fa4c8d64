"""What the simulated vendor is told to do besides answering: magic words in a request, or its options.

Words stand in double brackets, in the last message, the model or the user field:

    [[tokens=400]]  [[reasoning=50]]  [[cached=100]]  [[token_ms=20]]  [[latency_ms=500]]
    [[fault:http_500]] any status from 400, [[fault:429]] with Retry-After
    [[fault:hang]] no answer at all              [[fault:slow_first_byte=2]] seconds
    [[fault:cut_after=3]] connection lost         [[fault:stall_after=3]] silence, after so many events
    [[fault:error_after=3]] an error event        [[fault:error_in_200]] an error object with status 200
    [[fault:no_usage]] [[fault:no_done]] [[fault:garbage]]
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

_WORD: Final = re.compile(r"\[\[(fault:)?([a-z0-9_]+)(?:=([0-9]+(?:\.[0-9]+)?))?\]\]")
_STATUS: Final = re.compile(r"(?:http_)?([45][0-9]{2})")
FAULTS: Final = frozenset(
    {
        "hang",
        "slow_first_byte",
        "cut_after",
        "stall_after",
        "error_after",
        "error_in_200",
        "no_usage",
        "no_done",
        "garbage",
    }
)
TOKENS_MAX: Final = 1_000_000


@dataclass(slots=True)
class Orders:
    """What a call is to be like. `faults` maps a fault to its number, or None."""

    tokens: int | None = None
    reasoning: int = 0
    cached: int = 0
    token_ms: float | None = None
    latency_ms: float | None = None
    faults: dict[str, float | None] = field(default_factory=dict)

    @property
    def status(self) -> int | None:
        for name in self.faults:
            if (found := _STATUS.fullmatch(name)) is not None:
                return int(found[1])
        return None

    def after(self, fault: str) -> int | None:
        """After how many events; None where the fault was not ordered."""
        if fault not in self.faults:
            return None
        number = self.faults[fault]
        return 1 if number is None else int(number)


class UnknownFault(ValueError):
    pass


def parse_fault(word: str) -> tuple[str, float | None]:
    """One fault as the command line takes it: `cut_after=3`."""
    name, _, number = word.partition("=")
    if name not in FAULTS and _STATUS.fullmatch(name) is None:
        raise UnknownFault(f"{name!r} is no fault; known are http_500, 429, {', '.join(sorted(FAULTS))}")
    return name, float(number) if number else None


def read_orders(body: dict[str, Any], server_wide: dict[str, float | None]) -> Orders:
    orders = Orders(faults=dict(server_wide))
    for is_fault, name, number in _WORD.findall(_words_of(body)):
        value = float(number) if number else None
        if is_fault:
            if name in FAULTS or _STATUS.fullmatch(name) is not None:
                orders.faults[name] = value
        elif value is not None:
            _take(orders, name, value)
    return orders


def _take(orders: Orders, name: str, value: float) -> None:
    match name:
        case "tokens":
            orders.tokens = min(int(value), TOKENS_MAX)
        case "reasoning":
            orders.reasoning = min(int(value), TOKENS_MAX)
        case "cached":
            orders.cached = min(int(value), TOKENS_MAX)
        case "token_ms":
            orders.token_ms = value
        case "latency_ms":
            orders.latency_ms = value


def _words_of(body: dict[str, Any]) -> str:
    texts = [str(body.get("model", "")), str(body.get("user", "")), last_text(body)]
    given = body.get("input")
    if isinstance(given, str):
        texts.append(given)
    elif isinstance(given, list) and given and isinstance(given[0], str):
        texts.append(given[0])
    return " ".join(texts)


def last_text(body: dict[str, Any]) -> str:
    """The text of the last message."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], dict):
        return ""
    content = messages[-1].get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
