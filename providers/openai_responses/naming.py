"""The product's name in place of the vendor's model, and no other byte changed where that can be. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

_MODEL: Final = re.compile(rb'"model"\s*:\s*("(?:[^"\\]|\\.)*+")')


def with_product(
    text: bytes, whole: dict[str, Any], holders: tuple[dict[str, Any], ...], product_id: str
) -> bytes:
    """`text` is `whole` as the vendor wrote it; `holders` are the objects in it whose `model` is replaced.

    By bytes where `model` stands there once; else by writing the JSON anew. Raises TypeError where that
    cannot be done: JSON is read to a depth of 1,024 and written to 254.
    """
    named = [holder for holder in holders if "model" in holder]
    if not named:
        return text
    found = _MODEL.search(text) if text.count(b'"model"') == 1 else None
    if found is not None and orjson.loads(found[1]) == named[0]["model"]:
        return text[: found.start(1)] + orjson.dumps(product_id) + text[found.end(1) :]
    for holder in named:
        holder["model"] = product_id
    return orjson.dumps(whole)
