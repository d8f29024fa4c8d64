"""Companies and API keys: the directory's kinds that have no life of their own here."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework.rows import lock_budget, row_of
from billing.declaration import models
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY, Refused
from portal.api import answers, bodies, declared, show, shown
from portal.api.declared import Kind
from portal.api.desk import Desk
from portal.api.route import OfficeRoute

COMPANIES: Final = Kind(
    path="companies",
    model=models.Company,
    query="select *, id as company_id from company",
    show=lambda _, row: show.company(row),
    answer=shown.CompanyShown,
    read=(OPERATOR, AUDITOR, OWN_COMPANY),
    change=(OPERATOR, OWN_COMPANY),
    company="company_id",
)
API_KEYS: Final = Kind(
    path="api_keys",
    model=models.ApiKey,
    query="select company_id || '/' || name as id, k.* from api_key k",
    show=lambda _, row: show.api_key(row),
    answer=shown.ApiKeyShown,
    read=(OPERATOR, AUDITOR, OWN_COMPANY),
    make=(OPERATOR, OWN_COMPANY),
    change=(OPERATOR, OWN_COMPANY),
    company="company_id",
    id_path="{id:path}",
    filters={"company": "company_id"},
)

CompanyChange: Final = bodies.some_of(models.Company, "CompanyChange", without=frozenset({"id"}))
# A key's text is made here and shown once; nobody brings one.
ApiKeyChange: Final = bodies.some_of(
    models.ApiKey, "ApiKeyChange", without=frozenset({"company", "name", "key_text"})
)
NewApiKey: Final = bodies.some_of(models.ApiKey, "NewApiKey", without=frozenset({"key_text"}))


def router() -> APIRouter:
    made = APIRouter(route_class=OfficeRoute, tags=["directory"])
    declared.add_read(made, COMPANIES)
    declared.add_make(made, COMPANIES)
    declared.add_patch(made, COMPANIES, CompanyChange, _change_company)
    declared.add_read(made, API_KEYS)
    declared.add_post(made, API_KEYS, _make_key, NewApiKey, shown.MadeApiKey)
    declared.add_patch(made, API_KEYS, ApiKeyChange, _change_key)
    return made


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
    key_id = f"{company}/{body.name}"
    await declared.must_be_new(desk, API_KEYS, key_id)
    report = await declared.write(desk, bodies.declared(models.ApiKey, body, company=company))
    now = await declared.load_of(API_KEYS)(desk, key_id)
    await declared.note(desk, API_KEYS, "make", key_id, now)
    [made] = report.api_keys
    return answers.one({**now, "key": made.key}, status=201, location=f"/api/api_keys/{key_id}")


async def _change_key(desk: Desk, key_id: str, body: bodies.Body) -> None:
    company, _, name = key_id.partition("/")
    await declared.write(desk, bodies.declared(models.ApiKey, body, company=company, name=name))
    now = await declared.load_of(API_KEYS)(desk, key_id)
    fields = sorted(body.model_fields_set)
    await declared.note(desk, API_KEYS, "change", key_id, now, fields=fields)
