"""Bedrock's side of a translation, as one value: a vendor's only."""

from __future__ import annotations

from typing import Final

from providers.bedrock.dialect import CONVERSE
from providers.translation.bedrock.ask import ask
from providers.translation.bedrock.reply import understand
from providers.translation.bedrock.stream import Listener
from providers.translation.port import VendorSide

SIDE: Final = VendorSide(
    dialect="bedrock",
    operation=CONVERSE,
    ask=ask,
    understand=understand,
    make_listener=Listener,
)
