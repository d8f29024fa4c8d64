"""States that the clock changes: a voucher's, of its row and its end; a price's, of its neighbours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from billing.lifecycle import price, voucher

FROM = datetime(2027, 1, 1, tzinfo=UTC)
MS = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("stored", "ending", "now_ms", "state"),
    [
        ("active", None, 9, "active"),
        ("suspended", None, 9, "suspended"),
        ("active", None, 10, "expired"),
        ("suspended", None, 10, "expired"),
        ("ended", "ended", 9, "ended"),
        ("ended", "ended", 10, "ended"),
        ("ended", "clawed_back", 11, "clawed_back"),
    ],
)
def test_a_voucher_s_state_is_its_row_its_end_and_the_clock(
    stored: str, ending: str | None, now_ms: int, state: str
) -> None:
    assert voucher.state_at(stored=stored, ending=ending, ends_ms=10, now_ms=now_ms) == state


@pytest.mark.parametrize(
    ("now", "next_from", "is_withdrawn", "state"),
    [
        (FROM - MS, None, False, "planned"),
        (FROM - MS, FROM + MS, False, "planned"),
        (FROM, None, False, "in_force"),
        (FROM, FROM + MS, False, "in_force"),
        (FROM + MS, FROM + MS, False, "superseded"),
        (FROM - MS, None, True, "withdrawn"),
        (FROM + MS, None, True, "withdrawn"),
    ],
)
def test_a_price_s_state_is_the_clock_s_until_it_is_taken_back(
    now: datetime, next_from: datetime | None, is_withdrawn: bool, state: str
) -> None:
    found = price.state_at(now, valid_from=FROM, next_from=next_from, is_withdrawn=is_withdrawn)
    assert found == state
