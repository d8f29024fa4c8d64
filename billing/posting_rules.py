"""What a batch of events does to the books. Pure: locked state in, rows and new state out.

    settled or swept, new    from the loan of its epoch, then from what is free, then uncollected
    settled after swept      the difference, either sign; what a closed loan gets back is free. Made again
                             elsewhere: the sweep is taken back, the call booked where it is settled,
                             unless it is settled without a charge by another gateway
    swept after settled      nothing; so is the same event again, but where the purse counts it only now
    swept after swept        the higher checkpoint: Valkey forgot it, a journal did not
    settled after settled    nothing, but where the call was made again: a charge after an end without one,
                             and that of a later try, whose answer the caller has
    anything after corrected nothing (apply_correction)
    left                     its events; claims for its open holds while the epoch is not closed
    gone                     counts as left for every epoch of the lane; its claims are dropped
    drained, opened          marks
    anything else            parked with its reason; the others go on

The government's and the company's parts are steps on the voucher's line, in posting order. Every check comes
before the first change, so that a parked event leaves no trace.
"""

from __future__ import annotations

from msgspec.structs import replace

from billing.ledger.journal import EntryKind
from billing.ledger.rules import ChargeTotals, VoucherRef
from billing.posting_columns import Unreadable, copy_text
from billing.posting_counted import counted_after_all, follow_purse, note_counted
from billing.posting_events import Charge, Decoded, GatewayGone, Left, OpenClaim
from billing.posting_state import (
    NOTHING_BOOKED,
    Booked,
    BooksState,
    ChargeGroup,
    FundsState,
    LoanState,
    Outcome,
    ParkedEvent,
    UsageRow,
)
from metering.shares import split_micro


def apply_event(books: BooksState, out: Outcome, event: Decoded) -> None:
    """Raises Unreadable, before any change, where the event cannot be applied."""
    if isinstance(event, Charge):
        _apply_charge(books, out, event)
        if event.kind == "settled" or event.is_floor:
            # No other sweep is acknowledged: the gateway may still have to tell what the call really cost.
            out.acknowledge(event.lane, event.gateway_id, event.op)
    elif isinstance(event, Left):
        _apply_left(books, out, event)
    elif isinstance(event, GatewayGone):
        _apply_gone(books, out, event)
    else:
        out.marks.append(event)


def _apply_charge(books: BooksState, out: Outcome, event: Charge) -> None:
    funds = books.funds.get(event.voucher_id)
    if funds is None or funds.company_id != event.company_id:
        raise Unreadable(f"{event.company_id} has no voucher {event.voucher_id}")
    _drop_claim(books, out, event)
    before = books.booked.get(event.op, NOTHING_BOOKED)
    loan = books.loans.get((event.lane, event.n, event.voucher_id))
    is_first_here = before.n != event.n
    if before is not NOTHING_BOOKED:
        if not _says_more(event, before):
            counted_after_all(books, out, loan, event)
            return
        if (before.voucher_id, before.n) != (event.voucher_id, event.n):
            before = _take_back(books, out, event, before)
    _book(books, out, loan, event, before)
    note_counted(books, out, loan, event, is_first_here=is_first_here)


def apply_correction(books: BooksState, out: Outcome, event: Charge) -> None:
    """What a call should have cost, as two people agreed. Raises Unreadable, before any change.

    More is drawn from what is free alone (`taken_micro` is 0), for a loan's rest is held by other calls; what
    that does not pay is uncollected.
    """
    before = books.booked.get(event.op)
    if before is None or (before.voucher_id, before.n) != (event.voucher_id, event.n):
        raise Unreadable(f"call {event.op} is booked elsewhere")
    assert event.taken_micro == 0, "a correction takes nothing that other calls hold"
    _book(books, out, books.loans.get((event.lane, event.n, event.voucher_id)), event, before)


def _book(books: BooksState, out: Outcome, loan: LoanState | None, event: Charge, before: Booked) -> None:
    """The call's charge is the event's now."""
    funds = books.funds[event.voucher_id]
    delta = event.charge_micro - before.charge_micro
    if delta >= 0:
        now = _charge_more(funds, loan, event, before, delta)
    else:
        now = _charge_less(funds, loan, event, before, -delta)
    books.booked[event.op] = now
    follow_purse(out, loan, event, before, now)
    _write(out, funds, loan, event, before, now)


