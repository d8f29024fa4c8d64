"""Rules of the end: the latest that has begun, a programme's own before the general one."""

from __future__ import annotations

from datetime import date

import pytest

from billing.settlements.rules import Rule, rules_on, years_after

RULES = (
    Rule("verification_from_micro", date(2016, 1, 1), 100, None, "법정서식"),
    Rule("audit_from_micro", date(2016, 1, 1), 1_000, None, "법률"),
    Rule("verification_from_micro", date(2027, 1, 1), 50, None, "개정 법정서식"),
    Rule("audit_from_micro", date(2026, 1, 1), 300, None, "사업 지침", "ai-2026"),
    Rule("retention_years", date(2016, 1, 1), 5, None, "법인세법 제116조"),
)


@pytest.mark.parametrize(
    ("programme", "day", "amount", "needed"),
    [
        ("other", date(2026, 12, 31), 99, None),
        ("other", date(2026, 12, 31), 100, "external"),
        ("other", date(2026, 12, 31), 999, "external"),
        ("other", date(2026, 12, 31), 1_000, "audit"),
        ("other", date(2027, 1, 1), 50, "external"),
        ("ai-2026", date(2025, 12, 31), 300, "external"),
        ("ai-2026", date(2026, 1, 1), 300, "audit"),
        ("ai-2026", date(2015, 12, 31), 10**9, None),
    ],
)
def test_what_verification_an_amount_needs(
    programme: str, day: date, amount: int, needed: str | None
) -> None:
    assert rules_on(day, programme, RULES).verification_needed(amount) == needed


def test_how_long_an_agreement_is_kept() -> None:
    held = rules_on(date(2026, 12, 31), "other", RULES)
    assert held.kept_until(date(2026, 10, 31)) == date(2031, 10, 31)
    assert rules_on(date(2010, 1, 1), "other", RULES).kept_until(date(2026, 10, 31)) is None
    assert years_after(date(2024, 2, 29), 5) == date(2029, 2, 28)
