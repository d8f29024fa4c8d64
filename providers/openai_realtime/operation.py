"""A realtime session as the port of dialects has it: what it is asked with, and how it is bounded. Pure.

It has no body, no answer and no stream of events over HTTP, so of an operation it is the name, the reading
and the vendor's path. Each response of it may read all the context holds.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl, quote

from providers.dialect import Operation
from providers.facts import BadRequest, RequestFacts, Spoken, model_of

PATH: Final = "/v1/realtime"


def spoken_of(query: bytes) -> Spoken:
    """What the query names: a product and nothing else. Raises BadRequest."""
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=16
        )
    except ValueError:
        pairs = []
    if [name for name, _ in pairs] != ["model"]:
        raise BadRequest(
            "Name one product in the query, as `model`, and nothing else.",
            "쿼리에는 상품 이름 `model` 하나만 지정해 주세요.",
            "model",
        )
    return Spoken(model=pairs[0][1])


def _read(body: dict[str, Any], body_bytes: int, spoken: Spoken) -> RequestFacts:
    model = model_of({"model": spoken.model})
    return RequestFacts(
        purpose="chat", model=model, body_bytes=body_bytes, stream=True, takes_whole_context=True
    )


def _none(*_: object, **__: object) -> NoReturn:
    raise AssertionError("a session has neither a body nor an answer")


REALTIME: Final = Operation(
    name="realtime",
    read=_read,
    encode=_none,
    path=lambda model, stream: f"/realtime?model={quote(model, safe='')}",
    answer=_none,
)


__all__ = ["PATH", "REALTIME", "spoken_of"]
