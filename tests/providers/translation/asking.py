"""What is asked of a vendor for a caller of OpenAI's dialect, or of a conversation."""

from __future__ import annotations

import json
from typing import Any, Final

from providers.openai.request import read_chat_request
from providers.quirks import NO_QUIRKS
from providers.translation.neutral import Conversation, Text, Tool, Turn
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from providers.translation.port import VendorSide

HI: Final = (Turn("user", (Text("hi"),)),)
WEATHER: Final = Tool("weather", "of a town", {"type": "object"})
BODY: Final[dict[str, Any]] = {"model": "p", "messages": [{"role": "user", "content": "hi"}]}


def asked_of(side: VendorSide, **said: Any) -> dict[str, Any]:
    return side.ask(Conversation(**{"system": (), "turns": HI, **said}))


def encoded_for(
    side: VendorSide, model: str, *, output_limit: int | None = None, stream: bool = False, **more: Any
) -> dict[str, Any]:
    """The body as it goes to the vendor."""
    body = {**BODY, **more}
    written = pair(OPENAI, side).encode(
        body,
        facts=read_chat_request(body, 100),
        upstream_model=model,
        stream=stream,
        output_limit=output_limit,
        quirks=NO_QUIRKS,
    )
    said: dict[str, Any] = json.loads(written)
    return said