def _drop_claim(books: BooksState, out: Outcome, event: Charge) -> None:
    """The hold that it was made for is over, also where its end changes nothing else.

    Only of its own gateway's: another may have made the call again, and hold the money still.
    """
    ended = event.n, event.gateway_id
    claim = out.claims.get(event.op)
    if claim is not None and (claim.n, claim.gateway_id) == ended:
        del out.claims[event.op]
    elif books.claimed.get(event.op) == ended:
        del books.claimed[event.op]
        out.claims_dropped.append(event.op)


def _says_more(event: Charge, before: Booked) -> bool:
    """Whether the event changes what the books have of its call."""
    if before.kind in ("correction", "true_up"):
        return False  # two people agreed on what it costs, and knew more than a gateway did
    if event.kind == "swept":  # of two checkpoints the higher one counts
        return before.kind == "swept" and event.charge_micro > before.charge_micro
    of_this_try = (event.n, event.gateway_id) == (before.n, before.gateway_id)
    if before.kind == "swept" and event.charge_micro == 0 and not of_this_try:
        return False  # another try came to nothing: what the first one had given stays charged
    if before.kind == "swept" or before.charge_micro == 0 < event.charge_micro:
        return True
    return event.charge_micro > 0 and _is_later_try(event, before)


def _is_later_try(event: Charge, before: Booked) -> bool:
    """A call is made again in the same epoch or a younger one, by another gateway, once the first is dead."""
    if event.n != before.n:
        return event.n > before.n
    if event.gateway_id == before.gateway_id:
        return False
    # Who took the hold over ends it, so the purse counted that end; else the gateways' clocks must tell.
    return event.counted or event.started_ms > before.started_ms


def _take_back(books: BooksState, out: Outcome, event: Charge, before: Booked) -> Booked:
    """The call was made again under its op, after its gateway had died: what the sweep booked elsewhere goes.

    One row takes it back where it was booked; the call is then booked where it was settled.
    """
    now = before
    if before.charge_micro:
        funds = books.funds[before.voucher_id]
        loan = books.loans.get((event.lane, before.n, before.voucher_id))
        back = replace(
            event,
            kind="swept",
            n=before.n,
            voucher_id=before.voucher_id,
            voucher_text=copy_text(before.voucher_id),
            charge_micro=0,
            taken_micro=None,
            counted=False,
        )
        now = _charge_less(funds, loan, back, before, before.charge_micro)
        follow_purse(out, loan, back, before, now)
        _write(out, funds, loan, back, before, now)
    return replace(now, voucher_id=event.voucher_id, n=event.n)


def _charge_more(
    funds: FundsState, loan: LoanState | None, event: Charge, before: Booked, delta: int
) -> Booked:
    from_loan = 0
    if loan is not None and delta:
        from_loan = min(delta, loan.room_micro)
        if event.taken_micro is not None:
            # The rest of the loan is held by other calls: beyond its hold a call never takes from it.
            from_loan = min(from_loan, event.taken_micro)
        loan.posted_micro += from_loan
        loan.changed = True
    from_free = min(delta - from_loan, funds.free_micro)
    funds.free_micro -= from_free
    funds.direct_micro += from_free
    return _step(
        funds,
        event,
        before,
        from_loan=from_loan,
        from_free=from_free,
        uncollected=delta - from_loan - from_free,
    )


def _charge_less(
    funds: FundsState, loan: LoanState | None, event: Charge, before: Booked, back: int
) -> Booked:
    uncollected = min(back, before.uncollected_micro)
    from_free = min(back - uncollected, before.from_free_micro)
    from_loan = back - uncollected - from_free
    funds.free_micro += from_free
    funds.direct_micro -= from_free
    if from_loan:
        assert loan is not None, "a call that a loan paid has that loan"
        loan.posted_micro -= from_loan
        loan.changed = True
        if loan.epoch == "closed":
            loan.returned_micro += from_loan
            funds.free_micro += from_loan
    return _step(funds, event, before, from_loan=-from_loan, from_free=-from_free, uncollected=-uncollected)


