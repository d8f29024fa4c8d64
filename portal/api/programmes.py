"""Programmes: terms are the directory's, whether it takes rounds and its dated shares are the casework's."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework import programmes
from billing.casework.rows import lock_budget
from billing.declaration import models
from billing.declaration.fields import Budget
from billing.lifecycle import programme, voucher
from billing.lifecycle.own_fund import PROGRAMME
from billing.lifecycle.shares import DatedShare
from billing.lifecycle.table import AUDITOR, OPERATOR, Allow
from portal.api import answers, bodies, declared, forms, show, shown
from portal.api.desk import Desk
from portal.api.lists import Scope
from portal.api.part import Part
from portal.api.steps import add_log, add_step

_OF_LIFE: Final = {"deposit_rule": "deposit_rule", "company_year_cap_krw": "company_year_cap_micro"}


def _begun(desk: Desk) -> Scope:
    """A draft is the agency's own, as a round's is."""
    return answers.EVERYTHING if desk.sees_everything else ("state <> %s", ["draft"])


KIND: Final = declared.Kind(
    path="programmes",
    model=models.Programme,
    query=(
        "select p.*, l.state, l.deposit_rule, l.company_year_cap_micro,"
        " (select coalesce(jsonb_object_agg(class_name, share_ppm), '{}') from programme_share s"
        "  where s.programme_id = p.id) as shares,"
        " (select coalesce(jsonb_agg(to_jsonb(c) - 'programme_id' order by class_name, from_day), '[]')"
        "  from share_change c where c.programme_id = p.id) as share_changes"
        " from programme p join programme_life l on l.programme_id = p.id"
    ),
    show=lambda _, row: show.programme(row),
    answer=shown.ProgrammeShown,
    read=(OPERATOR, AUDITOR, Allow("company"), Allow("provider")),
    scope=_begun,
)
load: Final = declared.load_of(KIND)


class ProgrammeLife(bodies.Body):
    """Beside what the declarative file says of a programme."""

    deposit_rule: bodies.DepositRule = "rolling"
    company_year_cap_krw: Budget | None = None


class Programme(models.Programme, ProgrammeLife):
    """A new one is a draft."""


ProgrammeChange: Final = bodies.some_of(Programme, "ProgrammeChange", without=frozenset({"id"}))


def router() -> APIRouter:
    made = Part("programmes")
    declared.add_read(made, KIND)
    declared.add_post(made, KIND, _make, Programme)
    declared.add_patch(made, KIND, ProgrammeChange, _change)
    add_step(made, "/programmes", programme.TABLE, "open", bodies.Nothing, _mover("open"), load, KIND.answer)
    add_step(
        made, "/programmes", programme.TABLE, "close", bodies.Because, _mover("close"), load, KIND.answer
    )
    add_step(
        made,
        "/programmes",
        programme.TABLE,
        "change_share",
        forms.ShareChange,
        _change_share,
        load,
        KIND.answer,
    )
    add_log(made, "/programmes", programme.TABLE, load, (OPERATOR, AUDITOR))
    return made


def _parts(body: bodies.Body) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is the directory's, and what is the casework's."""
    given = bodies.given(body)
    life = {_OF_LIFE[name]: given.pop(name) for name in _OF_LIFE if name in given}
    return given, life


async def _make(desk: Desk, body: Programme) -> JSONResponse:
    given, life = _parts(body)
    await declared.must_be_new(desk, KIND, body.id)
    await declared.write(desk, bodies.declared_of(models.Programme, given))
    await programmes.begin(desk.conn, body.id, deed=desk.deed())
    if life:
        await programmes.change(desk.conn, body.id, life, deed=desk.deed())
    return answers.one(await load(desk, body.id), status=201, location=f"/api/programmes/{body.id}")


def _must_be_the_agency_s(programme_id: str) -> None:
    """Companies' own money stands in one that nobody funds and nobody ends."""
    if programme_id == PROGRAMME:
        raise voucher.NO_OWN_FUND.refusal()


async def _change(desk: Desk, programme_id: str, body: bodies.Body) -> None:
    _must_be_the_agency_s(programme_id)
    given, life = _parts(body)
    await lock_budget(desk.conn)
    await programmes.change(desk.conn, programme_id, life, deed=desk.deed())
    await declared.write(desk, bodies.declared_of(models.Programme, given | {"id": programme_id}))


def _mover(action: str) -> Any:
    async def run(desk: Desk, programme_id: str, body: Any) -> None:
        _must_be_the_agency_s(programme_id)
        reason = getattr(body, "reason", None)
        await programmes.move(desk.conn, programme_id, action, deed=desk.deed(reason))

    return run


async def _change_share(desk: Desk, programme_id: str, body: forms.ShareChange) -> None:
    _must_be_the_agency_s(programme_id)
    share = DatedShare(body.class_, body.from_day, body.share)
    await programmes.change_share(desk.conn, programme_id, share, deed=desk.deed())
