"""Companies and their API keys: declared, changed, and stopped at once by the agency."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework import api_keys, companies
from billing.casework.rows import lock_budget, row_of
from billing.declaration import models
from billing.lifecycle import api_key, company
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY, Refused
from portal.api import answers, bodies, declared, show, shown
from portal.api.declared import Kind
from portal.api.desk import Desk
from portal.api.part import Part
from portal.api.steps import add_log, add_step

READERS: Final = (OPERATOR, AUDITOR, OWN_COMPANY)

COMPANIES: Final = Kind(
    path="companies",
    model=models.Company,
    query=companies.FIND,
    show=lambda _, row: show.company(row),
    answer=shown.CompanyShown,
    read=(OPERATOR, AUDITOR, OWN_COMPANY),
    change=(OPERATOR, OWN_COMPANY),
    company="company_id",
    filters={"state": "state"},
)
API_KEYS: Final = Kind(
    path="api_keys",
    model=models.ApiKey,
    query=api_keys.FIND,
    show=lambda desk, row: show.api_key(row, desk.now),
    answer=shown.ApiKeyShown,
    read=(OPERATOR, AUDITOR, OWN_COMPANY),
    make=(OPERATOR, OWN_COMPANY),
    change=(OPERATOR, OWN_COMPANY),
    company="company_id",
    id_path="{id:path}",
    filters={"company": "company_id"},
)

# Whether it is active is said by steps, with a reason.
CompanyChange: Final = bodies.some_of(models.Company, "CompanyChange", without=frozenset({"id", "active"}))
# A key's text is made here, or brought by the agency, as in its declarations; it is never changed.
ApiKeyChange: Final = bodies.some_of(
    models.ApiKey, "ApiKeyChange", without=frozenset({"company", "name", "key_text"})
)
NewApiKey: Final = bodies.some_of(models.ApiKey, "NewApiKey")


def router() -> APIRouter:
    made = Part("directory")
    declared.add_read(made, COMPANIES)
    declared.add_make(made, COMPANIES)
    declared.add_patch(made, COMPANIES, CompanyChange, _change_company)
    _add_lives(made)
    declared.add_read(made, API_KEYS)
    declared.add_post(made, API_KEYS, _make_key, NewApiKey, shown.MadeApiKey)
    declared.add_patch(made, API_KEYS, ApiKeyChange, _change_key)
    return made


def _add_lives(made: APIRouter) -> None:
    """A key's id has a stroke in it: what is under it is looked for before the key itself."""
    of_company, of_key = declared.load_of(COMPANIES), declared.load_of(API_KEYS)
    add_log(made, "/companies", company.TABLE, of_company, READERS)
    add_log(made, "/api_keys", api_key.TABLE, of_key, READERS, id_path=API_KEYS.id_path)
    for action in ("suspend", "resume"):
        add_step(
            made,
            "/companies",
            company.TABLE,
            action,
            bodies.Because,
            _mover(companies.move, action),
            of_company,
            COMPANIES.answer,
        )
        add_step(
            made,
            "/api_keys",
            api_key.TABLE,
            action,
            bodies.Because,
            _mover(api_keys.move, action),
            of_key,
            API_KEYS.answer,
            id_path=API_KEYS.id_path,
        )


def _mover(move: Any, action: str) -> Any:
    async def run(desk: Desk, thing_id: str, body: bodies.Because) -> None:
        await move(desk.conn, thing_id, action, deed=desk.deed(body.reason))

    return run


async def _change_company(desk: Desk, company_id: str, body: bodies.Body) -> None:
    """A company says where its data may go, and its number once it has one; the rest is the agency's."""
    if desk.actor.role == "company":
        given = bodies.given(body)
        await lock_budget(desk.conn)
        row = await row_of(desk.conn, "select brn from company where id = %s", [company_id])
        if set(given) - {"brn", "data_locations"} or ("brn" in given and row["brn"] is not None):
            raise Refused(
                "forbidden",
                "A company changes its data locations, and its business number where it has none yet.",
                "데이터 처리 국가와, 아직 없는 경우 사업자등록번호만 직접 바꿀 수 있습니다.",
            )
    await declared.write(desk, bodies.declared(models.Company, body, id=company_id))
    now = await declared.load_of(COMPANIES)(desk, company_id)
    fields = sorted(body.model_fields_set)
    await declared.note(desk, COMPANIES, "change", company_id, now, fields=fields)


async def _make_key(desk: Desk, body: Any) -> JSONResponse:
    """The answer is the only place where the key is ever shown."""
    company = body.company or desk.actor.company
    if company is None or body.name is None:
        raise Refused("invalid", "Name the key and its company.", "키 이름과 수요기업을 입력해 주세요.")
    desk.must_see(company=company)
    if body.key_text is not None and desk.actor.role != "operator":
        raise Refused(
            "forbidden",
            "Only the agency brings a key of its own; leave `key` out.",
            "키 값은 전담기관만 정할 수 있습니다. `key`를 비워 주세요.",
        )
    key_id = f"{company}/{body.name}"
    await declared.must_be_new(desk, API_KEYS, key_id)
    report = await declared.write(desk, bodies.declared(models.ApiKey, body, company=company))
    now = await declared.load_of(API_KEYS)(desk, key_id)
    await declared.note(desk, API_KEYS, "make", key_id, now)
    text = report.api_keys[0].key if report.api_keys else body.key_text
    return answers.one({**now, "key": text}, status=201, location=f"/api/api_keys/{key_id}")


async def _change_key(desk: Desk, key_id: str, body: bodies.Body) -> None:
    company_id, _, name = key_id.partition("/")
    await lock_budget(desk.conn)
    before = await declared.load_of(API_KEYS)(desk, key_id)
    action = "revoke" if getattr(body, "revoked", None) is True else "change"
    api_key.TABLE.judge(
        action,
        state=before["state"],
        actor=desk.actor,
        owns=desk.actor.owns(company=company_id),
        facts=api_key.Facts(),
        reason=None,
    )
    await declared.write(desk, bodies.declared(models.ApiKey, body, company=company_id, name=name))
    now = await declared.load_of(API_KEYS)(desk, key_id)
    fields = sorted(body.model_fields_set)
    await declared.note(desk, API_KEYS, action, key_id, now, before=before["state"], fields=fields)
