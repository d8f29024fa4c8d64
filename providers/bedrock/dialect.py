"""Amazon Bedrock's Converse, as one value: a vendor's dialect only, that no route of ours speaks.

Other dialects' callers reach it by translation.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from providers.bedrock.answer import read_answer
from providers.bedrock.encode import encode_upstream
from providers.bedrock.errors import read_error, read_error_head
from providers.bedrock.event_stream import MessageSplitter
from providers.bedrock.signing import credential_lines
from providers.bedrock.stream import StreamFold
from providers.dialect import Dialect, Operation
from providers.vendor_only import find_nothing, read_nothing, refuse_nobody


def _path(model: str, stream: bool) -> str:
    """A model may be named by its ARN, which has slashes."""
    return f"/model/{quote(model, safe='')}/converse{'-stream' if stream else ''}"


CONVERSE: Final = Operation(
    name="converse",
    read=read_nothing,
    encode=encode_upstream,
    path=_path,
    answer=read_answer,
    fold=lambda product_id, facts, quirks: StreamFold(),
)

BEDROCK: Final = Dialect(
    name="bedrock",
    find=find_nothing,
    credential=lambda key: [],
    sign=credential_lines,
    read_error=read_error,
    read_error_head=read_error_head,
    refusal=refuse_nobody,
    make_splitter=MessageSplitter,
    upstream_id_headers=("x-amzn-requestid",),
    accept_stream="application/vnd.amazon.eventstream",
)
