"""Anthropic's `count_tokens`: a messages request without what is said of its answer. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.anthropic.dialect import COUNT_TOKENS
from providers.translation.anthropic.ask import ask
from providers.translation.anthropic.hear import hear
from providers.translation.counting import CountingSide
from providers.translation.neutral import Conversation

_FIELD: Final = "input_tokens"


def _ask(said: Conversation, model: str) -> dict[str, Any]:
    """Alike for all its models."""
    return ask(said)


COUNTING: Final = CountingSide(
    dialect="anthropic",
    operation=COUNT_TOKENS,
    hear=hear,
    say=lambda tokens: {_FIELD: tokens},
    ask=_ask,
    understand=lambda answer: answer.get(_FIELD),
)
