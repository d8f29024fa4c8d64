"""The Cohere dialect, as one value: chat of its second version. Vendors speak it, callers do not.

Its rerank needs no dialect of its own: it has the shape that is everybody's (`openai/rerank.py`), behind a
base URL with `/v2`.
"""

from __future__ import annotations

from typing import Final

from providers.cohere.answer import read_answer
from providers.cohere.encode import encode_upstream
from providers.cohere.errors import read_error
from providers.cohere.stream import StreamFold
from providers.dialect import Dialect, Operation
from providers.sse import SseSplitter
from providers.vendor_only import find_nothing, read_nothing, refuse_nobody

CHAT: Final = Operation(
    name="chat",
    read=read_nothing,
    encode=encode_upstream,
    path=lambda model, stream: "/v2/chat",
    answer=read_answer,
    fold=lambda product_id, facts, quirks: StreamFold(),
)

COHERE: Final = Dialect(
    name="cohere",
    find=find_nothing,
    credential=lambda key: [f"Authorization: Bearer {key}"],
    read_error=read_error,
    refusal=refuse_nobody,
    make_splitter=SseSplitter,
    upstream_id_headers=("x-debug-trace-id",),
)
