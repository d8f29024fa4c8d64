"""The callers' side of the Responses API in a translation, as one value. No vendor is asked by it."""

from __future__ import annotations

from typing import Final

from providers.openai_responses.operation import RESPONSES
from providers.translation.openai_responses.hear import hear
from providers.translation.openai_responses.repeats import remember
from providers.translation.openai_responses.reply import say
from providers.translation.openai_responses.stream import Speaker
from providers.translation.port import CallerSide

SIDE: Final = CallerSide(
    dialect="openai",
    operation=RESPONSES,
    hear=hear,
    say=say,
    say_to=lambda facts: lambda reply, product_id: say(reply, product_id, facts),
    make_speaker=Speaker,
    remember=remember,
)
