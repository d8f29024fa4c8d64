"""How long nobody was served, per fault, how long 503 was said, and whether who was killed had served. Pure.

A fault's outage runs from the end of our own doing (the kill itself; the SIGCONT after a SIGSTOP) to the
first whole answer to a call made after it, or to the next blow: the earlier fault is not blamed for the later
one's damage. 503s are laid to the blow that began last before them, also while it lasts; calls with an
Idempotency-Key, which need the books, and those without are looked at apart.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tests.chaos.history import Books, Ended, Fault, History

RESTARTING: Final = frozenset({"kill", "truncate", "stale", "fail"})  # by the verb of a fault's kind
BEFORE_ALL: Final = Fault("before the first blow", "", 0, 0)


@dataclass(frozen=True, slots=True)
class Outage:
    fault: Fault
    ms: int


def outages(history: History) -> list[Outage]:
    served = _served(history)
    asked_ms = [at_ms for at_ms, _ in served]
    blows = sorted({at_ms for fault in history.faults for at_ms in (fault.at_ms, fault.until_ms)})
    found = []
    for fault in history.faults:
        answered_ms = _first_answer(served, bisect_left(asked_ms, fault.until_ms))
        if answered_ms is None:
            continue  # nobody asked any more
        next_blow = bisect_right(blows, fault.until_ms)
        end_ms = min([answered_ms, *blows[next_blow : next_blow + 1]])
        found.append(Outage(fault, end_ms - fault.until_ms))
    return found


def _served(history: History) -> list[tuple[int, int]]:
    """When each completed call was made, and when its answer was there, in the order of the first."""
    ended = {line.request_id: line.at_ms for line in history.ended if line.verdict == "ok"}
    return sorted(
        (line.at_ms, ended[line.request_id]) for line in history.invoked if line.request_id in ended
    )


def _first_answer(served: list[tuple[int, int]], start: int) -> int | None:
    """The earliest end of calls from this place on, which are in the order of their beginnings."""
    first: int | None = None
    for place in range(start, len(served)):
        asked_ms, answered_ms = served[place]
        if first is not None and asked_ms > first:
            break
        first = answered_ms if first is None else min(first, answered_ms)
    return first


def longest_by_kind(found: Iterable[Outage]) -> dict[str, int]:
    longest: defaultdict[str, int] = defaultdict(int)
    for outage in found:
        longest[outage.fault.kind] = max(longest[outage.fault.kind], outage.ms)
    return dict(longest)


def longest_gap_ms(ended: Iterable[Ended]) -> int:
    """Between two answers that followed each other, whatever happened in between."""
    answers = sorted(line.at_ms for line in ended if line.verdict == "ok")
    return max((after - before for before, after in pairwise(answers)), default=0)


@dataclass(slots=True)
class Refused:
    """503s: `ms` is the longest time they were said on end."""

    count: int = 0
    ms: int = 0


def refused_by_kind(history: History) -> dict[str, Refused]:
    found: defaultdict[str, Refused] = defaultdict(Refused)
    keyed = {line.request_id for line in history.invoked if line.keyed}
    faults = sorted(history.faults, key=lambda fault: fault.at_ms)
    lines = sorted(history.ended, key=lambda line: line.at_ms)
    for of_keyed in (False, True):
        _refused(found, faults, [line for line in lines if (line.request_id in keyed) == of_keyed])
    return dict(found)


def _refused(found: defaultdict[str, Refused], faults: list[Fault], lines: list[Ended]) -> None:
    starts = [fault.at_ms for fault in faults]
    since: tuple[int, int] | None = None  # while 503 is said: place of the fault, when it began
    for line in lines:
        if line.verdict == "ok":
            since = None
        elif line.status == 503:
            place = bisect_right(starts, line.at_ms) - 1
            fault = faults[place] if place >= 0 else BEFORE_ALL
            if since is None:
                since = place, line.at_ms
            elif since[0] != place:  # it goes on, now by the next one's doing
                since = place, fault.at_ms
            refused = found[fault.kind]
            refused.count += 1
            refused.ms = max(refused.ms, line.at_ms - since[1])


def repeats(history: History) -> Counter[str]:
    """Attempts under an Idempotency-Key after the first, by what the one before had come to."""
    ended = {line.request_id: line for line in history.ended}
    last: dict[str, str] = {}
    found: Counter[str] = Counter()
    for line in sorted(history.invoked, key=lambda line: line.at_ms):
        if not line.keyed:
            continue
        before = ended.get(last.get(line.operation, ""))
        if before is not None and before.at_ms <= line.at_ms:
            found[f"after {before.status}" if before.verdict == "fail" else f"after {before.verdict}"] += 1
        elif line.operation in last:
            found["beside another"] += 1
        last[line.operation] = line.request_id
    return found


def killed_at_work(history: History, books: Books) -> dict[str, int]:
    """Kills by role, counting only those whose victim had done its work since it last started.

    A gateway has booked a call, a worker has posted one, Valkey has paid for a call that was made since,
    PostgreSQL has shown a balance or taken a posting.
    """
    posted = [(usage.posted_ms, usage.posted_ms) for usage in books.usages]
    shown = [(glance.at_ms, glance.at_ms) for glance in history.glances]
    work = {"valkey": _served(history), "worker": sorted(posted), "postgres": sorted(shown + posted)}
    gateways = {usage.gateway for usage in books.usages}
    found: Counter[str] = Counter()
    since_ms: defaultdict[str, int] = defaultdict(int)
    for fault in sorted(history.faults, key=lambda fault: fault.at_ms):
        if fault.kind.startswith("kill "):
            if fault.target in work:
                done = work[fault.target]
                done_ms = _first_answer(done, bisect_right(done, (since_ms[fault.target], fault.at_ms)))
                worked = done_ms is not None and done_ms <= fault.at_ms
            else:
                worked = fault.note in gateways
            found[fault.kind] += worked
        if fault.kind.split()[0] in RESTARTING:
            since_ms[fault.target] = fault.until_ms
    return dict(found)
