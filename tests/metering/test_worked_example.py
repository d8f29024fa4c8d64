"""The worked example of docs/concepts/holds.md, asked of both purses line by line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from metering.purse import Extended, ExtendShort, Gone, Late, Reserved, Settled, Short
from tests.fakes.purse_talk import PurseTalk

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "holds.md"


def rows() -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """(asked, answer, (limit, spent, held, available)) of every line of the example."""
    for row in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if len(cells) == 7 and cells[1].startswith("`"):
            yield cells[1].strip("`"), cells[2], tuple(int(cell) for cell in cells[3:])


def words(answer: object) -> str:
    match answer:
        case Reserved(granted_micro=granted) | Extended(granted_micro=granted):
            return f"OK {granted}"
        case Short(available_micro=available, held_micro=held):
            return f"SHORT {available} {held}"
        case ExtendShort(available_micro=available, held_micro=held):
            return f"SHORT {available} {held}"
        case Settled() | True:
            return "OK"
        case Late():
            return "LATE"
        case Gone():
            return "GONE"
        case int(limit):
            return f"OK {limit}"
    raise AssertionError(f"no word for {answer!r}")


def test_the_worked_example(talk: PurseTalk) -> None:
    talk.begin(1)
    version = 0

    def lend(limit: str) -> object:
        return talk.lend(1, version=version, limit=int(limit))

    def extend(op: str, want: str, floor: str = "floor=0") -> object:
        return talk.extend(1, op, int(want), floor=int(floor.removeprefix("floor=")))

    verbs: dict[str, Callable[..., object]] = {
        "lend": lend,
        "reserve": lambda op, want: talk.reserve(1, op, int(want)),
        "extend": extend,
        "settle": lambda op, charge: talk.settle(1, op, int(charge)),
        "sweep": lambda op: talk.sweep(1, op),
        "recall": lambda target: talk.recall(1, version=version, target=int(target)),
    }
    lines = list(rows())
    assert len(lines) == 15
    for asked, answer, balance in lines:
        version += 1
        verb, *arguments = re.split(r"\s+", asked)
        said = verbs[verb](*arguments)
        limit, spent, held = talk.balance(1) or (0, 0, 0)
        assert (asked, words(said), (limit, spent, held, limit - spent - held)) == (asked, answer, balance)
