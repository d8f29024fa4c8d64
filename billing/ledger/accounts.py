"""The accounts: every place a won, or a stretch of a voucher's line, can be. Names only.

Money and line are two closed circles in one journal, so that one entry shows both:

    money   programme budget, company deposits -> voucher government, self -> provider payable
            a charge that nobody pays comes out of `uncollected`; what is left at a voucher's end goes
            to `expired`, and goes back from there: the grant to the budget, the self share to its company
    end     interest that the money of a voucher `earned` outside of these books, and what is clawed back of
            what was spent, are the programme's beside its budget
    own     what a company pays comes from a rail's clearing into its own money; from there it is paid in
            for a voucher, by way of its deposits, or goes back. What is taken back and is not there any
            more, the company owes. What the rail keeps as its fee does not arrive, and is the agency's cost
    payout  what a provider is owed is partly withheld, is in payment, and leaves by a rail
    line    capacity is cut from `line` into `free`; `free` is lent to epochs; what is charged returns
            to `line`

A positive amount is what a place receives, a negative what it gives; the legs of an entry sum to zero.
"""

from __future__ import annotations


def programme_budget(programme_id: str) -> str:
    return f"programme/{programme_id}/budget"


def programme_interest(programme_id: str) -> str:
    return f"programme/{programme_id}/interest"


def programme_clawed_back(programme_id: str) -> str:
    """What of spent grants companies owe back, or have paid back."""
    return f"programme/{programme_id}/clawed_back"


def earned(voucher_id: str) -> str:
    """Minus the interest that came with a voucher's return."""
    return f"voucher/{voucher_id}/earned"


def clearing(rail: str) -> str:
    """Minus what this rail has taken in for companies, and neither given back nor kept as its fee."""
    return f"clearing/{rail}"


def fees(rail: str) -> str:
    """Minus what this rail has kept for its work."""
    return f"fees/{rail}"


def own_money(company_id: str) -> str:
    return f"company/{company_id}/own"


def receivable(company_id: str) -> str:
    """Minus what the company owes."""
    return f"company/{company_id}/receivable"


def company_deposits(company_id: str) -> str:
    return f"company/{company_id}/deposits"


def government(voucher_id: str) -> str:
    return f"voucher/{voucher_id}/government"


def own_deposit(voucher_id: str) -> str:
    return f"voucher/{voucher_id}/self"


def uncollected(voucher_id: str) -> str:
    return f"voucher/{voucher_id}/uncollected"


def expired(voucher_id: str) -> str:
    return f"voucher/{voucher_id}/expired"


def line(voucher_id: str) -> str:
    return f"voucher/{voucher_id}/line"


def free(voucher_id: str) -> str:
    return f"voucher/{voucher_id}/free"


def allotment(voucher_id: str, lane: int, n: int) -> str:
    return f"voucher/{voucher_id}/allotment/{lane}.{n}"


def provider_payable(provider_id: str) -> str:
    return f"provider/{provider_id}/payable"


def provider_holdback(provider_id: str) -> str:
    """What a programme keeps back of what the provider is owed, until it is released."""
    return f"provider/{provider_id}/holdback"


def provider_in_payment(provider_id: str) -> str:
    """Handed to a rail, and not known to have arrived."""
    return f"provider/{provider_id}/in_payment"


def paid_out(rail: str) -> str:
    """What this rail has paid out to providers, apart from what it takes in for companies."""
    return f"clearing/{rail}/out"
