"""What an epoch did not use goes back to the vouchers, once nobody is left who could still charge it.

An epoch is closing from the moment the next one exists. Its money returns when its holds of dead gateways
are swept (`drained`, or a third epoch exists) and every gateway that is not buried has left it or is gone. So
must one that is younger than the epoch: who came first would be a question to a clock, and clocks are set
back. Claims stay out of the return until they are settled; with the last of them the epoch is closed.
"""

from __future__ import annotations

from collections.abc import Sequence

from billing.database import Connection
from billing.ledger import rules
from billing.ledger.store import append_entries
from billing.loans import bump_open_loans

_READY = """
    select e.lane, e.n from lane_epoch e
    where e.state = 'closing' and e.lane = any(%(lanes)s)
      and (e.drained or exists (select from lane_epoch later where later.lane = e.lane and later.n > e.n + 1))
      and not exists (
          select from gateway g
          where g.buried_at is null
            and not exists (select from left_epoch l where (l.lane, l.n, l.gateway_id) = (e.lane, e.n, g.id))
            and not exists (select from gone_gateway d where (d.lane, d.gateway_id) = (e.lane, g.id)))
    order by e.lane, e.n"""


async def end_unused_epochs(conn: Connection, *, lanes: Sequence[int]) -> int:
    """Of open epochs those that every gateway has left: nothing is held or on its way in them. -> how many

    So the books of a house that was stopped in peace show nothing as held when it is there again. Whoever
    registers meanwhile did so before it asked for an epoch: it is seen here, or it finds none open.
    """
    cursor = await conn.execute(
        "update lane_epoch e set state = 'closing', drained = true, fenced_at = clock_timestamp()"
        " where e.state = 'open' and e.lane = any(%s) and not exists (select from gateway g"
        "  where g.buried_at is null and not exists"
        "  (select from left_epoch l where (l.lane, l.n, l.gateway_id) = (e.lane, e.n, g.id)))",
        [list(lanes)],
    )
    return cursor.rowcount


async def close_epochs(conn: Connection, *, lanes: Sequence[int]) -> int:
    """Return what ready epochs have left. -> how many loans gave something back."""
    cursor = await conn.execute(_READY, {"lanes": list(lanes)})
    changed = 0
    for lane, n in await cursor.fetchall():
        changed += await _give_back(conn, lane=lane, n=n)
    return changed


async def _give_back(conn: Connection, *, lane: int, n: int) -> int:
    async with conn.transaction():
        await conn.execute(
            "select from funds where voucher_id in (select voucher_id from loan where lane = %s and n = %s)"
            " order by voucher_id for update",
            [lane, n],
        )
        cursor = await conn.execute(
            "select f.voucher_id, f.company_id, f.programme_id,"
            " greatest(0, l.lent_micro - l.posted_micro - l.returned_micro - coalesce(c.claimed, 0))::bigint"
            " from loan l join funds f using (voucher_id) left join"
            " (select voucher_id, sum(amount_micro) as claimed from claim where lane = %s and n = %s"
            "  group by voucher_id) c using (voucher_id)"
            " where l.lane = %s and l.n = %s order by f.voucher_id",
            [lane, n, lane, n],
        )
        backs = [(rules.VoucherRef(*row[:3]), row[3]) for row in await cursor.fetchall() if row[3]]
        if backs:
            await _book(conn, backs, lane=lane, n=n)
        await conn.execute(
            "update lane_epoch set state = 'closed', closed_at = clock_timestamp() where lane = %s and n = %s"
            " and not exists (select from claim where lane = %s and n = %s)",
            [lane, n, lane, n],
        )
        await conn.execute("delete from uncounted where lane = %s and n = %s", [lane, n])
        await bump_open_loans(conn, [voucher.voucher_id for voucher, _ in backs])
    return len(backs)


async def _book(
    conn: Connection, backs: Sequence[tuple[rules.VoucherRef, int]], *, lane: int, n: int
) -> None:
    vouchers = [voucher.voucher_id for voucher, _ in backs]
    amounts = [back for _, back in backs]
    await conn.execute(
        "update loan l set returned_micro = l.returned_micro + b.back"
        " from unnest(%s::text[], %s::bigint[]) as b (voucher_id, back)"
        " where l.lane = %s and l.n = %s and l.voucher_id = b.voucher_id",
        [vouchers, amounts, lane, n],
    )
    await conn.execute(
        "update funds f set free_micro = f.free_micro + b.back"
        " from unnest(%s::text[], %s::bigint[]) as b (voucher_id, back) where f.voucher_id = b.voucher_id",
        [vouchers, amounts],
    )
    entries = [rules.give_back(voucher, lane=lane, n=n, amount_micro=back) for voucher, back in backs]
    await append_entries(conn, entries)
