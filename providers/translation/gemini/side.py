"""Gemini's side of a translation, as one value."""

from __future__ import annotations

from typing import Final

from providers.gemini.dialect import GENERATE
from providers.translation.gemini.ask import ask, fit
from providers.translation.gemini.reply import understand
from providers.translation.gemini.stream import Listener
from providers.translation.port import VendorSide

SIDE: Final = VendorSide(
    dialect="gemini",
    operation=GENERATE,
    ask=ask,
    understand=understand,
    make_listener=Listener,
    fit=fit,
)
