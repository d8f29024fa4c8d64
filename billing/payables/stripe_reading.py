"""What Stripe's transfers and connected accounts say. Pure, and trusting no field's type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from billing.payables.facts import Told

Json = Mapping[str, Any]
_BY_HAND: Final = "reversed at Stripe"
PAYOUT_ID: Final = re.compile(r"po-[0-9]{6,18}")
_TRANSFER_ID: Final = re.compile(r"tr_[A-Za-z0-9_]{1,250}")
_REVERSAL_ID: Final = re.compile(r"trr_[A-Za-z0-9_]{1,250}")


@dataclass(frozen=True, slots=True)
class ReadTransfer:
    """`back_won`: of it was reversed, by hands at Stripe, at once or in parts."""

    payout_id: str
    transfer_id: str
    won: int
    back_won: int

    def told(self, reversals: Iterable[Json] = ()) -> tuple[Told, ...]:
        """`reversals`: all of the transfer's. One of all of it leaves no room for another."""
        found = [Told(self.payout_id, "paid", ref=self.transfer_id)]
        for ref, won in sorted(_parts(reversals, self.transfer_id)):
            if won == self.won:
                back = Told(self.payout_id, "returned", ref=self.transfer_id, reason=_BY_HAND)
            else:
                back = Told(self.payout_id, "reversed", ref=ref, reason=_BY_HAND, won=won)
            found.append(back)
        return tuple(found)


def read_transfer(transfer: Json) -> ReadTransfer | None:
    """None: not one of ours, or not in won. Both names of ours must be on it, and say the same."""
    metadata = transfer.get("metadata")
    ours = metadata.get("payout") if isinstance(metadata, Mapping) else None
    transfer_id, won, back = (transfer.get(name) for name in ("id", "amount", "amount_reversed"))
    if not isinstance(ours, str) or PAYOUT_ID.fullmatch(ours) is None:
        return None
    if transfer.get("transfer_group") != ours or transfer.get("currency") != "krw":
        return None
    if not isinstance(transfer_id, str) or _TRANSFER_ID.fullmatch(transfer_id) is None:
        return None
    if type(won) is not int or type(back) is not int or not 0 <= back <= won:
        return None
    return ReadTransfer(ours, transfer_id, won, back)


def _parts(reversals: Iterable[Json], transfer_id: str) -> Iterable[tuple[str, int]]:
    for one in reversals:
        ref, won = one.get("id"), one.get("amount")
        if one.get("transfer") != transfer_id or one.get("currency") != "krw":
            continue
        if isinstance(ref, str) and _REVERSAL_ID.fullmatch(ref) and type(won) is int and won > 0:
            yield ref, won


def takes_transfers(account: Json) -> bool:
    """A connected account receives transfers once its capability is active and nothing was deleted."""
    capabilities = account.get("capabilities")
    return (
        isinstance(capabilities, Mapping)
        and capabilities.get("transfers") == "active"
        and account.get("deleted") is not True
    )
