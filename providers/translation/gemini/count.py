"""Gemini's `countTokens`: of a whole request (`generateContentRequest`), or of contents alone. Pure.

A vendor is told a whole request: beside contents alone it takes neither a system instruction nor tools.
"""

from __future__ import annotations

from typing import Any, Final

from providers.facts import RequestFacts
from providers.gemini.dialect import COUNT
from providers.translation.counting import CountingSide
from providers.translation.gemini import hear as chat
from providers.translation.gemini.ask import ask, fit
from providers.translation.gemini.fields import fields
from providers.translation.neutral import Conversation

_FIELD: Final = "totalTokens"
_WHOLE: Final = "generateContentRequest"
_WHOLE_SPELT: Final = (_WHOLE, "generate_content_request")
_BESIDE: Final = frozenset({_WHOLE, "model"})


def hear(body: dict[str, Any], facts: RequestFacts, vendor_dialect: str) -> Conversation:
    """Raises BadRequest: among others for contents beside a whole request, of which one would be counted."""
    if all(body.get(spelt) is None for spelt in _WHOLE_SPELT):
        return chat.hear(body, facts, vendor_dialect)
    return chat.hear(fields(body, _BESIDE, "", vendor_dialect)[_WHOLE], facts, vendor_dialect)


def _ask(said: Conversation, model: str) -> dict[str, Any]:
    return {_WHOLE: fit(ask(said), model)}


COUNTING: Final = CountingSide(
    dialect="gemini",
    operation=COUNT,
    hear=hear,
    say=lambda tokens: {_FIELD: tokens},
    ask=_ask,
    understand=lambda answer: answer.get(_FIELD),
)
