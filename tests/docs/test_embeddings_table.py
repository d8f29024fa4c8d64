"""What the page on dialects says of embeddings across dialects, against what is asked of each vendor."""

from __future__ import annotations

from typing import Any, Final

import pytest

from providers.facts import BadRequest
from providers.translation.embedding_sides import VENDORS
from tests.docs.pages import page, tables
from tests.providers.translation.embeddings import asked, request

SAID: Final[list[dict[str, Any]]] = [
    request("openai", "a", "b"),
    request("openai", "a", dimensions=2),
    request("openai", "a", input_type="query"),
]
IN_GEMINIS_WORDS: Final[list[dict[str, Any]]] = [
    request("gemini batch", "a", "b"),
    request("gemini batch", "a", outputDimensionality=2),
    request("gemini batch", "a", taskType="RETRIEVAL_QUERY"),
]
ROWS: Final = tables(page("docs/reference/dialects.md").section("Embeddings made by another dialect"))[0]


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_table_says_what_is_asked(vendor: str) -> None:
    caller, bodies = ("gemini batch", IN_GEMINIS_WORDS) if vendor == "openai" else ("openai", SAID)
    for row, body in zip(ROWS, bodies, strict=True):
        told = row[vendor]
        if told == "refused":
            with pytest.raises(BadRequest):
                asked(caller, vendor, body)
            continue
        said = asked(caller, vendor, body)
        assert told in said or told in said["requests"][0]
