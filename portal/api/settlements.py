"""Settlements of vouchers with their statutory sheets, and the rules that say what the end asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from billing.lifecycle import settlement as life
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY
from billing.settlements import figures, programme_sheet, rules, sheets, store
from billing.statements.words import Language
from portal.api import answers, bodies, ending_forms, show_ending, shown_ending
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import add_list, everything, own_company
from portal.api.part import Part
from portal.api.route import allow
from portal.api.sheet_files import Format, file_answer, with_media
from portal.api.steps import IdPath, add_log, add_one, add_step

_READ: Final = (OPERATOR, AUDITOR, OWN_COMPANY)


def router() -> APIRouter:
    made = Part("settlements")
    _add_settlements(made)
    _add_steps(made)
    _add_sheets(made)
    _add_rules(made)
    return made


def _add_settlements(made: APIRouter) -> None:
    @made.post(
        "/settlements",
        summary="Open the settlement of an agreement, or of a voucher without one, that has ended",
        **allow(
            *life.TABLE.step("open").allow, answer=shown_ending.SettlementShown, method="POST", status=201
        ),
    )
    async def open_settlement(desk: AtDesk, body: ending_forms.Settlement) -> JSONResponse:
        made_id = await store.open_settlement(
            desk.conn, agreement_id=body.agreement, voucher_id=body.voucher, deed=desk.deed()
        )
        now = await load_settlement(desk, made_id)
        return answers.one(now, status=201, location=f"/api/settlements/{made_id}")

    add_list(
        made,
        "/settlements",
        store.FIND,
        lambda _, row: brief(row),
        _READ,
        shown_ending.SettlementBrief,
        scope=own_company,
        filters={
            "programme": "programme_id",
            "voucher": "voucher_id",
            "company": "company_id",
            "state": "state",
        },
    )
    add_one(made, "/settlements", "Read a settlement", load_settlement, _READ, shown_ending.SettlementShown)


def brief(row: Mapping[str, Any]) -> Shown:
    """In a list: what the rules of its programme ask stands on its own page."""
    whole = show_ending.settlement(row, rules.Rules({}))
    return {
        name: whole[name]
        for name in ("id", "agreement", "voucher", "programme", "company", "state", "ended_on")
    }


def _add_steps(made: APIRouter) -> None:
    for action, body in (
        ("enter_interest", ending_forms.Interest),
        ("return_unused", bodies.Nothing),
        ("return_late", bodies.Because),
        ("report", bodies.Nothing),
        ("send_back", bodies.Because),
        ("verify", ending_forms.Verification),
        ("settle", bodies.Nothing),
        ("close", bodies.Nothing),
        ("erase", bodies.Because),
    ):
        add_step(
            made,
            "/settlements",
            life.TABLE,
            action,
            body,
            _mover(action),
            load_settlement,
            shown_ending.SettlementShown,
        )
    add_log(made, "/settlements", life.TABLE, load_settlement, _READ)


def _add_sheets(made: APIRouter) -> None:
    @made.get(
        "/settlements/{id}/sheet",
        summary="A statutory sheet of a settlement",
        **with_media(allow(*_READ, answer=shown_ending.SheetShown)),
    )
    async def read_sheet(
        desk: AtDesk,
        id: IdPath,
        form: sheets.Form = "report",
        file: Annotated[Format, Query(alias="format")] = "json",
        lang: Language = "ko",
    ) -> Response:
        return await settlement_sheet(desk, id, form, file, lang)

    @made.get(
        "/programmes/{id}/settlement",
        summary="What a programme had, gave and got back",
        **with_media(allow(OPERATOR, AUDITOR, answer=shown_ending.SheetShown)),
    )
    async def read_programme_end(
        desk: AtDesk,
        id: IdPath,
        file: Annotated[Format, Query(alias="format")] = "json",
        lang: Language = "ko",
    ) -> Response:
        return await programme_end_sheet(desk, id, file, lang)


async def settlement_sheet(
    desk: Desk, settlement_id: str, form: sheets.Form, file: Format, lang: Language
) -> Response:
    """Raises Refused."""
    row = await store.find(desk.conn, settlement_id)
    desk.must_see(company=row["company_id"])
    made = sheets.sheet_of(await figures.account_of(desk.conn, row), form, lang)
    if file == "json":
        return answers.one(show_ending.sheet(form, made))
    return await file_answer(made, file, f"{settlement_id}-{form}", made_at=desk.now)


async def programme_end_sheet(desk: Desk, programme_id: str, file: Format, lang: Language) -> Response:
    """Raises Refused."""
    made = programme_sheet.programme_sheet(await figures.programme_end(desk.conn, programme_id), lang)
    if file == "json":
        return answers.one(show_ending.sheet("programme", made))
    return await file_answer(made, file, f"{programme_id}-settlement", made_at=desk.now)


def _mover(action: str) -> Any:
    async def run(desk: Desk, settlement_id: str, body: Any) -> None:
        holds_open = await _holds_open(desk, settlement_id) if action == "return_unused" else None
        await store.move(
            desk.conn,
            settlement_id,
            action,
            deed=desk.deed(getattr(body, "reason", None)),
            entered=_entered(body),
            holds_open=holds_open,
        )

    return run


def _entered(body: Any) -> dict[str, Any]:
    if isinstance(body, ending_forms.Interest):
        return {"amount_micro": body.amount_krw, "document": body.document}
    if isinstance(body, ending_forms.Verification):
        is_whole = None not in (body.kind, body.reference, body.by)
        return {
            "verification": body.kind if is_whole else None,
            "verification_ref": body.reference,
            "verified_by": body.by,
        }
    return {}


async def _holds_open(desk: Desk, settlement_id: str) -> int | None:
    if desk.api.unbooked_of is None:
        return None
    row = await store.find(desk.conn, settlement_id)
    return await desk.api.unbooked_of(row["company_id"], row["voucher_id"])


async def load_settlement(desk: Desk, settlement_id: str) -> Shown:
    row = await store.find(desk.conn, settlement_id)
    desk.must_see(company=row["company_id"])
    held = await rules.rules_of(desk.conn, row["programme_id"], desk.deed().today)
    return show_ending.settlement(row, held, await store.returns_of(desk.conn, settlement_id))


def _add_rules(made: APIRouter) -> None:
    add_list(
        made,
        "/settlement_rules",
        rules.FIND,
        lambda desk, row: show_ending.rule(row, to=desk.actor.role),
        (OPERATOR, AUDITOR),
        shown_ending.SettlementRuleShown,
        scope=everything,
        filters={"programme": "programme_id", "name": "name"},
    )

    @made.post(
        "/settlement_rules",
        summary="Add a rule of the end, from a day on, with its source",
        **allow(OPERATOR, answer=shown_ending.SettlementRuleShown, method="POST", status=201),
    )
    async def add_rule(desk: AtDesk, body: ending_forms.SettlementRule) -> JSONResponse:
        given = body.model_dump()
        row = await rules.add(desk.conn, given | {"programme_id": given["programme"]}, deed=desk.deed())
        return answers.one(show_ending.rule(row, to=desk.actor.role), status=201)
