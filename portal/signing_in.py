"""Who may come in: a mail address and a password, tried a few times a minute. One way for API and pages."""

from __future__ import annotations

import asyncio

from billing.database import Pool
from portal import clients, passwords, people
from portal.attempts import Attempts
from portal.problem import Problem


async def sign_in(
    pool: Pool, attempts: Attempts, *, host: str | None, email: str, password: str, now_s: float
) -> people.Person:
    """Raises Problem: 429 before anything is looked at, 401 alike for whoever is not known."""
    _count(attempts, f"address {host}", f"mail {email.lower()}", now_s=now_s)
    async with pool.connection() as connection:
        found = await people.find(connection, email)
    person, password_hash = found if found is not None else (None, None)
    right = await asyncio.to_thread(passwords.verify_password, password_hash, password)
    if person is None or not right:
        raise Problem(
            401,
            "wrong_login",
            "The mail address or the password is wrong.",
            korean="이메일 또는 비밀번호가 올바르지 않습니다.",
        )
    return person


async def sign_in_client(
    pool: Pool, attempts: Attempts, *, host: str | None, client_id: str, secret: str, now_s: float
) -> people.Person:
    """A program, as the person who made it. Raises Problem, as for people."""
    _count(attempts, f"address {host}", f"client {client_id}", now_s=now_s)
    async with pool.connection() as connection:
        email = await clients.whose(connection, client_id, secret)
        found = None if email is None else await people.find(connection, email)
    if found is None:
        raise Problem(
            401,
            "wrong_login",
            "The program's id or its secret is wrong.",
            korean="프로그램 ID 또는 비밀 값이 올바르지 않습니다.",
        )
    return found[0]


def _count(attempts: Attempts, *names: str, now_s: float) -> None:
    for name in names:
        wait_s = attempts.retry_after_s(name, now_s=now_s)
        if wait_s is not None:
            raise Problem(
                429,
                "too_many_attempts",
                "Too many attempts; wait a little.",
                korean="로그인 시도가 너무 많습니다. 잠시 후 다시 시도해 주세요.",
                headers={"Retry-After": str(int(wait_s) + 1)},
            )
