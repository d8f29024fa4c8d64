"""Cohere's side of a translation, as one value: a vendor's only."""

from __future__ import annotations

from typing import Final

from providers.cohere.dialect import CHAT
from providers.translation.cohere.ask import ask
from providers.translation.cohere.reply import understand
from providers.translation.cohere.stream import Listener
from providers.translation.port import VendorSide

SIDE: Final = VendorSide(
    dialect="cohere",
    operation=CHAT,
    ask=ask,
    understand=understand,
    make_listener=Listener,
)
