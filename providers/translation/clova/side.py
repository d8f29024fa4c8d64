"""CLOVA Studio's side of a translation, as one value: a vendor's only."""

from __future__ import annotations

from typing import Final

from providers.clova.dialect import CHAT
from providers.translation.clova.ask import ask
from providers.translation.clova.reply import understand
from providers.translation.clova.stream import Listener
from providers.translation.port import VendorSide

SIDE: Final = VendorSide(
    dialect="clova",
    operation=CHAT,
    ask=ask,
    understand=understand,
    make_listener=Listener,
)
