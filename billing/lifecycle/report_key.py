"""A key with which a provider signs reports: taken until it is replaced, never again once it is revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_PROVIDER, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    is_new: bool = True
    is_whole: bool = True
    is_until_later: bool = True


IS_WHOLE: Final = Guard[Facts](
    "key_invalid",
    "A public key is 32 bytes in base64url without padding.",
    "공개 키는 32바이트를 base64url(패딩 없음)로 적은 값입니다.",
    lambda facts: facts.is_whole,
    of_entry=True,
)
IS_NEW: Final = Guard[Facts](
    "key_known",
    "This key is, or was, registered.",
    "이미 등록되었거나 등록된 적이 있는 키입니다.",
    lambda facts: facts.is_new,
    of_entry=True,
)
UNTIL_LATER: Final = Guard[Facts](
    "until_past",
    "The key is taken until now at least; revoke it to refuse what it signed.",
    "만료 시각은 현재 이후여야 합니다. 즉시 막으려면 폐기해 주세요.",
    lambda facts: facts.is_until_later,
    of_entry=True,
)

_BOTH: Final = (OWN_PROVIDER, OPERATOR)

TABLE: Final = Table[Facts](
    "report_key",
    "보고 서명 키",
    {"current": "사용 중", "retired": "교체됨", "revoked": "폐기"},
    (
        Step("register", (), "current", (OWN_PROVIDER,), (IS_WHOLE, IS_NEW)),
        Step("retire", ("current",), "retired", _BOTH, (UNTIL_LATER,)),
        Step("revoke", ("current", "retired"), "revoked", _BOTH, needs_reason=True),
    ),
)


def is_taken_at(now: datetime, *, state: str, from_at: datetime, until_at: datetime | None) -> bool:
    """Whether a report that comes now may be signed by it."""
    return state != "revoked" and from_at <= now and (until_at is None or now < until_at)
