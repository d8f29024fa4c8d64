"""A company's home: what is left of its vouchers, from which source, and which rounds are open."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from billing.casework.rows import rows_of
from billing.directory_time import instant_ms
from billing.usage_store import VoucherBooks, voucher_balances
from metering.shares import capacity, split_micro
from portal.web import formats, names, view, views
from portal.web.serving import Page
from portal.web.visit import Html, Reply, Visit


def pages() -> list[Page]:
    return [Page("/company", ("company",), _home)]


LIVING: Final = ("active", "suspended")


async def _home(visit: Visit) -> Reply:
    desk = visit.desk
    company = desk.actor.company
    assert company is not None, "the page is for companies"
    books = await voucher_balances(desk.conn, company, now_ms=instant_ms(desk.now))
    running = ("state = 'announced' and opens_at <= %s and closes_at > %s", [desk.now, desk.now])
    rounds = await view.read(desk.conn, replace(views.ROUNDS, filters=(), order="closes_at"), running, {})
    [keys] = await rows_of(
        desk.conn, "select count(*) from api_key where company_id = %s and not revoked", [company]
    )
    named = await names.names_in(desk.conn, "programme", {one.programme_id for one in books})
    vouchers = [{**balance(one), "programme": named.get(one.programme_id, one.programme_id)} for one in books]
    return Html("company_home.html", {"vouchers": vouchers, "rounds": rounds, "has_key": keys["count"] > 0})


def balance(one: VoucherBooks) -> dict[str, object]:
    """By source: granted = spent + returned + left, to the micro-won, as the books have it.

    What can be spent is less than what is left where one source ends the line before the other.
    """
    government, own = split_micro(0, one.spent_micro, one.share_ppm)
    sources = [
        source("government", one.government_granted_micro, government, one.government_returned_micro),
        source("self", one.self_granted_micro, own, one.self_returned_micro),
    ]
    return {
        "id": one.voucher_id,
        "state": one.state,
        "ends_on": date.fromisoformat(one.ends_on),
        "spendable_micro": one.capacity_micro - one.spent_micro if one.state in LIVING else 0,
        "waits_for_deposit": one.state == "active" and _ends_with_the_deposit(one),
        "lent_micro": one.frozen_micro,
        "sources": sources,
        "used": formats.percent(one.spent_micro, one.government_granted_micro + one.self_granted_micro),
    }


def _ends_with_the_deposit(one: VoucherBooks) -> bool:
    line = capacity(
        grant_micro=one.government_granted_micro,
        deposit_micro=one.self_granted_micro,
        share_ppm=one.share_ppm,
    )
    return line.stopped_by == "self"


def source(name: str, granted_micro: int, spent_micro: int, returned_micro: int) -> dict[str, int]:
    return {
        "name": name,  # type: ignore[dict-item]
        "granted_micro": granted_micro,
        "spent_micro": spent_micro,
        "returned_micro": returned_micro,
        "left_micro": granted_micro - spent_micro - returned_micro,
    }
