"""Documents in which anything stands anywhere: a well-formed one, one place of it taken by any JSON.

As bytes: what lies deep cannot be written by `json` or `orjson`, and it is among the values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from hypothesis import strategies as st

_HOLE: Final = "@@HERE@@"


def nested(depth: int, *, objects: bool = False) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth if objects else b"[" * depth + b"]" * depth


# The first two can be written by themselves, and not a few levels deeper.
DEEP: Final = tuple(
    nested(depth, objects=objects) for depth in (250, 300, 1_000) for objects in (False, True)
)
_PLAIN: Final = (
    b"null", b"true", b"false", b"0", b"7", b"-1", b"1.5", b"2.0", b"1e300", b"1" * 40, b'""', b'"x"',
    b'"text"', b'"\\u0000"', '"서울"'.encode(), b'"data:image/png;base64,AA"', b"[]", b"[[]]", b"[{}]", b"{}",
    b'{"type":[]}', b'[{"type":{}}]', b'[{"type":["text"]}]', b'{"a":null}', b'["a",1]',
)  # fmt: skip
values: Final[st.SearchStrategy[bytes]] = (
    st.sampled_from(_PLAIN)
    | st.sampled_from(DEEP)
    | st.recursive(
        st.sampled_from(_PLAIN),
        lambda inner: st.lists(inner, max_size=3).map(lambda items: b"[" + b",".join(items) + b"]"),
        max_leaves=4,
    )
)


def documents(*wholes: Any) -> st.SearchStrategy[bytes]:
    """JSON texts; the first of them may be taken as they are, so that a whole stream can be made of them."""
    holes = [hole for whole in wholes for hole in _holes(whole)]
    taken = st.builds(lambda hole, value: hole[0] + value + hole[1], st.sampled_from(holes), values)
    return taken | st.sampled_from([json.dumps(whole).encode() for whole in wholes])


def _holes(whole: Any) -> list[tuple[bytes, bytes]]:
    holes = []
    for holed in _with_a_hole(whole):
        head, hole, tail = json.dumps(holed).partition(f'"{_HOLE}"')
        assert hole
        holes.append((head.encode(), tail.encode()))
    return holes


def _with_a_hole(whole: Any) -> Iterator[Any]:
    yield _HOLE
    if isinstance(whole, dict):
        for name, value in whole.items():
            for holed in _with_a_hole(value):
                yield {**whole, name: holed}
        yield {**whole, "x_new": _HOLE}
    elif isinstance(whole, list):
        for index, value in enumerate(whole):
            for holed in _with_a_hole(value):
                yield [*whole[:index], holed, *whole[index + 1 :]]
        yield [*whole, _HOLE]
