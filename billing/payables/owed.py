"""What a closed month's lines come to for each provider: supply value, carried, withheld. Pure.

A provider is paid the supply value of its lines, in the whole won they were rounded to. VAT is the company's
alone, and what nobody pays is paid to nobody; both are shown, neither is in the amount. Below nothing it is
carried, and the next month's takes it along.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from billing.statements.lines import Line

BASIS_POINTS: Final = 10_000
HOLDBACK_BASIS_POINTS_MAX: Final = 5_000


@dataclass(frozen=True, slots=True)
class Owed:
    """`rest_micro`: fractions of a won that go on to the next month's lines."""

    provider_id: str
    lines_won: int
    carried_won: int
    holdback_won: int
    uncollected_won: int
    rest_micro: int

    @property
    def amount_won(self) -> int:
        return self.lines_won + self.carried_won - self.holdback_won

    @property
    def is_carried(self) -> bool:
        return self.amount_won <= 0


def owed_of(
    lines: Iterable[Line], *, basis_points: Mapping[str, int], carried_won: Mapping[str, int]
) -> list[Owed]:
    """One for each provider that has lines. `basis_points` by programme, `carried_won` by provider."""
    of_provider: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        of_provider[line.account.provider_id].append(line)
    return [
        _owed(provider_id, own, basis_points, carried_won.get(provider_id, 0))
        for provider_id, own in sorted(of_provider.items())
    ]


def _owed(provider_id: str, lines: list[Line], basis_points: Mapping[str, int], carried_won: int) -> Owed:
    by_programme: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        by_programme[line.account.programme_id] += line.won.supply
    lines_won = sum(by_programme.values())
    return Owed(
        provider_id,
        lines_won,
        carried_won,
        _holdback_won(by_programme, basis_points, lines_won + carried_won),
        uncollected_won=sum(line.won.uncollected for line in lines),
        rest_micro=sum(line.exact_micro.charge - line.won.charge * 1_000_000 for line in lines),
    )


def _holdback_won(by_programme: Mapping[str, int], basis_points: Mapping[str, int], total_won: int) -> int:
    """Each programme's part of what is positive; in proportion, where other parts take something off it."""
    if total_won <= 0:
        return 0
    positive = {programme_id: won for programme_id, won in by_programme.items() if won > 0}
    withheld = sum(won * basis_points.get(one, 0) // BASIS_POINTS for one, won in positive.items())
    return withheld * total_won // sum(positive.values())
