"""What Stripe's transfers and connected accounts say. Pure, and trusting no field's type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from billing.payables.facts import Told

Json = Mapping[str, Any]
PAYOUT_ID: Final = re.compile(r"po-[0-9]{6,18}")
_TRANSFER_ID: Final = re.compile(r"tr_[A-Za-z0-9_]{1,250}")


@dataclass(frozen=True, slots=True)
class ReadTransfer:
    """`is_partly_back`: a part of it was reversed, by a hand at Stripe: a person has to look."""

    payout_id: str
    transfer_id: str
    won: int
    is_back: bool
    is_partly_back: bool

    @property
    def told(self) -> tuple[Told, ...]:
        paid = Told(self.payout_id, "paid", ref=self.transfer_id)
        if not self.is_back:
            return (paid,)
        return (paid, Told(self.payout_id, "returned", ref=self.transfer_id, reason="reversed at Stripe"))


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
    is_back = transfer.get("reversed") is True and back == won
    return ReadTransfer(ours, transfer_id, won, is_back, back > 0 and not is_back)


def takes_transfers(account: Json) -> bool:
    """A connected account receives transfers once its capability is active and nothing was deleted."""
    capabilities = account.get("capabilities")
    return (
        isinstance(capabilities, Mapping)
        and capabilities.get("transfers") == "active"
        and account.get("deleted") is not True
    )
