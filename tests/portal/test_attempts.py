"""A sliding minute of attempts, and memory that has a bound."""

from __future__ import annotations

from portal.attempts import NAMES_MAX, Attempts


def test_so_many_per_minute_and_not_more() -> None:
    attempts = Attempts(2)
    assert attempts.retry_after_s("a", now_s=0) is None
    assert attempts.retry_after_s("a", now_s=30) is None
    assert attempts.retry_after_s("a", now_s=40) == 20
    assert attempts.retry_after_s("b", now_s=40) is None
    assert attempts.retry_after_s("a", now_s=60) is None
    assert attempts.retry_after_s("a", now_s=60) == 30


def test_the_oldest_name_is_forgotten_first() -> None:
    attempts = Attempts(1)
    for number in range(NAMES_MAX + 1):
        attempts.retry_after_s(str(number), now_s=0)
    assert attempts.retry_after_s("0", now_s=1) is None
    assert attempts.retry_after_s(str(NAMES_MAX), now_s=1) is not None
