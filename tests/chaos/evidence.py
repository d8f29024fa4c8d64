"""All that is known of the calls a finding names, so that a campaign need not be run again to follow it up.

Per operation: what the client logged, what the vendor logged, the rows of the books (usage, entries and
postings, claim, idem, parked, the epochs and gateways concerned), events as they passed through the streams,
lines of the gateways' journals and of the processes' own logs, and the blows around it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tests.chaos.calls import Calls
from tests.chaos.history import History
from tests.fakes.house import House
from tests.journeys.books import rows

OPERATIONS_MAX: Final = 40
LINES_MAX: Final = 300
AROUND_MS: Final = 15_000
_NAME: Final = re.compile(r"[0-9A-Za-z_-]+")
_OF_OP: Final = "select to_jsonb(t) from {} t where op = any(%s)"
_BOOKS: Final[Mapping[str, str]] = {
    "usage": _OF_OP.format("usage"),
    "entry": "select to_jsonb(t) from entry t where id in (select entry_id from usage where op = any(%s))",
    "posting": "select to_jsonb(t) from posting t"
    " where entry_id in (select entry_id from usage where op = any(%s))",
    "claim": _OF_OP.format("claim"),
    "parked": "select to_jsonb(t) - 'payload' from parked t where op = any(%s)",
    "idem": "select to_jsonb(t) - 'sealed' from idem t where op = any(%s)",
    "lane_epoch": "select to_jsonb(t) from lane_epoch t"
    " where (lane, n) in (select lane, n from usage where op = any(%s))",
    "gateway": "select to_jsonb(t) from gateway t where id in"
    " (select gateway_id from usage where op = any(%s))",
}


def operations_in(texts: Iterable[str], calls: Calls) -> list[str]:
    """The operations that findings name, by themselves, by an attempt or by a usage id, in their order."""
    by_name = {name: name for name in calls.operations}
    by_name |= {line.request_id: line.operation for line in calls.invoked.values()}
    for usage_id, usage in calls.usage_by_id.items():
        if usage.request_id in by_name:
            by_name[usage_id] = by_name[usage.request_id]
    words = (word for text in texts for word in _NAME.findall(text))
    return list(dict.fromkeys(by_name[word] for word in words if word in by_name))


async def gather(texts: Iterable[str], calls: Calls, *, house: House, out: Path) -> dict[str, Any]:
    """By operation, `OPERATIONS_MAX` of them. The house is up."""
    return {
        operation: await _of_operation(operation, calls, house=house, out=out)
        for operation in operations_in(texts, calls)[:OPERATIONS_MAX]
    }


async def _of_operation(operation: str, calls: Calls, *, house: House, out: Path) -> dict[str, Any]:
    invoked = calls.operations[operation]
    names = [line.request_id for line in invoked]
    ended = [calls.ended[name] for name in names if name in calls.ended]
    ops = {line.usage_id for line in ended if line.usage_id}
    ops |= {op for (op,) in await rows(house, "select op from usage where request_id = any(%s)", names)}
    words = [*names, *ops]
    books = {
        table: [row for (row,) in await rows(house, query, sorted(ops))] for table, query in _BOOKS.items()
    }
    return {
        "client": sorted(
            [*(asdict(line) for line in invoked), *(asdict(line) for line in ended)],
            key=lambda line: line["at_ms"],
        ),
        "vendor": [json.loads(line) for line in lines_with(names, [out / "vendor.jsonl"])],
        "books": books,
        "events": [json.loads(line) for line in lines_with(words, [out / "events.jsonl"])],
        "journals": lines_with(words, sorted(house.data_dir.rglob("unposted/*"))),
        "logs": lines_with(words, sorted((house.data_dir / "logs").glob("*.log*"))),
    }


def blows_around(operation: Mapping[str, Any], history: History) -> list[dict[str, Any]]:
    """What was done to the house from a little before a call began until a little after it ended."""
    times = [line["at_ms"] for line in operation["client"]]
    return [
        asdict(fault)
        for fault in history.faults
        if fault.until_ms >= min(times) - AROUND_MS and fault.at_ms <= max(times) + AROUND_MS
    ]


def lines_with(words: list[str], paths: Iterable[Path]) -> list[str]:
    """Whole words only: o12-0 is not in o112-0 or o12-01."""
    if not words:
        return []
    pattern = re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, words)) + r")(?![\w-])")
    found: list[str] = []
    for path in paths:
        if not path.is_file():
            continue
        with path.open(encoding="utf-8", errors="replace") as lines:
            found += [line.rstrip("\n") for line in lines if pattern.search(line)]
    return found[:LINES_MAX]
