"""Their calls and ours, matched by the provider's request id. Pure.

Every call of theirs and every call of ours is in exactly one line. Where an id is there more than once, they
are matched in order, and what is left over says so.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from billing.reconciliation.reading import TheirCall

Match = Literal["matched", "differs", "only_theirs", "only_ours"]
MATCHES: tuple[Match, ...] = ("matched", "differs", "only_theirs", "only_ours")


@dataclass(frozen=True, slots=True)
class OurCall:
    """`of_the_month`: else it is beside the month, and only there to be found by a provider's other clock."""

    op: str
    request_id: str | None
    input_tokens: int  # the whole input
    cached_input_tokens: int
    output_tokens: int
    charge_micro: int
    estimated: bool = False
    of_the_month: bool = True

    @property
    def is_nothing(self) -> bool:
        return not (self.charge_micro or self.input_tokens or self.output_tokens)


@dataclass(frozen=True, slots=True)
class MatchedLine:
    """`reasons`: what differs, or why the other side is missing."""

    match: Match
    theirs: TheirCall | None
    ours: OurCall | None
    reasons: tuple[str, ...] = ()


def match_calls(theirs: Sequence[TheirCall], ours: Iterable[OurCall]) -> list[MatchedLine]:
    """In their order; then what only we have, in ours. The same input gives the same lines."""
    by_id: defaultdict[str, deque[OurCall]] = defaultdict(deque)
    without_id = []
    for call in ours:
        if call.request_id is None:
            without_id.append(call)
        else:
            by_id[call.request_id].append(call)
    seen = set()
    lines = []
    for theirs_one in theirs:
        waiting = by_id.get(theirs_one.request_id)
        if waiting:
            lines.append(_compared(theirs_one, waiting.popleft()))
        else:
            reason = "request_id_repeated" if theirs_one.request_id in seen else "not_in_the_books"
            lines.append(MatchedLine("only_theirs", theirs_one, None, (reason,)))
        seen.add(theirs_one.request_id)
    for request_id, waiting in by_id.items():
        reason = "request_id_repeated" if request_id in seen else "not_in_the_statement"
        lines += [MatchedLine("only_ours", None, call, (reason,)) for call in waiting if _counts(call)]
    lines += [
        MatchedLine("only_ours", None, call, ("no_request_id",)) for call in without_id if _counts(call)
    ]
    return lines


def _counts(call: OurCall) -> bool:
    """A call that used nothing need not be on a statement, nor one of another month."""
    return call.of_the_month and not call.is_nothing


def _compared(theirs: TheirCall, ours: OurCall) -> MatchedLine:
    pairs = {
        "input_tokens": (theirs.input_tokens, ours.input_tokens),
        "cached_input_tokens": (theirs.cached_input_tokens, ours.cached_input_tokens),
        "output_tokens": (theirs.output_tokens, ours.output_tokens),
        "amount": (theirs.amount_micro, ours.charge_micro),
    }
    reasons = tuple(name for name, (them, us) in pairs.items() if them is not None and them != us)
    return MatchedLine("differs" if reasons else "matched", theirs, ours, reasons)