def _step(
    funds: FundsState, event: Charge, before: Booked, *, from_loan: int, from_free: int, uncollected: int
) -> Booked:
    """The call's new cumulative amounts; the line moves by what was collected."""
    collected = from_loan + from_free
    government, own = split_micro(funds.charged_micro, funds.charged_micro + collected, funds.share_ppm)
    funds.charged_micro += collected
    return Booked(
        before.step + 1,
        event.kind,
        event.voucher_id,
        event.n,
        event.charge_micro,
        before.government_micro + government,
        before.self_micro + own,
        before.uncollected_micro + uncollected,
        before.from_loan_micro + from_loan,
        before.from_free_micro + from_free,
        event.gateway_id,
        event.started_ms,
    )


def _write(
    out: Outcome, funds: FundsState, loan: LoanState | None, event: Charge, before: Booked, now: Booked
) -> None:
    delta = now.charge_micro - before.charge_micro
    group = None
    if delta:
        group = _group(out, funds, event, "usage" if now.step == 0 else "correction")
        _sum(out.groups[group].totals, loan, event, before, now)
        out.key_days[event.key_id, event.day] += delta
        out.funds_changed.add(event.voucher_id)
        plain = now.step == 0 and loan is not None and loan.epoch == "open" and not now.from_free_micro
        if not plain:
            out.restate.add(event.voucher_id)
    out.rows.append(UsageRow(event, now, before, funds.programme_id, group))


def _sum(totals: ChargeTotals, loan: LoanState | None, event: Charge, before: Booked, now: Booked) -> None:
    from_loan = now.from_loan_micro - before.from_loan_micro
    totals.government_micro += now.government_micro - before.government_micro
    totals.self_micro += now.self_micro - before.self_micro
    totals.uncollected_micro += now.uncollected_micro - before.uncollected_micro
    totals.free_micro += now.from_free_micro - before.from_free_micro
    if from_loan:
        at = (event.lane, event.n)
        totals.allotments_micro[at] = totals.allotments_micro.get(at, 0) + from_loan
        if from_loan < 0 and loan is not None and loan.epoch == "closed":
            totals.returns_micro[at] = totals.returns_micro.get(at, 0) - from_loan


def _group(out: Outcome, funds: FundsState, event: Charge, kind: EntryKind) -> int:
    key = (kind, event.voucher_id, event.provider_id)
    index = out.group_of.get(key)
    if index is None:
        index = out.group_of[key] = len(out.groups)
        voucher = VoucherRef(event.voucher_id, funds.company_id, funds.programme_id)
        out.groups.append(ChargeGroup(kind, voucher, event.provider_id, event.lane))
    return index


def _apply_left(books: BooksState, out: Outcome, event: Left) -> None:
    epoch = books.epochs.get((event.lane, event.n))
    if epoch is None:
        raise Unreadable(f"lane {event.lane} never had an epoch {event.n}")
    for op, payload, reason in event.unreadable:
        out.parked.append(ParkedEvent(event.lane, "", "left", op, reason, payload))
    for charge_ in event.charges:
        try:
            apply_event(books, out, charge_)
        except Unreadable as reason:
            out.parked.append(
                ParkedEvent(event.lane, "", "left", charge_.op, str(reason), charge_.columns.encode())
            )
            out.acknowledge(event.lane, charge_.gateway_id, charge_.op)
    if epoch != "closed" and (event.lane, event.gateway_id) not in books.gone:
        for claim in event.claims:
            if claim.op not in books.claimed and not _is_over(books.booked.get(claim.op), claim):
                out.claims[claim.op] = claim
    out.left.append((event.lane, event.n, event.gateway_id))
    out.acknowledge(event.lane, event.gateway_id, event.op)


def _is_over(booked: Booked | None, claim: OpenClaim) -> bool:
    """Whether the books know how this hold ended. What they know may be of another try of the call."""
    if booked is None or booked.n < claim.n or booked.gateway_id != claim.gateway_id:
        return False
    return booked.kind == "settled" or booked.charge_micro > 0


def _apply_gone(books: BooksState, out: Outcome, event: GatewayGone) -> None:
    books.gone.add((event.lane, event.gateway_id))
    out.claims = {
        op: claim
        for op, claim in out.claims.items()
        if (claim.lane, claim.gateway_id) != (event.lane, event.gateway_id)
    }
    out.gone.append((event.lane, event.gateway_id))
