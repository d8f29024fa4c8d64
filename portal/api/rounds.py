"""Rounds: made and announced by the agency, read by everybody once announced, decided by their selection."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework import rounds, selection
from billing.lifecycle import round as lifecycle
from billing.lifecycle.table import AUDITOR, OPERATOR, Allow
from portal.api import answers, bodies, forms, show, show_casework, shown
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import Scope, add_list
from portal.api.part import Part
from portal.api.route import allow
from portal.api.steps import IdPath, add_change, add_log, add_one, add_step

_READ: Final = (OPERATOR, AUDITOR, Allow("company"), Allow("provider"))
RoundChange: Final = bodies.some_of(forms.RoundFields, "RoundChange")


def router() -> APIRouter:
    made = Part("rounds")
    add_list(
        made,
        "/rounds",
        "select * from round",
        lambda _, row: show_casework.round_(row),
        _READ,
        shown.RoundShown,
        scope=_announced,
        filters={"programme": "programme_id", "state": "state"},
    )

    @made.post(
        "/rounds",
        summary="Make a round",
        **allow(*lifecycle.TABLE.step("make").allow, answer=shown.RoundShown, method="POST", status=201),
    )
    async def make_round(desk: AtDesk, body: forms.Round) -> JSONResponse:
        await rounds.make(desk.conn, body.id, _columns(body), deed=desk.deed())
        return answers.one(await _load(desk, body.id), status=201, location=f"/api/rounds/{body.id}")

    _add_steps(made)
    _add_ranking(made)
    return made


def _add_steps(made: APIRouter) -> None:
    table, model = lifecycle.TABLE, shown.RoundShown
    may_change = table.step("change").allow
    add_one(made, "/rounds", "Read a round", _load, _READ, model)
    add_change(made, "/rounds", "Change a draft round", RoundChange, _change, _load, may_change, model)
    add_step(made, "/rounds", table, "announce", bodies.Nothing, _mover("announce"), _load, model)
    add_step(made, "/rounds", table, "extend", forms.Extension, _extend, _load, model)
    add_step(made, "/rounds", table, "select", bodies.Nothing, _select, _load, model)
    add_step(made, "/rounds", table, "cancel", bodies.Because, _mover("cancel"), _load, model)
    add_log(made, "/rounds", table, _load, (OPERATOR, AUDITOR))


def _add_ranking(made: APIRouter) -> None:
    @made.get(
        "/rounds/{id}/ranking",
        summary="A round's ranking as it stands",
        **allow(OPERATOR, AUDITOR, answer=shown.Page[shown.RankedShown]),
    )
    async def read_ranking(desk: AtDesk, id: IdPath) -> dict[str, Any]:
        row = await rounds.find(desk.conn, id)
        ranked = await selection.ranking(desk.conn, row)
        return {
            "data": [
                {
                    "application": one.candidate.application_id,
                    "company": one.candidate.company_id,
                    "government_krw": show.krw(one.candidate.requested_micro),
                    **selection.shown_rank(one),
                }
                for one in ranked
            ],
            "next_cursor": None,
        }


def _announced(desk: Desk) -> Scope:
    return answers.EVERYTHING if desk.sees_everything else ("state <> %s", ["draft"])


async def _load(desk: Desk, round_id: str) -> Shown:
    row = await rounds.find(desk.conn, round_id)
    if row["state"] == "draft":
        desk.must_see()
    return show_casework.round_(row)


def _columns(body: bodies.Body) -> dict[str, Any]:
    """A body's fields as the columns of a round."""
    names = set(type(body).model_fields) if isinstance(body, forms.RoundFields) else body.model_fields_set
    found: dict[str, Any] = {name: getattr(body, name) for name in names}
    for field, column in (
        ("programme", "programme_id"),
        ("budget_krw", "budget_micro"),
        ("cap_krw", "cap_micro"),
        ("bonus_points_max", "bonus_milli_max"),
        ("pass_mark", "pass_mark_milli"),
    ):
        if field in found:
            found[column] = found.pop(field)
    for field in ("opens_at", "closes_at"):
        if field in found:
            found[field] = found[field].at
    if "tracks" in found:
        found["tracks"] = [one.model_dump() for one in found["tracks"]]
    if "criteria" in found:
        found["criteria"] = [
            {"id": one.id, "name": one.name, "max_milli": one.max_points} for one in found["criteria"]
        ]
    if "bonuses" in found:
        found["bonuses"] = [{"id": one.id, "name": one.name, "milli": one.points} for one in found["bonuses"]]
    found.pop("id", None)
    return found


async def _change(desk: Desk, round_id: str, body: bodies.Body) -> None:
    await rounds.change(desk.conn, round_id, _columns(body), deed=desk.deed())


def _mover(action: str) -> Any:
    async def run(desk: Desk, round_id: str, body: Any) -> None:
        await rounds.move(desk.conn, round_id, action, deed=desk.deed(getattr(body, "reason", None)))

    return run


async def _extend(desk: Desk, round_id: str, body: forms.Extension) -> None:
    await rounds.move(
        desk.conn, round_id, "extend", deed=desk.deed(body.reason), new_closes_at=body.closes_at.at
    )


async def _select(desk: Desk, round_id: str, _: bodies.Nothing) -> None:
    await selection.decide(desk.conn, round_id, deed=desk.deed())
