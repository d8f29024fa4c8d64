"""What the loan of a living epoch paid and its purse did not count, or the reverse. Pure.

The purse counts one end of a call, the books take it from the loan once; the two may be told of different
ends, or of the same one at different times. What they differ by is `beyond`, and the limit that the purse is
told goes by it. An end told to a data set without the hold is booked, not counted, and the one with the hold
may come back and count it: so the books remember which calls no purse has counted.
"""

from __future__ import annotations

from billing.posting_events import Charge
from billing.posting_state import Booked, BooksState, LoanState, Outcome


def follow_purse(out: Outcome, loan: LoanState | None, event: Charge, before: Booked, now: Booked) -> None:
    """An end that changes what the loan paid for its call."""
    # An end that the purse counts is the first it counts of this call: what the books had before came late.
    _differ(out, loan, event, now.from_loan_micro - before.from_loan_micro - _counted_micro(event))


def note_counted(
    books: BooksState, out: Outcome, loan: LoanState | None, event: Charge, *, is_first_here: bool
) -> None:
    """Remember a call of which the books have an end of this epoch, and its purse has counted none."""
    if event.counted:
        _forget(books, out, event)
    elif is_first_here and loan is not None and loan.epoch == "open":
        books.uncounted.add((event.op, event.n))
        out.uncounted[event.op, event.n] = event.lane


def counted_after_all(books: BooksState, out: Outcome, loan: LoanState | None, event: Charge) -> None:
    """An end that is no news to the books, but where it is the first that the purse counts."""
    if event.counted and (event.op, event.n) in books.uncounted:
        _differ(out, loan, event, -_counted_micro(event))
        _forget(books, out, event)


def _counted_micro(event: Charge) -> int:
    if not event.counted:
        return 0
    return event.charge_micro if event.taken_micro is None else event.taken_micro


def _differ(out: Outcome, loan: LoanState | None, event: Charge, beyond_micro: int) -> None:
    if beyond_micro and loan is not None and loan.epoch == "open":
        loan.beyond_micro += beyond_micro
        loan.changed = True
        out.restate.add(event.voucher_id)


def _forget(books: BooksState, out: Outcome, event: Charge) -> None:
    at = event.op, event.n
    if at in books.uncounted:
        books.uncounted.remove(at)
        if out.uncounted.pop(at, None) is None:
            out.uncounted_over.append(at)
