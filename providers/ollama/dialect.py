"""The Ollama dialect, as one value: its own chat. Vendors speak it, callers do not.

It wants no key; where one is given, what stands before it (a proxy, the vendor's own cloud) gets it.
"""

from __future__ import annotations

from typing import Final

from providers.dialect import Dialect, Operation
from providers.ollama.answer import read_answer
from providers.ollama.encode import encode_upstream
from providers.ollama.errors import read_error
from providers.ollama.stream import LineSplitter, StreamFold
from providers.vendor_only import find_nothing, read_nothing, refuse_nobody

CHAT: Final = Operation(
    name="chat",
    read=read_nothing,
    encode=encode_upstream,
    path=lambda model, stream: "/api/chat",
    answer=read_answer,
    fold=lambda product_id, facts, quirks: StreamFold(),
    needs_limit=True,  # without one it goes on for as long as its model does
)

OLLAMA: Final = Dialect(
    name="ollama",
    find=find_nothing,
    credential=lambda key: [f"Authorization: Bearer {key}"],
    read_error=read_error,
    refusal=refuse_nobody,
    make_splitter=LineSplitter,
)
