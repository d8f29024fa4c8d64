"""OpenAI's side of a translation, as one value."""

from __future__ import annotations

from typing import Final

from providers.openai.dialect import CHAT
from providers.translation.openai.ask import ask
from providers.translation.openai.hear import hear
from providers.translation.openai.reply import say, understand
from providers.translation.openai.stream import Listener, Speaker
from providers.translation.port import ChatSide

SIDE: Final = ChatSide(
    dialect="openai",
    operation=CHAT,
    hear=hear,
    ask=ask,
    understand=understand,
    say=say,
    say_to=lambda facts: lambda reply, product_id: say(reply, product_id, facts),
    make_listener=Listener,
    make_speaker=Speaker,
)
