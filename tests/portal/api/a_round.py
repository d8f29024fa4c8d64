"""A programme, a round and an application, as bodies of requests."""

from __future__ import annotations

from typing import Any, Final

PROGRAMME: Final[dict[str, Any]] = {
    "id": "ai-2026",
    "name": "초거대 AI API 활용 지원",
    "legal_basis": "보조금",
    "budget_krw": 10_000_000,
    "max_voucher_krw": 6_000_000,
    "starts_on": "2026-01-01",
    "ends_on": "2026-12-31",
    "shares": {"sme": "0.75", "startup": "0.9"},
    "deposit_rule": "full",
}
ROUND: Final[dict[str, Any]] = {
    "id": "ai-2026-1",
    "programme": "ai-2026",
    "name": "1차 공모",
    "budget_krw": 8_000_000,
    "cap_krw": 5_000_000,
    "opens_at": "2026-03-02T09:00:00+09:00",
    "closes_at": "2026-03-24T15:00:00+09:00",
    "criteria": [
        {"id": "need", "name": "필요성", "max_points": 40},
        {"id": "plan", "name": "활용 계획", "max_points": 60},
    ],
    "bonuses": [{"id": "region", "name": "비수도권", "points": "2"}],
    "evaluators_min": 3,
    "mean": "trimmed",
    "pass_mark": 60,
    "ties": ["criterion:plan", "earlier_submission"],
}
APPLICATION: Final[dict[str, Any]] = {
    "round": "ai-2026-1",
    "title": "상담 자동화",
    "plan": "상담 기록을 요약한다.",
    "government_krw": 3_000_000,
    "self_cash_krw": 1_000_000,
}
TERMS: Final[dict[str, Any]] = {"starts_on": "2026-04-01", "ends_on": "2026-10-31"}
