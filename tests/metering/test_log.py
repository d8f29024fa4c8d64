"""The stream of a lane keeps what the books have not committed, whatever else goes."""

from __future__ import annotations

from metering.purse_redis import RedisPurse

LANE = 7


async def test_only_what_is_named_is_deleted(purse: RedisPurse) -> None:
    """An older entry may be unread: after a failover the books have seen later ones of another primary."""
    ids = [await purse.note(lane=LANE, kind="settled", op=op, n=1, event=b"{}") for op in "abc"]
    await purse.delete_log(lane=LANE, entry_ids=[ids[1]])
    assert [entry.op for entry in await purse.read_log(lane=LANE, count=10)] == ["a", "c"]
