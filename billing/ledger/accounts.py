"""The accounts: every place a won, or a stretch of a voucher's line, can be. Names only.

Money and line are two closed circles in one journal, so that one entry shows both:

    money   programme budget, company deposits -> voucher government, self -> provider payable
            a charge that nobody pays comes out of `uncollected`; what is left at a voucher's end goes
            to `expired`
    own     what a company pays comes from a rail's clearing into its own money; from there it is paid in
            for a voucher, by way of its deposits, or goes back. What is taken back and is not there any
            more, the company owes. What the rail keeps as its fee does not arrive, and is the agency's cost
    line    capacity is cut from `line` into `free`; `free` is lent to epochs; what is charged returns
            to `line`

A positive amount is what a place receives, a negative what it gives; the legs of an entry sum to zero.
"""

from __future__ import annotations


def programme_budget(programme_id: str) -> str:
    return f"programme/{programme_id}/budget"


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
