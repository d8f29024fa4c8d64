"""What becomes of a company's own money: refunds, disputes, and Stripe failing in between."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from billing.payments.work import PaymentWork
from tests.fakes.books_world import LANE, WON
from tests.fakes.books_world import World as Books
from tests.fakes.declared_world import World
from tests.fakes.payments_world import VOUCHER_ID, PaymentsWorld

WHY = {"reason": "환불 요청"}


async def worked_with_a_purse(world: PaymentsWorld) -> None:
    """As the worker's role does: what was lent is asked for before anybody owes."""

    async def get_back(_: Any, funds: Any) -> None:
        await world.office.get_back(funds)

    work = PaymentWork(world.rail, get_back=get_back, now=lambda: world.office.now)
    while await work.work_once(world.conn):
        pass


async def test_a_refund_leaves_the_books_first_and_is_sent_once(world: PaymentsWorld) -> None:
    payment, intent = await world.paid(50_000)
    await world.heard()
    assert (await world.state(payment), await world.deposit()) == ("paid", "150000")
    path = f"payments/{payment}/refund"
    assert await world.office.refused("operator", path, {"amount_krw": 50_001, **WHY}) == (409, "above_paid")
    parts = await world.office.refused("operator", path, {"amount_krw": "0.5", **WHY})
    assert parts == (409, "not_whole_won")
    await world.office.post("operator", path, {"amount_krw": 20_000, **WHY})
    assert await world.deposit() == "130000"
    # Stripe does it and its answer is lost, twice; then it is asked what there is.
    world.stripe.faults = lambda what: "after" if what == "POST /v1/refunds" else None
    await world.worked()
    world.stripe.faults = lambda what: None
    await world.hurry()
    await world.heard()
    assert [one["amount"] for one in world.objects.of("refund", payment_intent=intent)] == [20_000]
    shown = await world.office.get("gaonde", f"payments/{payment}")
    assert (shown["state"], shown["refunded_krw"]) == ("partly_refunded", "20000")
    # The next one fails at the bank, days after it had succeeded: the money is the company's own again.
    await world.office.post("operator", path, {"amount_krw": 30_000, **WHY})
    await world.heard()
    assert await world.state(payment) == "refunded"
    world.objects.refund_becomes(world.objects.of("refund")[0]["id"], "failed")
    await world.heard()
    assert (await world.state(payment), await world.own()) == ("partly_refunded", ("30000", "0"))
    assert (await world.accounts())["clearing/stripe"] == "-28200"  # what Stripe keeps of 50,000 stays there
    again = await world.office.refused("operator", path, {"amount_krw": 30_001, **WHY})
    assert again == (409, "above_paid")
    log = (await world.office.get("auditor", f"payments/{payment}/log"))["data"]
    assert [one["action"] for one in log] == [
        *("begin", "pay", "refund", "refund_part", "refund", "refund_all", "refund_part")
    ]


async def test_what_stripe_refuses_to_send_back_is_there_again(world: PaymentsWorld) -> None:
    payment, intent = await world.paid(50_000, voucher=None)
    await world.heard()
    await world.office.post("operator", f"payments/{payment}/refund", {"amount_krw": 50_000, **WHY})
    assert await world.own() == ("0", "0")
    del world.objects.things[intent]  # as where the charge was refunded elsewhere, or is too old
    await world.worked()
    assert (await world.state(payment), await world.own()) == ("paid", ("50000", "0"))
    await world.office.books()


