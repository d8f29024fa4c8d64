"""Table × step: refused from every wrong state, to every wrong role and tenant, and past closed months.

It goes by the tables themselves, over the real API on real books. A table without a life here fails, as does
a state nobody can bring a thing to, a step without a route, and one that books what its life does not say.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final, cast

import pytest
import pytest_asyncio

from billing.database import Pool, connect
from billing.lifecycle.table import Table
from billing.lifecycle.tables import TABLES
from tests.fakes.office_world import furnished
from tests.portal.lives import alerts, casework, ending, jobs, money, offers, payouts, reports
from tests.portal.lives.life import Life, Stage
from tests.portal.lives.matrix import Matrix, route_of
from tests.portal.lives.whole_books import OneConnection

LIVES: Final = (
    *(*casework.LIVES, *offers.LIVES, *money.LIVES, *jobs.LIVES),
    *(*payouts.LIVES, *ending.LIVES, *alerts.LIVES, *reports.lives()),
)
EACH: Final = pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
REFUSALS_MIN: Final = 500  # of all tables: what is found to be refused is there to be counted

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(module_books_url: str) -> AsyncIterator[Stage]:
    """One office on one connection, for all tables: everything they do is undone."""
    async with await connect(module_books_url) as conn:
        await conn.execute("set idle_in_transaction_session_timeout = 0")
        async with (
            conn.transaction(force_rollback=True),
            furnished(cast(Pool, OneConnection(conn))) as office,
        ):
            yield Stage(office, conn)


@pytest.fixture(scope="module")
def refusals() -> dict[str, int]:
    return {}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def roles(stage: Stage) -> dict[str, set[str]]:
    """Who may ask for each route."""
    document: dict[str, Any] = (await stage.office.http.get("/api/openapi.json")).json()
    return {
        f"{method.upper()} {path}": {one["role"] for one in operation.get("x-allow", ())}
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.thing)
async def test_a_table_has_a_life_for_every_role(table: Table[Any]) -> None:
    lives = [life for life in LIVES if life.table is table]
    assert lives
    assert frozenset.intersection(*(life.without for life in lives)) == frozenset()


@EACH
async def test_a_table_s_life_is_told_whole(life: Life, roles: dict[str, set[str]]) -> None:
    table = life.table
    assert set(life.ways()) == set(table.states)
    named = {step.action for step in table.steps}
    for told in (
        life.asks,
        life.turns,
        life.clock,
        life.again,
        life.others,
        life.own,
        life.ends_in,
        life.books,
        life.told,
    ):
        assert set(told) <= named
    for step in table.steps:
        if step.allow:
            for allow in step.allow:
                if allow.role not in life.without:
                    assert allow.role in roles[route_of(life.ask(step).by(allow.role))], step.action
        else:
            assert step.action in life.clock
            assert route_of(life.ask(step)) not in roles  # nobody can ask for it


@EACH
async def test_a_step_is_refused_or_taken(
    life: Life, stage: Stage, roles: dict[str, set[str]], refusals: dict[str, int]
) -> None:
    """Refused from each wrong state, to each wrong role and tenant, with nothing changed; else taken.

    All months that are over are closed: what a taken step books is of one that is open.
    """
    matrix = Matrix(stage, life, roles)
    async with stage.undone():
        await matrix.begun()
        await matrix.in_every_state()
    assert matrix.wrong == []
    assert matrix.booked == life.books
    refusals[life.name] = matrix.refused


async def test_the_matrix_is_not_empty(refusals: dict[str, int]) -> None:
    assert set(refusals) == {life.name for life in LIVES}
    assert min(refusals.values()) >= 5
    assert sum(refusals.values()) >= REFUSALS_MIN
