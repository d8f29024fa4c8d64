"""People of the office: invited by the operator, who hands on a one-time link; disabled, never removed."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field

from billing.casework.rows import row_of
from billing.declaration import models
from billing.declaration.fields import Email, Id
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY, OWN_PROVIDER, Refused
from portal import passwords, people
from portal.api import answers, bodies, declared, show, shown
from portal.api.declared import Kind
from portal.api.desk import Desk
from portal.api.part import Part

USERS: Final = Kind(
    path="users",
    model=models.User,
    query=(
        "select email as id, email, role, company, provider, disabled_at,"
        " password_hash is not null as has_password from person"
    ),
    show=lambda _, row: show.user(row),
    answer=shown.UserShown,
    read=(OPERATOR, AUDITOR, OWN_COMPANY, OWN_PROVIDER),
    company="company",
    provider="provider",
    filters={"role": "role", "company": "company", "provider": "provider"},
)


class Invitation(bodies.Body):
    email: Email
    role: Literal["company", "provider", "operator", "auditor"]
    company: Id | None = None
    provider: Id | None = None
    password: str | None = Field(default=None, max_length=passwords.PASSWORD_CHARACTERS_MAX, repr=False)


class UserChange(bodies.Body):
    disabled: bool


def router() -> APIRouter:
    made = Part("users")
    declared.add_read(made, USERS)
    declared.add_post(made, USERS, _invite, Invitation, shown.InvitedUser)
    declared.add_patch(made, USERS, UserChange, _change)
    return made


async def _invite(desk: Desk, body: Invitation) -> JSONResponse:
    await declared.must_be_new(desk, USERS, body.email)
    try:
        person = people.Person(body.email, body.role, body.company, body.provider)
        await people.put(desk.conn, person, password_hash=await _hashed(body.password))
    except people.PersonRefused as refused:
        raise Refused("invalid", str(refused), "사용자의 역할과 소속을 확인해 주세요.") from refused
    link = None
    if body.password is None:
        token = await people.invite(desk.conn, body.email, life_s=desk.api.invitation_life_s)
        link = f"{desk.api.office_address}/welcome/{token}"
    now = await declared.load_of(USERS)(desk, body.email)
    await declared.note(desk, USERS, "make", body.email, now, role=body.role)
    return answers.one({**now, "link": link}, status=201, location=f"/api/users/{body.email}")


async def _hashed(password: str | None) -> str | None:
    if password is None:
        return None
    if passwords.weakness(password) is not None:
        least = passwords.PASSWORD_CHARACTERS_MIN
        raise Refused(
            "invalid",
            f"The password is too weak: at least {least} characters, not all alike.",
            f"비밀번호가 너무 약합니다. {least}자 이상, 여러 문자를 섞어 주세요.",
        )
    return await asyncio.to_thread(passwords.hash_password, password)


async def _change(desk: Desk, email: str, body: Any) -> None:
    if email == desk.actor.person:
        raise Refused("own_account", "Nobody disables oneself.", "자신의 계정은 바꿀 수 없습니다.")
    await row_of(
        desk.conn,
        "update person set disabled_at = case when %s then coalesce(disabled_at, %s) end where email = %s"
        " returning email",
        [body.disabled, desk.now, email],
    )
    now = await declared.load_of(USERS)(desk, email)
    await declared.note(desk, USERS, "change", email, now, disabled=body.disabled)
