"""What the books, the purse and the model said when a law broke: for the trace of that seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.simulation.world import World

LINE_CHARS_MAX: Final = 400
_TABLES: Final = {
    "usage": "op, voucher_id, step, kind, n, charge_micro, uncollected_micro, from_loan_micro,"
    " from_free_micro, gateway_id, seq",
    "loan": "*",
    "claim": "*",
    "uncounted": "*",
    "lane_epoch": "lane, n, state, drained, opened",
    "left_epoch": "lane, n, gateway_id",
    "gateway": "id, seen_at, ended_at, buried_at",
    "funds": "voucher_id, free_micro, charged_micro, direct_micro, capacity_micro",
}


def evidence(world: World) -> Iterator[str]:
    for table, columns in _TABLES.items():
        for row in world.rows(f"select {columns} from {table}"):
            yield f"{table} {row}"[:LINE_CHARS_MAX]
    for call in world.model.calls:
        if call.voucher is not None:
            yield f"call {call}"[:LINE_CHARS_MAX]
    for server in (world.primary, *world.others):
        for key, value in server.data.values.items():
            if b":v:" in key or b":h:" in key:
                yield f"{server.name} {key!r} {value}"[:LINE_CHARS_MAX]