async def test_only_what_is_free_goes_back_and_a_lost_dispute_leaves_a_debt(world: PaymentsWorld) -> None:
    """The line reaches 160,000 won by a self share of 40,000, and a call holds 100,000 of them."""
    await World(world.conn, world.office.secrets).apply(
        f"programmes:\n- {{id: ai-2026, ends_on: 2099-12-31}}\n"  # money is lent by the database's clock
        f"vouchers:\n- {{id: {VOUCHER_ID}, self_deposit_krw: 0}}\n"
    )
    payment, intent = await world.paid(40_000)
    await world.heard()
    books = Books(world.office.pool)
    world.office.purse = books.purse
    n = await books.treasury.current_epoch(LANE)
    await books.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER_ID, need_micro=160_000 * WON)
    await books.reserve(n, 100_000 * WON)
    path = f"payments/{payment}/refund"
    refused = await world.office.refused("operator", path, {"amount_krw": 20_000, **WHY})
    assert refused == (409, "not_free")
    await world.office.post("operator", path, {"amount_krw": 15_000, **WHY})
    await world.heard()
    assert (await world.state(payment), await world.deposit()) == ("partly_refunded", "25000")
    dispute = world.objects.dispute(intent, 25_000)
    await world.heard()
    assert (await world.state(payment), await world.own()) == ("disputed", ("0", "0"))
    world.objects.decide(dispute["id"], "lost")
    await world.heard()
    assert (await world.state(payment), await world.own()) == ("lost", ("0", "25000"))
    assert (await world.accounts())["company/gaonde/receivable"] == "-25000"
    # What comes in as own money settles the debt first; what comes in for a voucher does not.
    await world.paid(10_000, voucher=None)
    await world.paid(5_000)
    await world.heard()
    assert (await world.own(), await world.deposit()) == (("0", "15000"), "30000")
    # An appeal is won after all: the rest of the debt is gone, and what was paid of it is there again.
    world.objects.decide(dispute["id"], "won")
    await world.heard()
    assert (await world.state(payment), await world.own()) == ("partly_refunded", ("10000", "0"))
    await world.office.books()


async def test_the_rest_of_what_was_lost_in_part_can_go_back(world: PaymentsWorld) -> None:
    payment, intent = await world.paid(50_000, voucher=None)
    await world.heard()
    world.objects.decide(world.objects.dispute(intent, 20_000)["id"], "lost")
    await world.heard()
    assert (await world.state(payment), await world.own()) == ("lost", ("30000", "0"))
    path = f"payments/{payment}/refund"
    assert await world.office.refused("operator", path, {"amount_krw": 30_001, **WHY}) == (409, "above_paid")
    await world.office.post("operator", path, {"amount_krw": 30_000, **WHY})
    await world.heard()
    assert (await world.state(payment), await world.own()) == ("lost", ("0", "0"))
    assert [one["amount"] for one in world.objects.of("refund", payment_intent=intent)] == [30_000]
    await world.office.books()


async def test_idle_money_comes_back_from_the_purse_for_a_lost_dispute(world: PaymentsWorld) -> None:
    await World(world.conn, world.office.secrets).apply(
        f"vouchers:\n- {{id: {VOUCHER_ID}, self_deposit_krw: 0}}\n"
    )
    _, intent = await world.paid(40_000)
    await world.heard()
    books = Books(world.office.pool)
    world.office.purse = books.purse
    n = await books.treasury.current_epoch(LANE)
    await books.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER_ID, need_micro=160_000 * WON)
    world.objects.decide(world.objects.dispute(intent, 40_000)["id"], "lost")
    await world.tell_all()

    await worked_with_a_purse(world)
    assert (await world.own(), await world.deposit()) == (("0", "0"), "0")
    await world.office.books()


async def test_a_lost_dispute_is_booked_where_nothing_lent_can_pay_it(world: PaymentsWorld) -> None:
    """A worker with a purse used to refuse it as a person's refund is refused, and tried again for ever."""
    payment, intent = await world.paid(50_000, voucher=None)
    await world.heard()
    await world.office.post("gaonde", f"vouchers/{VOUCHER_ID}/pay-in", {"amount_krw": 45_000})
    world.objects.decide(world.objects.dispute(intent, 30_000)["id"], "lost")
    world.objects.refund(intent, 10_000)
    await world.tell_all()
    await worked_with_a_purse(world)
    assert (await world.state(payment), await world.own()) == ("lost", ("0", "35000"))
    assert [job["kind"] for job in await world.jobs()] == ["look"]
    await world.office.books()


