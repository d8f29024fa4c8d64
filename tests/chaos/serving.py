"""How long nobody was served, per fault, and whether who was killed had served before. Pure.

A fault's outage runs from the end of our own doing (the kill itself; the SIGCONT after a SIGSTOP) to the
first answer that arrived after it, or to the next blow: the earlier fault is not blamed for the later one's
damage.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from tests.chaos.history import Books, Ended, Fault, History


@dataclass(frozen=True, slots=True)
class Outage:
    fault: Fault
    ms: int


def outages(faults: Iterable[Fault], ended: Iterable[Ended]) -> list[Outage]:
    faults = list(faults)
    answers = sorted(line.at_ms for line in ended if line.verdict == "ok")
    blows = sorted({at_ms for fault in faults for at_ms in (fault.at_ms, fault.until_ms)})
    found = []
    for fault in faults:
        position = bisect_right(answers, fault.until_ms)
        if position == len(answers):
            continue  # nobody asked any more
        next_blow = bisect_right(blows, fault.until_ms)
        end_ms = min([answers[position], *blows[next_blow : next_blow + 1]])
        found.append(Outage(fault, end_ms - fault.until_ms))
    return found


def longest_by_kind(found: Iterable[Outage]) -> dict[str, int]:
    longest: defaultdict[str, int] = defaultdict(int)
    for outage in found:
        longest[outage.fault.kind] = max(longest[outage.fault.kind], outage.ms)
    return dict(longest)


def longest_gap_ms(ended: Iterable[Ended]) -> int:
    """Between two answers that followed each other, whatever happened in between."""
    answers = sorted(line.at_ms for line in ended if line.verdict == "ok")
    return max((after - before for before, after in pairwise(answers)), default=0)


def killed_at_work(history: History, books: Books) -> dict[str, int]:
    """Kills by role, counting only those whose victim had done its work since the role's kill before.

    A gateway has booked a call, a worker has posted one, Valkey has paid for an answer, PostgreSQL has shown
    a balance or taken a posting.
    """
    answered = sorted(line.at_ms for line in history.ended if line.verdict == "ok")
    posted = sorted(usage.posted_ms for usage in books.usages)
    shown = sorted([glance.at_ms for glance in history.glances] + posted)
    work = {"valkey": answered, "worker": posted, "postgres": shown}
    gateways = {usage.gateway for usage in books.usages}
    found: Counter[str] = Counter()
    since_ms: defaultdict[str, int] = defaultdict(int)
    for fault in sorted(history.faults, key=lambda fault: fault.at_ms):
        if not fault.kind.startswith("kill "):
            continue
        if fault.target in work:
            times = work[fault.target]
            worked = bisect_right(times, fault.at_ms) > bisect_right(times, since_ms[fault.target])
        else:
            worked = fault.note in gateways
        found[fault.kind] += worked
        since_ms[fault.target] = fault.at_ms
    return dict(found)
