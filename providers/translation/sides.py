"""Which dialects are translated, and the operation for a caller of one and a vendor of another."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from providers.dialect import Operation
from providers.quirks import quirks_for
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.bedrock.side import SIDE as BEDROCK
from providers.translation.clova.side import CALLER_V1 as CLOVA_V1
from providers.translation.clova.side import SIDE as CLOVA
from providers.translation.cohere.side import SIDE as COHERE
from providers.translation.counting_sides import counting_for
from providers.translation.embedding_sides import embeddings_for
from providers.translation.gemini.side import SIDE as GEMINI
from providers.translation.ollama.side import SIDE as OLLAMA
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.openai_responses.side import SIDE as RESPONSES
from providers.translation.pairing import pair
from providers.translation.port import CallerSide, Side, VendorSide

SIDES: Final[Mapping[str, Side]] = MappingProxyType(
    {side.dialect: side for side in (OPENAI, ANTHROPIC, CLOVA, GEMINI, BEDROCK, COHERE, OLLAMA)}
)
# What callers of a dialect have beside its chat: no vendor is asked by it.
_SECOND: Final = (RESPONSES, CLOVA_V1)


def operation_for(
    dialect: str, operation: Operation, vendor_dialect: str, *, vendor: str | None = None
) -> Operation | None:
    """What a caller's operation is with a vendor of that dialect; None where it cannot be said there.

    `vendor` is a row of its quirks: some that speak OpenAI's dialect have chats alone.
    """
    if dialect == vendor_dialect and (
        operation is not RESPONSES.operation or quirks_for(vendor).has_responses
    ):
        return operation
    for other in (embeddings_for, counting_for):  # than a chat
        if (made := other(dialect, operation, vendor_dialect)) is not None:
            return made
    caller = next((side for side in _SECOND if side.operation is operation), SIDES.get(dialect))
    asked = SIDES.get(vendor_dialect)
    if not (isinstance(caller, CallerSide) and isinstance(asked, VendorSide)):
        return None
    if caller.dialect != dialect or caller.operation is not operation:
        return None
    return pair(caller, asked)
