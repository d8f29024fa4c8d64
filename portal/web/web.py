"""All pages of the office on its application."""

from __future__ import annotations

from fastapi import FastAPI

from portal.api import api
from portal.attempts import Attempts
from portal.pages import Addresses
from portal.web import company_home, entrance, lists, render, serving
from portal.web.operations import Operations


def mount(app: FastAPI, attempts: Attempts, addresses: Addresses) -> None:
    house = serving.House(app.state.api, render.build(), is_https=addresses.office.startswith("https:"))
    operations = Operations(api.router())
    app.state.house = house
    app.include_router(entrance.router(house, attempts, addresses))
    serving.mount(app, house, [*company_home.pages(), *lists.pages(operations)])
