"""Programs of the office: made by the person as whom they come, revoked by that person or the agency."""

from __future__ import annotations

from typing import Any, Final, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework.deeds import log_step
from billing.casework.rows import NOT_FOUND, Row, row_of
from billing.declaration.fields import Name
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY, OWN_PROVIDER, Allow, Refused
from portal import clients
from portal.api import answers, bodies, shown_clients
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import Scope, add_list
from portal.api.part import Part
from portal.api.route import allow
from portal.api.show import at
from portal.api.steps import add_change, add_one

_READ: Final = (OPERATOR, AUDITOR, OWN_COMPANY, OWN_PROVIDER)
_ANYBODY: Final = (OPERATOR, AUDITOR, Allow("company"), Allow("provider"))
_REVOKE: Final = (OPERATOR, Allow("auditor", "own"), OWN_COMPANY, OWN_PROVIDER)
_ANSWER: Final = shown_clients.ClientShown


class NewClient(bodies.Body):
    name: Name


class ClientChange(bodies.Body):
    """For good: a program that is wanted again is made anew."""

    revoked: Literal[True]


def router() -> APIRouter:
    made = Part("users")
    add_list(made, "/clients", clients.FIND, lambda _, row: _shown(row), _READ, _ANSWER, scope=_own)
    add_one(made, "/clients", "Read what is known of a program", _load, _READ, _ANSWER)

    @made.post(
        "/clients",
        summary="Let a program come as oneself",
        **allow(*_ANYBODY, answer=shown_clients.MadeClient, method="POST", status=201),
    )
    async def make_client(desk: AtDesk, body: NewClient) -> JSONResponse:
        client_id, secret = await clients.make(desk.conn, desk.actor.person, body.name, now=desk.now)
        await _log(desk, client_id, "make", before=None, after="active")
        shown = await _load(desk, client_id)
        once = {**shown, "client_id": client_id, "client_secret": secret}
        return answers.one(once, status=201, location=f"/api/clients/{client_id}")

    add_change(made, "/clients", "Revoke a program", ClientChange, _revoke, _load_own, _REVOKE, _ANSWER)
    return made


def _own(desk: Desk) -> Scope:
    return answers.EVERYTHING if desk.sees_everything else ("email = %s", [desk.actor.person])


def _shown(row: Row) -> Shown:
    return {
        "id": row["id"],
        "name": row["name"],
        "person": row["email"],
        "revoked": row["revoked"],
        "created_at": at(row["created_at"]),
    }


async def _load(desk: Desk, client_id: str) -> Shown:
    row = await row_of(desk.conn, f"{clients.FIND} where c.id = %s", [client_id])
    if not desk.sees_everything and row["email"] != desk.actor.person:
        raise Refused(*NOT_FOUND)
    return _shown(row)


async def _load_own(desk: Desk, client_id: str) -> Shown:
    """For what is done to it: an auditor reads another's, and does nothing to it."""
    shown = await _load(desk, client_id)
    if desk.actor.role != "operator" and shown["person"] != desk.actor.person:
        raise Refused(*NOT_FOUND)
    return shown


async def _revoke(desk: Desk, client_id: str, _: Any) -> None:
    before = "revoked" if (await _load(desk, client_id))["revoked"] else "active"
    await clients.revoke(desk.conn, client_id, now=desk.now)
    await _log(desk, client_id, "revoke", before=before, after="revoked")


async def _log(desk: Desk, client_id: str, action: str, *, before: str | None, after: str) -> None:
    await log_step(
        desk.conn, "client", action, deed=desk.deed(), thing_id=client_id, before=before, after=after
    )
