"""Whatever a vendor says, it can be said to a caller of another dialect, or it is an error."""

from __future__ import annotations

import orjson

from metering.usage import Usage
from providers.facts import RequestFacts
from providers.quirks import NO_QUIRKS
from providers.translation.pairing import pair
from providers.translation.port import CallerSide, VendorSide

FACTS = RequestFacts(purpose="chat", model="m", body_bytes=1, stream=True, include_usage=True)


def say_all(caller: CallerSide, vendor: VendorSide, events: list[bytes], answer: bytes) -> None:
    """As a stream, as a stream put together, and as an answer."""
    operation = pair(caller, vendor)
    assert operation.fold is not None
    assert operation.assembler is not None
    fold = operation.fold("p", FACTS, NO_QUIRKS)
    assembler = operation.assembler("p", FACTS, NO_QUIRKS)
    for event in events:
        fold.feed(event)
        assembler.feed(event)
    fold.graceful_end(Usage(input=1))
    assert fold.delivered_tokens() == assembler.delivered_tokens() >= 0
    assert_said(caller, assembler.answer(Usage(input=1)))
    read = operation.answer(answer, product_id="p", quirks=NO_QUIRKS)
    if read.error is None:
        assert_said(caller, read.body)


def assert_said(caller: CallerSide, body: bytes) -> None:
    said = orjson.loads(body)
    if caller.dialect == "clova":  # its answers name no model
        assert said["status"]["code"] == "20000"
    else:
        assert said["model"] == "p"
