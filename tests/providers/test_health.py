"""A target that fails rests, longer each time, and is tried again by the next call."""

from __future__ import annotations

from providers.health import Health


def health() -> Health:
    return Health(failures_max=3, cooldown_s=10, cooldown_s_max=35)


def fail(book: Health, *, times: int, now_s: float) -> None:
    for _ in range(times):
        book.failure("a", now_s)


def test_healthy_until_it_fails_in_a_row() -> None:
    book = health()
    fail(book, times=2, now_s=0)
    assert book.is_healthy("a", 0)
    book.success("a")
    fail(book, times=2, now_s=1)
    assert book.is_healthy("a", 1)
    book.failure("a", 1)
    assert not book.is_healthy("a", 1)
    assert book.is_healthy("b", 1)


def test_on_trial_after_its_rest_one_failure_doubles_it() -> None:
    book = health()
    fail(book, times=3, now_s=0)
    rests = []
    now_s = 0.0
    for _ in range(4):
        start_s = now_s
        while not book.is_healthy("a", now_s):
            now_s += 1
        rests.append(now_s - start_s)
        book.failure("a", now_s)
    assert rests == [10, 20, 35, 35]


def test_calls_that_began_before_the_rest_do_not_lengthen_it() -> None:
    book = health()
    fail(book, times=50, now_s=0)
    assert book.is_healthy("a", 10)


def test_a_success_on_trial_forgets_everything() -> None:
    book = health()
    fail(book, times=3, now_s=0)
    book.success("a")
    fail(book, times=2, now_s=11)
    assert book.is_healthy("a", 11)
