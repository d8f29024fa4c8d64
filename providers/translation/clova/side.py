"""CLOVA Studio's sides of a translation, as values: of v3 both, of v1 the callers' alone."""

from __future__ import annotations

from typing import Final

from providers.clova.dialect import CHAT, CHAT_V1
from providers.clova.version import V1
from providers.translation.clova.ask import ask
from providers.translation.clova.hear import hear, hear_v1
from providers.translation.clova.reply import understand
from providers.translation.clova.result import remember, say
from providers.translation.clova.speaker import Speaker
from providers.translation.clova.stream import Listener
from providers.translation.port import CallerSide, ChatSide

SIDE: Final = ChatSide(
    dialect="clova",
    operation=CHAT,
    hear=hear,
    ask=ask,
    understand=understand,
    say=lambda reply, product_id: say(reply),
    say_to=lambda facts: lambda reply, product_id: say(reply, facts),
    make_listener=Listener,
    make_speaker=Speaker,
    remember=remember,
)

CALLER_V1: Final = CallerSide(
    dialect="clova",
    operation=CHAT_V1,
    hear=hear_v1,
    say=lambda reply, product_id: say(reply, version=V1),
    say_to=lambda facts: lambda reply, product_id: say(reply, facts, V1),
    make_speaker=lambda product_id, facts: Speaker(product_id, facts, V1),
    remember=remember,
)
