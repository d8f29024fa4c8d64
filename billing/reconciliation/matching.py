"""Their calls and ours, matched by the provider's request id. Pure.

Every call of theirs and every call of ours is in exactly one line. Where we have an id more than once, those
that are alike are matched first and the others in order, since a statement may have an order of its own; what
is left over says so.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal

from billing.reconciliation.reading import TheirCall

Match = Literal["matched", "differs", "only_theirs", "only_ours"]
_COMPARED: Final = ("input_tokens", "cached_input_tokens", "output_tokens", "amount")
# Of the calls that share an id, so many are looked at for each row of a statement.
ALIKE_MAX: Final = 20
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
    alike = _alike(theirs, by_id)
    seen = set()
    lines = []
    for place, theirs_one in enumerate(theirs):
        waiting = by_id.get(theirs_one.request_id)
        if place in alike:
            lines.append(MatchedLine("matched", theirs_one, alike[place]))
        elif waiting:
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


def _alike(theirs: Sequence[TheirCall], by_id: Mapping[str, deque[OurCall]]) -> dict[int, OurCall]:
    """By their place, what they are taken with out of `by_id`: whoever says most of a call chooses first."""
    repeated = {request_id for request_id, waiting in by_id.items() if len(waiting) > 1}
    places = [place for place, one in enumerate(theirs) if one.request_id in repeated]
    found = {}
    for place in sorted(places, key=lambda place: sum(told is None for told in _told(theirs[place]))):
        waiting = by_id[theirs[place].request_id]
        nearest = islice(waiting, ALIKE_MAX)
        call = next((call for call in nearest if not _differing(theirs[place], call)), None)
        if call is not None:
            waiting.remove(call)
            found[place] = call
    return found


def _told(theirs: TheirCall) -> tuple[int | None, ...]:
    return theirs.input_tokens, theirs.cached_input_tokens, theirs.output_tokens, theirs.amount_micro


def _counts(call: OurCall) -> bool:
    """A call that used nothing need not be on a statement, nor one of another month."""
    return call.of_the_month and not call.is_nothing


def _compared(theirs: TheirCall, ours: OurCall) -> MatchedLine:
    reasons = _differing(theirs, ours)
    return MatchedLine("differs" if reasons else "matched", theirs, ours, reasons)


def _differing(theirs: TheirCall, ours: OurCall) -> tuple[str, ...]:
    booked = (ours.input_tokens, ours.cached_input_tokens, ours.output_tokens, ours.charge_micro)
    sides = zip(_COMPARED, _told(theirs), booked, strict=True)
    return tuple(name for name, them, us in sides if them is not None and them != us)
