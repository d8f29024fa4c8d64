"""All pages of the office on its application."""

from __future__ import annotations

from functools import cache

from fastapi import FastAPI

from portal.api import api
from portal.attempts import Attempts
from portal.pages import Addresses
from portal.web import (
    alerts,
    calls,
    company_home,
    entrance,
    funds,
    homes,
    jobs,
    keys,
    lists,
    making,
    months,
    payouts,
    people,
    ranking,
    render,
    serving,
    sheets,
    shell,
    statements,
    things,
    trace,
)
from portal.web.operations import Operations
from portal.web.serving import Page


def mount(app: FastAPI, attempts: Attempts, addresses: Addresses) -> None:
    house = shell.House(app.state.api, render.build(), is_https=addresses.office.startswith("https:"))
    app.state.house = house
    app.include_router(entrance.router(house, attempts, addresses))
    serving.mount(app, house, all_pages(addresses))


@cache  # they know of an installation what its addresses are
def all_pages(addresses: Addresses) -> tuple[Page, ...]:
    """What is named comes before what takes any name in its place."""
    operations = Operations(api.parts())
    return (
        *company_home.pages(),
        *homes.pages(),
        *lists.pages(),
        *making.pages(operations),
        *payouts.pages(operations),
        *people.pages(operations),
        *keys.pages(operations, addresses.data_plane),
        *ranking.pages(operations),
        *statements.pages(operations),
        *months.pages(operations),
        *funds.pages(operations),
        *trace.pages(),
        *alerts.pages(operations),
        *calls.pages(),
        *sheets.pages(),
        *jobs.pages(operations),
        *things.pages(operations),
    )
