"""The kinds of alerts: whom each is for, and who hears of it without having asked. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import Role

TEST: Final = "test"


@dataclass(frozen=True, slots=True)
class Kind:
    """`is_usual_inside`: people of the agency hear of it, unless they choose otherwise."""

    name: str
    of: tuple[Role, ...]
    is_usual_inside: bool = False


_COMPANY: Final[tuple[Role, ...]] = ("company", "operator")
_PROVIDER: Final[tuple[Role, ...]] = ("provider", "operator")
_EVERYBODY: Final[tuple[Role, ...]] = ("company", "provider", "operator")

KINDS: Final = (
    Kind("voucher_balance", _COMPANY),
    Kind("deposit_used_up", _COMPANY),
    Kind("programme_balance", ("operator",), is_usual_inside=True),
    Kind("agreement_ending", _COMPANY, is_usual_inside=True),
    Kind("voucher_ending", _COMPANY, is_usual_inside=True),
    Kind("key_expiring", _COMPANY),
    Kind("company_suspended", _COMPANY, is_usual_inside=True),
    Kind("api_key_suspended", _COMPANY),
    Kind("voucher_suspended", _COMPANY),
    Kind("product_suspended", _EVERYBODY, is_usual_inside=True),
    Kind("provider_suspended", _EVERYBODY, is_usual_inside=True),
    Kind("product_resumed", ("company",)),
    Kind("provider_resumed", ("company",)),
    Kind("product_withdrawn", ("company",)),
    Kind("product_changed", ("company",)),
    Kind("price_added", ("company",)),
    Kind("price_withdrawn", ("company",)),
    Kind("payout_made", _PROVIDER),
)
# What companies are told of products by a notice is an alert of the same name.
OF_NOTICES: Final = tuple(
    kind.name for kind in KINDS if kind.name.startswith(("product_", "provider_", "price_"))
)


def kinds_of(role: Role) -> tuple[str, ...]:
    """What somebody of this role may choose."""
    return tuple(kind.name for kind in KINDS if role in kind.of)


def usual(role: Role) -> tuple[str, ...]:
    """What somebody of this role gets who has chosen nothing: of its own, all."""
    inside = role == "operator"
    return tuple(kind.name for kind in KINDS if role in kind.of and (kind.is_usual_inside or not inside))


def not_of(role: Role, names: Sequence[str]) -> list[str]:
    """Those among `names` that the role cannot choose."""
    return [name for name in names if name not in kinds_of(role)]
