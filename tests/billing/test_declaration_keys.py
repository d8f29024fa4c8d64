"""API keys of a declaration: made and shown once, replaced, revoked for good, never two names for one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from billing.database import connect
from billing.declaration import ApplyReport
from tests.fakes.declared_world import API_KEY, COMPANY, World

NOTHING = ApplyReport()


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[World]:
    async with await connect(books_url) as conn:
        yield World(conn)


async def test_a_key_that_is_left_out_is_made_and_shown_once(world: World) -> None:
    await world.apply(COMPANY)
    entry = "api_keys:\n- {company: gaonde, name: batch}\n"
    (made,) = (await world.apply(entry)).api_keys
    assert re.fullmatch(r"vg_[A-Za-z0-9_-]{43}", made.key)
    assert made.key not in repr(made)
    assert await world.apply(entry) == NOTHING
    (api_key,) = (await world.load()).api_keys
    assert api_key.key_hash == world.secrets.key_hash(made.key)
    cursor = await world.conn.execute("select last_characters from api_key")
    assert await cursor.fetchone() == (made.key[-4:],)


async def test_another_key_under_the_same_name_replaces_it(world: World) -> None:
    await world.apply(COMPANY + API_KEY)
    report = await world.apply(API_KEY.replace("0000", "0001"))
    assert report == ApplyReport(changed=("api_key/gaonde/backend",))
    (api_key,) = (await world.load()).api_keys
    assert api_key.key_hash == world.secrets.key_hash("vg_test_gaonde_backend_0001")


async def test_a_key_of_another_name_in_the_database_is_refused(world: World) -> None:
    await world.apply(COMPANY + API_KEY)
    refusal = await world.refusal(API_KEY.replace("backend,", "other,"))
    assert (
        refusal == "house.yaml:2: api_keys[0].key: this key is in use under another name: every key has one"
    )


async def test_a_revoked_key_stays_revoked(world: World) -> None:
    await world.apply(COMPANY + API_KEY)
    assert (await world.apply("api_keys:\n- {company: gaonde, name: backend, revoked: true}\n")).changed
    assert await world.apply(API_KEY) == NOTHING
    refusal = await world.refusal("api_keys:\n- {company: gaonde, name: backend, revoked: false}\n")
    assert refusal.startswith("house.yaml:2: api_keys[0].revoked: a revoked key stays revoked")
