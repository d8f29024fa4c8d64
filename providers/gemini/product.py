"""The product's name in place of the vendor's, in a whole answer and in a chunk alike. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

from providers.json_depth import written_if_shallow

_MODEL: Final = re.compile(rb'"modelVersion"\s*:\s*"((?:[^"\\]|\\.)*)"')


def with_product(body: bytes, parsed: dict[str, Any], product_id: str) -> bytes | None:
    """By bytes where `modelVersion` stands once (a picture is long); else by writing the JSON anew.

    None: it is nested more deeply than JSON is written here.
    """
    if "modelVersion" not in parsed:
        return body
    if body.count(b'"modelVersion"') == 1 and (found := _MODEL.search(body)) is not None:
        return body[: found.start(1)] + product_id.encode() + body[found.end(1) :]
    return written_if_shallow({**parsed, "modelVersion": product_id})
