"""Anthropic's side of a translation, as one value."""

from __future__ import annotations

from typing import Final

from providers.anthropic.dialect import MESSAGES
from providers.translation.anthropic.ask import ask
from providers.translation.anthropic.hear import hear
from providers.translation.anthropic.reply import say, understand
from providers.translation.anthropic.speaker import Speaker
from providers.translation.anthropic.stream import Listener
from providers.translation.port import ChatSide

SIDE: Final = ChatSide(
    dialect="anthropic",
    operation=MESSAGES,
    hear=hear,
    ask=ask,
    understand=understand,
    say=say,
    say_to=lambda facts: lambda reply, product_id: say(reply, product_id, facts),
    make_listener=Listener,
    make_speaker=Speaker,
)
