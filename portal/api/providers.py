"""Providers: entered or registered by the agency, approved, suspended with all they sell, ended."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework import providers
from billing.declaration import models
from billing.lifecycle import provider
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_PROVIDER, Allow
from portal.api import answers, bodies, declared, forms, show_products, shown_products
from portal.api.desk import Desk
from portal.api.part import Part
from portal.api.steps import add_log, add_step

KIND: Final = declared.Kind(
    path="providers",
    model=models.Provider,
    query=providers.FIND,
    show=lambda _, row: show_products.provider(row),
    answer=shown_products.ProviderShown,
    read=(OPERATOR, AUDITOR, Allow("company"), Allow("provider")),
    is_public=True,
    filters={"state": "state"},
)
_load: Final = declared.load_of(KIND)
ProviderChange: Final = bodies.some_of(models.Provider, "ProviderChange", without=frozenset({"id"}))


def router() -> APIRouter:
    made = Part("providers")
    declared.add_read(made, KIND)
    declared.add_post(made, KIND, _make, forms.NewProvider)
    declared.add_patch(made, KIND, ProviderChange, _change)
    table = provider.TABLE
    for action, body in (
        ("approve", bodies.Nothing),
        ("suspend", bodies.Because),
        ("resume", bodies.Because),
        ("end", bodies.Because),
    ):
        add_step(made, "/providers", table, action, body, _mover(action), _load, KIND.answer)
    add_log(made, "/providers", table, _load_own, (OPERATOR, AUDITOR, OWN_PROVIDER))
    return made


async def _load_own(desk: Desk, provider_id: str) -> dict[str, Any]:
    shown = await _load(desk, provider_id)
    desk.must_see(provider=provider_id)
    return shown


async def _make(desk: Desk, body: forms.NewProvider) -> JSONResponse:
    given = bodies.given(body)
    action = "register" if given.pop("state", None) == "registered" else "make"
    await declared.must_be_new(desk, KIND, body.id)
    await declared.write(desk, bodies.declared_of(models.Provider, given))
    await providers.begin(desk.conn, body.id, action, deed=desk.deed())
    return answers.one(await _load(desk, body.id), status=201, location=f"/api/providers/{body.id}")


async def _change(desk: Desk, provider_id: str, body: bodies.Body) -> None:
    fields = sorted(body.model_fields_set)
    await providers.change(desk.conn, provider_id, deed=desk.deed(), fields=fields)
    await declared.write(desk, bodies.declared(models.Provider, body, id=provider_id))


def _mover(action: str) -> Any:
    async def run(desk: Desk, provider_id: str, body: Any) -> None:
        reason = getattr(body, "reason", None)
        await providers.move(desk.conn, provider_id, action, deed=desk.deed(reason))

    return run
