"""How a call ended, as its log line, its metrics and its client are told."""

from __future__ import annotations

import msgspec

from metering.event import UsageEvent
from metering.purse import Settled


class Outcome(msgspec.Struct):
    """How a call ended, for the canonical log line and the metrics."""

    event: UsageEvent
    balance: Settled | None
