"""A payment from its first word on: begun by a company, refunded by the agency.

The call to the rail is made inside the SQL transaction of the request, under a key made of the request's own
Idempotency-Key: where the commit fails, the repeated request finds the same intent again, and nobody was
given anything to pay with before.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from billing.casework import vouchers
from billing.casework.deeds import Deed, take_step
from billing.casework.rows import lock_budget, row_of, rows_of
from billing.database import Connection
from billing.directory_time import instant_ms
from billing.lifecycle import payment
from billing.lifecycle.table import Refused
from billing.payments import rows
from billing.payments.amounts import card_won, whole_won
from billing.payments.bank_transfer import BankTransfer
from billing.payments.facts import Fact
from billing.payments.learning import learn
from billing.payments.port import Asked, Begun, Cards, Method, RailRefused

FIRST_LOOK_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Wish:
    company_id: str
    method: Method
    amount_micro: int
    voucher_id: str | None = None
    save_card: bool = False
    return_url: str = ""


def payment_id_of(person: str, key: str, day: object) -> str:
    """The same for the same request, so that Stripe knows a repeated one.

    A transfer is known by the beginning of its id, wherever that stands in a line of the bank's statement. So
    its `key` is one that nobody sends: others' lines could be had by trying keys until the reference is a
    text that stands in them.
    """
    name = f"{person}\n{day}\n{key}"
    return f"pay-{hashlib.sha256(name.encode()).hexdigest()[:24]}"


async def begin(
    conn: Connection, wish: Wish, *, key: str, cards: Cards | None, deed: Deed
) -> tuple[str, Begun]:
    """-> the payment's id, and where its payer goes on. Raises Refused and RailUnavailable."""
    won = whole_won(wish.amount_micro) if wish.method == "transfer" else card_won(wish.amount_micro)
    named_by = deed.request_id if wish.method == "transfer" else key
    payment_id = payment_id_of(deed.actor.person, named_by, deed.today)
    state = await _judge(conn, payment_id, wish, can_charge_cards=cards is not None, deed=deed)
    rail = BankTransfer(conn) if wish.method == "transfer" else cards
    assert rail is not None, "the step's conditions say so"
    try:
        begun = await rail.begin(await _asked(conn, payment_id, wish, won))
    except RailRefused as refused:
        raise Refused(
            "card_payment_refused", f"Stripe refused: {refused}.", "결제 요청이 거절되었습니다."
        ) from refused
    row = {
        "id": payment_id,
        "company_id": wish.company_id,
        "rail": rail.name,
        "method": wish.method,
        "voucher_id": wish.voucher_id,
        "amount_micro": wish.amount_micro,
        "save_card": wish.save_card,
        "state": state,
        "intent_id": begun.intent_id,
        "session_id": begun.session_id,
        "person": deed.actor.person,
        "created_at": deed.now,
    }
    if not await rows.insert_payment(conn, row):
        raise Refused("id_taken", "This payment was begun before.", "이미 시작된 결제입니다.")
    if wish.method != "transfer":
        await rows.put_job(conn, "look", payment_id, in_s=FIRST_LOOK_S)
    return payment_id, begun


async def _judge(conn: Connection, payment_id: str, wish: Wish, *, can_charge_cards: bool, deed: Deed) -> str:
    facts = payment.Facts(
        is_company_active=await _is_active(conn, wish.company_id),
        voucher_state=await _voucher_state(conn, wish, deed),
        method=wish.method,
        can_charge_cards=can_charge_cards,
    )
    return await take_step(
        conn,
        payment.TABLE,
        "begin",
        deed=deed,
        thing_id=payment_id,
        state=None,
        company=wish.company_id,
        facts=facts,
        detail={"amount_micro": wish.amount_micro},
    )


async def _asked(conn: Connection, payment_id: str, wish: Wish, won: int) -> Asked:
    kept = await rows_of(conn, "select customer_id from card where company_id = %s", [wish.company_id])
    return Asked(
        payment_id,
        wish.company_id,
        wish.method,
        won,
        save_card=wish.save_card,
        customer_id=kept[0]["customer_id"] if kept else None,
        return_url=wish.return_url,
    )


async def refund(conn: Connection, payment_id: str, amount_micro: int, *, deed: Deed) -> str:
    """Out of the books at once, out of the rail by the worker. -> the refund's id. Raises Refused, Short."""
    await lock_budget(conn)
    row = await rows.locked(conn, payment_id)
    assert row is not None, "the caller has found it"
    now = await rows.find(conn, payment_id)
    whole_won(amount_micro)
    number = await row_of(conn, "select nextval('refund_number') as number")
    refund_id = f"rf-{number['number']:06d}"
    await take_step(
        conn,
        payment.TABLE,
        "refund",
        deed=deed,
        thing_id=payment_id,
        state=row["state"],
        company=row["company_id"],
        facts=payment.Facts(
            paid_micro=now["paid_micro"],
            gone_micro=now["refunded_micro"] + now["lost_micro"],
            refund_micro=amount_micro,
        ),
        detail={"refund": refund_id, "amount_micro": amount_micro},
    )
    await conn.execute(
        "insert into payment_refund (id, payment_id, amount_micro, reason, person, at)"
        " values (%s, %s, %s, %s, %s, %s)",
        [refund_id, payment_id, amount_micro, deed.reason, deed.actor.person, deed.now],
    )
    facts = [Fact("refund", refund_id, "asked", amount_micro)]
    if row["rail"] == "bank":
        # The agency sends it itself, and says so by asking.
        facts.append(Fact("refund", refund_id, "succeeded", amount_micro))
    else:
        await rows.put_job(conn, "refund", refund_id)
    by = deed.by
    await learn(conn, payment_id, facts, by=by, may_owe=False)
    return refund_id


async def _is_active(conn: Connection, company_id: str) -> bool:
    found = await rows_of(conn, "select active from company where id = %s", [company_id])
    return bool(found and found[0]["active"])


async def _voucher_state(conn: Connection, wish: Wish, deed: Deed) -> str | None:
    """Another company's voucher does not exist. Raises Refused."""
    if wish.voucher_id is None:
        return None
    found = await rows_of(conn, f"{vouchers.FIND} where v.id = %s", [wish.voucher_id])
    if not found or found[0]["company_id"] != wish.company_id:
        raise Refused("voucher_unknown", "There is no such voucher.", "해당 바우처가 없습니다.")
    return vouchers.state_of(found[0], instant_ms(deed.now))
