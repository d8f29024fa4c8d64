"""What the step matrix sees of a change, and that it sees none where one was undone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from billing.database import Connection, connect
from tests.portal.lives.whole_books import WholeBooks, changed

A_PERSON = "insert into person (email, role) values (%s, 'auditor')"


@pytest.fixture
async def conn(books_url: str) -> AsyncIterator[Connection]:
    async with await connect(books_url) as conn, conn.transaction(force_rollback=True):
        yield conn


async def test_what_is_written_is_seen_and_what_is_undone_is_not(conn: Connection) -> None:
    books = WholeBooks(conn)
    before = await books.seen()
    assert changed(before, await books.seen()) == []

    await conn.execute(A_PERSON, ["a@books.example"])
    with_one = await books.seen()
    assert changed(before, with_one) == ["person"]

    await conn.execute("update person set role = 'operator' where email like '%@books.example'")
    as_operator = await books.seen()
    assert changed(with_one, as_operator) == ["person"]

    async with conn.transaction(force_rollback=True):
        await conn.execute(A_PERSON, ["b@books.example"])
    assert changed(as_operator, await books.seen()) == []

    async with books.undone(conn.transaction(force_rollback=True)):
        await conn.execute("delete from person where email like '%@books.example'")
        assert changed(as_operator, await books.seen()) == ["person"]
    assert changed(as_operator, await books.seen()) == []

    await conn.execute("delete from person where email like '%@books.example'")
    assert changed(before, await books.seen()) == []
