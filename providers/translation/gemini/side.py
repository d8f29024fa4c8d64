"""Gemini's side of a translation, as one value."""

from __future__ import annotations

from typing import Final

from providers.gemini.dialect import GENERATE
from providers.translation.gemini.ask import ask, fit
from providers.translation.gemini.hear import hear
from providers.translation.gemini.reply import say, understand
from providers.translation.gemini.speaker import Speaker
from providers.translation.gemini.stream import Listener
from providers.translation.port import ChatSide

SIDE: Final = ChatSide(
    dialect="gemini",
    operation=GENERATE,
    hear=hear,
    ask=ask,
    understand=understand,
    say=say,
    make_listener=Listener,
    make_speaker=Speaker,
    fit=fit,
)