async def test_own_money_goes_to_a_voucher_by_its_company_s_word(world: PaymentsWorld) -> None:
    payment, _ = await world.paid(50_000, voucher=None)
    await world.heard()
    assert await world.own() == ("50000", "0")
    path = f"vouchers/{VOUCHER_ID}/pay-in"
    assert await world.office.refused("hanbit", path, {"amount_krw": 1}) == (404, "not_found")
    more = await world.office.refused("gaonde", path, {"amount_krw": 50_001})
    assert more == (409, "own_money_short")
    shown = await world.office.post("gaonde", path, {"amount_krw": "49999.5"})
    assert shown["self_deposit_krw"] == "149999.5"
    assert await world.own() == ("0.5", "0")
    refused = await world.office.refused(
        "operator", f"payments/{payment}/refund", {"amount_krw": 50_000, **WHY}
    )
    assert refused == (409, "not_free")
    await world.office.books()


async def test_money_for_a_voucher_that_has_ended_meanwhile_stays_the_company_s_own(
    world: PaymentsWorld,
) -> None:
    payment, _ = await world.paid(50_000)
    await world.office.post("operator", f"vouchers/{VOUCHER_ID}/end", {"reason": "협약 위반"})
    await world.heard()
    assert (await world.state(payment), await world.own()) == ("paid", ("50000", "0"))
    asked = {"amount_krw": 50_000, "method": "intent", "voucher": VOUCHER_ID}
    assert await world.office.refused("gaonde", "payments", asked) == (409, "voucher_not_alive")


async def test_a_payment_without_any_webhook_is_found_by_asking(world: PaymentsWorld) -> None:
    payment, _ = await world.paid(50_000)
    session = (await world.begin(5_000, "checkout"))["checkout_url"].split("/")[-1]
    await world.conn.execute("update payment_job set due_at = clock_timestamp()")
    await world.worked()
    assert await world.state(payment) == "paid"
    world.objects.pay_session(session)
    await world.conn.execute("update payment_job set due_at = clock_timestamp()")
    await world.worked()
    assert (await world.own(), await world.deposit()) == (("5000", "0"), "150000")
    assert await world.jobs() == []


async def test_what_nobody_paid_in_a_day_cannot_be_paid_any_more(world: PaymentsWorld) -> None:
    begun = await world.begin(50_000)
    late, _ = await world.paid(20_000)
    world.office.now += timedelta(hours=27)
    await world.conn.execute("update payment_job set due_at = clock_timestamp()")
    await world.worked()
    assert (await world.state(begun["id"]), await world.state(late)) == ("failed", "paid")
    assert {one["status"] for one in world.objects.of("payment_intent")} == {"canceled", "succeeded"}
    assert await world.jobs() == []


async def test_a_payment_is_begun_once_whatever_answer_is_lost(world: PaymentsWorld) -> None:
    asked = {"amount_krw": 50_000, "method": "intent", "voucher": VOUCHER_ID}
    world.stripe.faults = lambda what: "after"
    lost = await world.office.call("gaonde", "POST", "payments", asked, key="one")
    assert (lost.status_code, lost.json()["code"]) == (503, "stripe_unavailable")
    world.stripe.faults = lambda what: None
    answers = [await world.office.call("gaonde", "POST", "payments", asked, key="one") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert len(world.objects.of("payment_intent")) == 1


async def test_what_a_card_cannot_pay_is_refused_before_stripe_is_asked(world: PaymentsWorld) -> None:
    for amount, code in (
        (999, "below_card_minimum"),
        (100_000_000, "above_card_maximum"),
        ("1000.5", "not_whole_won"),
    ):
        assert await world.office.refused("gaonde", "payments", {"amount_krw": amount}) == (409, code)
    other = {"amount_krw": 5_000, "voucher": "hanbit-2026"}
    assert await world.office.refused("gaonde", "payments", other) == (422, "voucher_unknown")
    assert world.stripe.asked == []
