"""The routes of the end and who may use them, written by hand, with well-formed bodies."""

from __future__ import annotations

from typing import Any, Final

READ, MINE = "operator auditor", "operator auditor company*"
OPERATOR, OWNER = "operator", "company*"
ROUTES: Final = {
    "GET /api/settlements": MINE,
    "POST /api/settlements": OPERATOR,
    "GET /api/settlements/{id}": MINE,
    "POST /api/settlements/{id}/enter-interest": OPERATOR,
    "POST /api/settlements/{id}/return-unused": OPERATOR,
    "POST /api/settlements/{id}/return-late": OPERATOR,
    "POST /api/settlements/{id}/report": "operator company*",
    "POST /api/settlements/{id}/send-back": OPERATOR,
    "POST /api/settlements/{id}/verify": OPERATOR,
    "POST /api/settlements/{id}/settle": OPERATOR,
    "POST /api/settlements/{id}/close": OPERATOR,
    "POST /api/settlements/{id}/erase": OPERATOR,
    "GET /api/settlements/{id}/log": MINE,
    "GET /api/settlements/{id}/sheet": MINE,
    "GET /api/programmes/{id}/settlement": READ,
    "GET /api/settlement_rules": READ,
    "POST /api/settlement_rules": OPERATOR,
    "GET /api/findings": MINE,
    "POST /api/findings": "auditor",
    "GET /api/findings/{id}": MINE,
    "POST /api/findings/{id}/object": OWNER,
    "POST /api/findings/{id}/confirm": OPERATOR,
    "POST /api/findings/{id}/dismiss": OPERATOR,
    "POST /api/findings/{id}/offset": OPERATOR,
    "POST /api/findings/{id}/repay": OPERATOR,
    "GET /api/findings/{id}/log": MINE,
}
BODIES: Final[dict[str, dict[str, Any]]] = {
    "Settlement": {"agreement": "ag-000001"},
    "Interest": {"amount_krw": 0, "document": "무이자 계좌 확인서"},
    "Finding": {"agreement": "ag-000001", "lines": [{"amount_krw": 1}], "reason": "목적 외"},
    "Offset": {"amount_krw": 1},
    "SettlementRule": {
        "name": "objection_days",
        "from": "2026-01-01",
        "number": 10,
        "source": "사업 운영지침",
    },
}
