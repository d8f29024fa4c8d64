"""Approved payables are paid: by a file for the bank, or by a transfer that the worker sends.

What is handed to a rail has left what is owed in the same SQL transaction, so that it is in the books before
anybody could pay it twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from billing.casework.deeds import Deed, take_step
from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from billing.lifecycle import payable as life
from billing.lifecycle.table import Refused
from billing.payables import rows
from billing.payables.accounts import destination
from billing.payables.bank_file import PAYOUTS_MAX, BadResults, BankFile, Result, read_results
from billing.payables.booking import learn
from billing.payables.facts import Told
from billing.payables.moving import facts_of
from billing.payables.port import Outgoing
from billing.payments.rows import put_job
from billing.secrets import Secrets

FIND_BATCHES: Final = """
    select b.id, b.payouts, b.amount_won, b.file_sha256, b.person, b.at,
           (select count(*)::integer from payout o where o.batch_id = b.id and exists (
               select from payout_fact f where f.payout_id = o.id and f.word = 'paid')) as paid,
           (select count(*)::integer from payout o where o.batch_id = b.id and exists (
               select from payout_fact f where f.payout_id = o.id and f.word = 'returned')) as returned
    from payout_batch b"""


async def pay_by_file(conn: Connection, secrets: Secrets, payable_ids: Sequence[str], *, deed: Deed) -> str:
    """All of them, or none. -> the batch's id. Raises Refused."""
    ids = sorted(set(payable_ids))
    if not 0 < len(ids) <= PAYOUTS_MAX:
        raise Refused(
            "batch_size", f"A file has 1 to {PAYOUTS_MAX} payments.", f"한 파일은 1~{PAYOUTS_MAX}건입니다."
        )
    batch_id = await rows.new_id(conn, "payout_batch_number", "pb")
    outgoing = [await _outgoing(conn, secrets, one, "bank", deed=deed) for one in ids]
    rail = BankFile()
    await rail.send([one for one, _ in outgoing])
    await conn.execute(
        "insert into payout_batch (id, payouts, amount_won, file_sha256, sealed, person, at)"
        " values (%s, %s, %s, %s, %s, %s, %s)",
        [
            batch_id,
            len(outgoing),
            sum(one.won for one, _ in outgoing),
            rail.sha256,
            secrets.seal(rail.content, row=_row_of(batch_id)),
            deed.actor.person,
            deed.now,
        ],
    )
    for one, (payable, account) in outgoing:
        await _write(conn, one, payable, account, rail="bank", batch_id=batch_id, deed=deed)
    await learn(conn, [Told(one.payout_id, "sent", ref=batch_id) for one, _ in outgoing], by=deed.by)
    return batch_id


async def pay_by_transfer(
    conn: Connection, secrets: Secrets, payable_id: str, *, is_on: bool, deed: Deed
) -> str:
    """The worker sends it. -> the payment's id. Raises Refused."""
    one, (payable, account) = await _outgoing(conn, secrets, payable_id, "stripe", deed=deed, is_on=is_on)
    await _write(conn, one, payable, account, rail="stripe", batch_id=None, deed=deed)
    await learn(conn, [Told(one.payout_id, "sent")], by=deed.by)
    await put_job(conn, "transfer", one.payout_id)
    return one.payout_id


async def _outgoing(
    conn: Connection, secrets: Secrets, payable_id: str, rail: str, *, deed: Deed, is_on: bool = True
) -> tuple[Outgoing, tuple[Row, Row]]:
    """Judged and logged; the payable's own state follows when the payment is written. Raises Refused."""
    payable = await rows.locked(conn, payable_id)
    account = await rows.account_in_force(conn, payable["provider_id"], rail)
    payout_id = await rows.new_id(conn, "payout_number", "po")
    state = await take_step(
        conn,
        life.TABLE,
        "pay",
        deed=deed,
        thing_id=payable_id,
        state=payable["state"],
        provider=payable["provider_id"],
        facts=facts_of(payable, deed, has_account=account is not None, is_rail_on=is_on),
        detail={"payout": payout_id, "rail": rail, "amount_won": payable["amount_won"]},
    )
    assert account is not None, "the step's conditions say so"
    await conn.execute("update payable set state = %s where id = %s", [state, payable_id])
    memo = f"{payable['month']} {payable_id}"
    outgoing = Outgoing(payout_id, payable["amount_won"], memo, destination(account, secrets))
    return outgoing, (payable, account)


async def _write(
    conn: Connection,
    one: Outgoing,
    payable: Row,
    account: Row,
    *,
    rail: str,
    batch_id: str | None,
    deed: Deed,
) -> None:
    await conn.execute(
        "insert into payout (id, payable_id, provider_id, rail, account_id, batch_id, amount_won, memo,"
        " person, at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            one.payout_id,
            payable["id"],
            payable["provider_id"],
            rail,
            account["id"],
            batch_id,
            one.won,
            one.memo,
            deed.actor.person,
            deed.now,
        ],
    )


async def file_of(conn: Connection, secrets: Secrets, batch_id: str) -> BankFile:
    """As it was written, to the byte. Raises Refused."""
    row = await row_of(conn, "select sealed, file_sha256 from payout_batch where id = %s", [batch_id])
    file = BankFile(content=secrets.unseal(bytes(row["sealed"]), row=_row_of(batch_id)))
    assert file.sha256 == row["file_sha256"], "what is sealed is what was hashed"
    return file


async def enter_results(conn: Connection, batch_id: str, text: str, *, deed: Deed) -> int:
    """What the bank says of a batch's payments: all of it, or none. -> how much of it was new.

    A line that was entered before does nothing. Raises Refused and BadResults.
    """
    payouts = {
        row["id"]: row
        for row in await rows_of(conn, f"{rows.FIND_PAYOUTS} where o.batch_id = %s", [batch_id])
    }
    results = read_results(text)
    for one in results:
        _check(one, payouts.get(one.payout_id))
    told = await BankFile(results=results).look(list(payouts))
    return await learn(conn, told, by=deed.by)


def _check(one: Result, payout: Row | None) -> None:
    if payout is None:
        raise BadResults(one.line, "payout", "It is not in this batch.", "이 지급 파일에 없는 번호입니다.")
    if payout["amount_won"] != one.won:
        raise BadResults(
            one.line,
            "amount_won",
            f"The payment was of {payout['amount_won']} won.",
            "지급한 금액과 다릅니다.",
        )
    if one.word == "paid" and payout["state"] == "returned":
        raise BadResults(
            one.line,
            "result",
            "It came back before: what is paid anew has another number.",
            "이미 반송된 지급입니다.",
        )


def _row_of(batch_id: str) -> str:
    return f"payout_batch/{batch_id}"
