"""Nothing that is said of embeddings is dropped in silence: it is heard, refused by name, or listed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from providers.facts import BadRequest
from providers.translation.clova import embed as clova
from providers.translation.embedding import Embedding
from providers.translation.gemini import embed as gemini
from providers.translation.openai import embed as openai
from tests.providers.translation.embeddings import request, spoken
from tests.providers.translation.test_nothing_dropped import ODD, at_place, changed, places, without

Hear = Callable[[dict[str, Any], str], Embedding]
CALLERS: Final = {
    "openai": openai.CALLER,
    "gemini": gemini.CALLER,
    "gemini batch": gemini.BATCH_CALLER,
    "clova": clova.CALLER,
}
WORDS: Final = {"taskType": "RETRIEVAL_QUERY", "outputDimensionality": 3}
BODIES: Final[list[tuple[str, dict[str, Any]]]] = [
    ("openai", request("openai", "a", "b", dimensions=3, input_type="query")),
    ("gemini", request("gemini", "a", **WORDS)),
    ("gemini", request("gemini", "a", embedContentConfig=WORDS)),
    ("gemini batch", request("gemini batch", "a", "b", **WORDS)),
    ("clova", request("clova", "a")),
]
# Which product is called, and in which form vectors are written, is heard by others.
ELSEWHERE: Final = {"model", "encoding_format"}


def heard(caller: str, body: dict[str, Any]) -> Embedding | None:
    """None: refused."""
    side = CALLERS[caller]
    try:
        side.operation.read(body, 100, spoken(caller))
        return side.hear(body, "other")
    except BadRequest:
        return None


@pytest.mark.parametrize(("caller", "body"), BODIES)
def test_all_of_it_is_heard(caller: str, body: dict[str, Any]) -> None:
    before = heard(caller, body)
    assert before is not None
    for place in places(body):
        if place and place[-1] not in ELSEWHERE:
            assert heard(caller, without(body, place)) != before, place


@pytest.mark.parametrize(("caller", "body"), BODIES)
def test_what_has_an_odd_type_is_refused_or_heard(caller: str, body: dict[str, Any]) -> None:
    before, dropped = heard(caller, body), []
    for place in places(body):
        if not place or place[-1] in ELSEWHERE:
            continue
        left_out = heard(caller, without(body, place))
        for odd in ODD:
            now = heard(caller, changed(body, place, odd))
            if odd != at_place(body, place) and now is not None and now in (before, left_out):
                dropped.append((place, odd))
    assert not dropped


@pytest.mark.parametrize(("caller", "body"), BODIES)
def test_an_unknown_field_is_refused_by_its_name(caller: str, body: dict[str, Any]) -> None:
    for place in places(body):
        if type(at_place(body, place)) is dict:
            with pytest.raises(BadRequest) as refused:
                CALLERS[caller].hear(changed(body, (*place, "something_new"), 1), "other")
            assert (refused.value.param or "").endswith("something_new")
