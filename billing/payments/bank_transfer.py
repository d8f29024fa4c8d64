"""Bank transfer as a rail: the company is told what to write, the agency enters what came in.

A line of the bank's statement, or the notice of a virtual account, has the bank's own id and is entered once.
It belongs to the payment whose reference stands in it; where none does, a person says whose it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from billing.casework.deeds import Deed, take_step
from billing.casework.rows import Row, lock_budget, rows_of
from billing.database import Connection
from billing.lifecycle import payment
from billing.lifecycle.table import Refused
from billing.payments import rows
from billing.payments.amounts import whole_won
from billing.payments.facts import Fact
from billing.payments.learning import learn
from billing.payments.port import Asked, Back, Begun, Named, Seen

# Short enough for the field of a transfer, long enough to be nobody else's.
REFERENCE_CHARACTERS: Final = 8
_REFERENCE: Final = re.compile(r"[0-9A-F]{8}")

FIND_LINES: Final = """
    select b.*, p.id as payment_id, p.company_id from bank_line b
    left join payment p on p.rail = 'bank' and p.intent_id = b.id"""


def reference_of(payment_id: str) -> str:
    return payment_id.removeprefix("pay-")[:REFERENCE_CHARACTERS].upper()


class BankTransfer:
    """billing.payments.port.Rail, over the lines that were entered."""

    name: Final = "bank"

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def begin(self, asked: Asked) -> Begun:
        return Begun(transfer_reference=reference_of(asked.payment_id))

    async def look(self, named: Named) -> Seen | None:
        found = await rows_of(self._conn, f"{FIND_LINES} where b.id = %s", [named.intent_id])
        if not found or found[0]["payment_id"] is None:
            return None
        line = found[0]
        return Seen(line["payment_id"], line["id"], (Fact("payment", "", "paid", line["amount_micro"]),))

    async def give_back(self, back: Back) -> None:
        """A person sends it, and has said so by asking for it."""


async def enter_line(conn: Connection, line: Mapping[str, Any], *, deed: Deed) -> None:
    """Raises Refused where the bank's id was entered before."""
    await lock_budget(conn)  # two lines of one reference: the second finds that the first belongs
    whole_won(line["amount_micro"])
    names = ("id", "amount_micro", "paid_on", "sender", "memo")
    cursor = await conn.execute(
        "insert into bank_line (id, amount_micro, paid_on, sender, memo, person, at)"
        " values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing returning 1",
        [*(line[name] for name in names), deed.actor.person, deed.now],
    )
    if await cursor.fetchone() is None:
        raise Refused("line_entered", "This line was entered before.", "이미 등록된 입금 내역입니다.")
    begun = await _named_in(conn, f"{line['memo']} {line['sender']}")
    if begun is not None:
        await _belongs(conn, begun["id"], line["id"], deed=deed)


async def match_line(
    conn: Connection, line_id: str, *, company_id: str, voucher_id: str | None, deed: Deed
) -> None:
    """A person says whose it is: a payment that nobody began. Raises Refused."""
    line = await find_line(conn, line_id, lock=True)
    if line["payment_id"] is not None:
        raise Refused("line_matched", "This line belongs to a payment.", "이미 매칭된 입금 내역입니다.")
    is_active = await _is_active(conn, company_id, voucher_id)
    payment_id = f"pay-{_hash_of(line_id)}"
    await take_step(
        conn,
        payment.TABLE,
        "receive",
        deed=deed,
        thing_id=payment_id,
        state=None,
        company=company_id,
        facts=payment.Facts(is_company_active=is_active, method="transfer"),
        detail={"bank_line": line_id, "amount_micro": line["amount_micro"]},
    )
    await rows.insert_payment(
        conn,
        {
            "id": payment_id,
            "company_id": company_id,
            "rail": "bank",
            "method": "transfer",
            "voucher_id": voucher_id,
            "amount_micro": line["amount_micro"],
            "save_card": False,
            "state": "started",
            "person": deed.actor.person,
            "created_at": deed.now,
        },
    )
    await _belongs(conn, payment_id, line_id, deed=deed)


async def _is_active(conn: Connection, company_id: str, voucher_id: str | None) -> bool:
    """Of a company that is there, with this voucher. Raises Refused."""
    owner = await rows_of(conn, "select active from company where id = %s", [company_id])
    if not owner:
        raise Refused("company_unknown", "There is no such company.", "해당 기업이 없습니다.")
    if voucher_id is not None and not await rows_of(
        conn, "select 1 from voucher where (id, company_id) = (%s, %s)", [voucher_id, company_id]
    ):
        raise Refused("voucher_unknown", "There is no such voucher.", "해당 바우처가 없습니다.")
    return bool(owner[0]["active"])


async def find_line(conn: Connection, line_id: str, *, lock: bool = False) -> Row:
    """Raises Refused."""
    if lock:
        await conn.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"bank line {line_id}"])
    found = await rows_of(conn, f"{FIND_LINES} where b.id = %s", [line_id])
    if not found:
        raise Refused("not_found", "There is nothing of this id.", "해당 항목이 없습니다.")
    return found[0]


async def _named_in(conn: Connection, text: str) -> Row | None:
    """The begun transfer whose reference stands in the text; None where there is none, or more than one."""
    references = set(_REFERENCE.findall(text.upper()))
    if not references:
        return None
    found = await rows_of(
        conn,
        "select id from payment where rail = 'bank' and intent_id is null and state = 'started'"
        " and upper(substr(id, 5, 8)) = any(%s)",
        [list(references)],
    )
    return found[0] if len(found) == 1 else None


async def _belongs(conn: Connection, payment_id: str, line_id: str, *, deed: Deed) -> None:
    await conn.execute("update payment set intent_id = %s where id = %s", [line_id, payment_id])
    seen = await BankTransfer(conn).look(Named(intent_id=line_id))
    assert seen is not None, "just joined"
    by = deed.by
    await learn(conn, payment_id, seen.facts, by=by)


def _hash_of(line_id: str) -> str:
    return hashlib.sha256(f"bank line\n{line_id}".encode()).hexdigest()[:24]
