"""What a finding names is found again in every log: as an operation, an attempt or a usage id."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.calls import Calls
from tests.chaos.evidence import AROUND_MS, blows_around, lines_with, operations_in
from tests.chaos.history import Books, Fault, History, Invoked, Usage
from tests.chaos.setting import CHAT


@pytest.fixture
def calls() -> Calls:
    attempts = [("o12", "o12-0"), ("o12", "o12-1"), ("o3", "o3-0")]
    invoked = [Invoked(name, operation, "gaonde", "chat", CHAT, 0, 5) for operation, name in attempts]
    usage = Usage("op_9", "o12-1", "v", CHAT, "g", "settled", "completed", False, True, 1, 1, 1, 0, 0, 9)
    return Calls(History(invoked=invoked), Books(usages=(usage,)))


@pytest.mark.parametrize(
    ("said", "operations"),
    [
        ("o12-0 completed, no usage record", ["o12"]),
        ("o12 charged 2 times", ["o12"]),
        ("op_9 step 1 charge_micro", ["o12"]),
        ("o3-0 of gaonde: 402, o12-1", ["o3", "o12"]),
        ("gaonde-v government, o1 and o12-2", []),
    ],
)
def test_operations_are_found_by_whatever_names_them(calls: Calls, said: str, operations: list[str]) -> None:
    assert operations_in([said, said], calls) == operations


def test_lines_are_taken_by_whole_words(tmp_path: Path) -> None:
    path = tmp_path / "vendor.jsonl"
    lines = ['{"request_id":"o2-1"}', '{"request_id":"o12-1"}', '{"request_id":"o2-10"}', "x o2-1 y"]
    path.write_text("\n".join(lines))
    assert lines_with(["o2-1", "op_x"], [path, tmp_path / "missing"]) == [lines[0], lines[3]]
    assert lines_with([], [path]) == []


def test_blows_are_told_from_before_a_call_until_after_it() -> None:
    seen = {"client": [{"at_ms": 50_000}, {"at_ms": 60_000}]}
    first, last = 50_000 - AROUND_MS, 60_000 + AROUND_MS
    blows = [Fault("k", "t", at_ms, at_ms + 10) for at_ms in (first - 11, first - 10, last, last + 1)]
    told = blows_around(seen, History(faults=blows))
    assert [blow["at_ms"] for blow in told] == [first - 10, last]
