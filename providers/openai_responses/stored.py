"""Responses that a vendor keeps: the routes that name one, and the vendor's paths for them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

import orjson

from providers.dialect import StoredKind, StoredQuery, StoredRoute
from providers.facts import BadRequest
from providers.openai_responses.answer import read_answer
from providers.openai_responses.stream import ResponseFold

_PREFIX: Final = "/v1/responses/"
# Some ids are Base64. Odder ones are followed, and charged, but no path of a client's names them.
_ID: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.~=+:-]{1,256}")
_DEEDS: Final = {
    ("GET", ""): "read",
    ("DELETE", ""): "delete",
    ("POST", "/cancel"): "cancel",
    ("GET", "/input_items"): "list",
}
_QUERIES: Final = {
    "read": frozenset({"include", "include[]", "include_obfuscation", "starting_after", "stream"}),
    "list": frozenset({"after", "before", "include", "include[]", "limit", "order"}),
}
_PARAMETERS_MAX: Final = 20
# Words of other routes that vendors have in the place of an id.
_NO_IDS: Final = frozenset({"compact", "input_tokens"})


def _find(path: str) -> Mapping[str, StoredRoute]:
    if not path.startswith(_PREFIX):
        return {}
    vendor_id, slash, rest = path[len(_PREFIX) :].partition("/")
    if _ID.fullmatch(vendor_id) is None or vendor_id in _NO_IDS:
        return {}
    return {
        method: StoredRoute(
            kind="response",
            vendor_id=vendor_id,
            deed=deed,
            method=method,
            path=_path(vendor_id) + behind,
            name=f"{_PREFIX}{{id}}{behind}",
        )
        for (method, behind), deed in _DEEDS.items()
        if behind == slash + rest
    }


def _path(vendor_id: str) -> str:
    return "/responses/" + quote(vendor_id, safe="=")


def _query(deed: str, query: bytes) -> StoredQuery:
    """Raises BadRequest."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=_PARAMETERS_MAX)
    except ValueError:
        raise BadRequest("The query cannot be read.", "조회 조건을 읽을 수 없습니다.") from None
    known = _QUERIES.get(deed, frozenset())
    passed = [(name, value) for name, value in pairs if name in known]
    streams = any(name == "stream" and value.lower() == "true" for name, value in passed)
    return StoredQuery("?" + urlencode(passed) if passed else "", streams)


def _item_ids(body: bytes) -> frozenset[str]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return frozenset()
    output = said.get("output") if type(said) is dict else None
    items = [item.get("id") for item in output if type(item) is dict] if type(output) is list else []
    return frozenset(name for name in items if type(name) is str)


RESPONSE: Final = StoredKind(
    name="response",
    find=_find,
    query=_query,
    read_path=_path,
    cancel_path=lambda vendor_id: _path(vendor_id) + "/cancel",
    answer=read_answer,
    fold=ResponseFold,
    item_ids=_item_ids,
)
