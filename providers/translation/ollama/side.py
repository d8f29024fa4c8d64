"""Ollama's side of a translation, as one value: a vendor's only."""

from __future__ import annotations

from typing import Final

from providers.ollama.dialect import CHAT
from providers.translation.ollama.ask import ask
from providers.translation.ollama.reply import understand
from providers.translation.ollama.stream import Listener
from providers.translation.port import VendorSide

SIDE: Final = VendorSide(
    dialect="ollama",
    operation=CHAT,
    ask=ask,
    understand=understand,
    make_listener=Listener,
)
