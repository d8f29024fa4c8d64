"""Amazon Bedrock's Converse, as one value: a vendor's dialect only, that no route of ours speaks.

Other dialects' callers reach it by translation; so there is nobody whose request could be read in it.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from providers.bedrock.answer import read_answer
from providers.bedrock.assemble import Assembler
from providers.bedrock.encode import encode_upstream
from providers.bedrock.errors import read_error, read_error_head, refusal_body
from providers.bedrock.event_stream import MessageSplitter
from providers.bedrock.signing import credential_lines
from providers.bedrock.stream import StreamFold
from providers.dialect import Dialect, Operation
from providers.facts import RequestFacts, Spoken, bad


def _read(body: dict[str, Any], body_bytes: int, spoken: Spoken, /) -> RequestFacts:
    raise bad("model", "is called in another dialect", "다른 형식으로 호출해야 합니다")


def _path(model: str, stream: bool) -> str:
    """A model may be named by its ARN, which has slashes."""
    return f"/model/{quote(model, safe='')}/converse{'-stream' if stream else ''}"


CONVERSE: Final = Operation(
    name="converse",
    read=_read,
    encode=encode_upstream,
    path=_path,
    answer=read_answer,
    fold=lambda product_id, facts, quirks: StreamFold(),
    assembler=lambda product_id, facts, quirks: Assembler(),
)

BEDROCK: Final = Dialect(
    name="bedrock",
    find=lambda path, query, headers: None,
    credential=lambda key: [],
    sign=credential_lines,
    read_error=read_error,
    read_error_head=read_error_head,
    refusal=refusal_body,
    make_splitter=MessageSplitter,
    upstream_id_headers=("x-amzn-requestid",),
    accept_stream="application/vnd.amazon.eventstream",
)
