"""Books of the version that settled agreements alone: what is settled stays, what was left may follow."""

from __future__ import annotations

import psycopg
import pytest

from billing.casework.deeds import Deed
from billing.database import connect
from billing.lifecycle.table import Actor
from billing.migrate import upgrade
from billing.settlements import findings, store
from tests.billing.test_casework_migration import OLD_ROWS as DIRECTORY
from tests.billing.test_casework_migration import upgrade_to
from tests.fakes.office_world import NOW

BEFORE = "0022"
OLD_ROWS = """
insert into voucher (id, company_id, programme_id, class_name, share_ppm, government_micro, self_micro, state)
    values ('declared', 'gaonde', 'ai-2026', 'sme', 750000, 7000000, 0, 'ended');
insert into funds (voucher_id, company_id, programme_id, lane, share_ppm, government_micro, self_micro,
    capacity_micro, free_micro, charged_micro, state, ends_ms)
    select id, company_id, programme_id, 0, share_ppm, 0, 0, 0, 0, 0, 'ended', 1 from voucher;
insert into step (thing, thing_id, action, to_state, person, role, request_id, at)
    select thing, thing_id, 'make', state, 'a', 'operator', '', now() from (values
        ('round', 'r-1', 'selected'), ('application', 'ap-1', 'selected'), ('agreement', 'ag-1', 'completed'),
        ('settlement', 'se-1', 'closed'), ('finding', 'fi-1', 'repaid')) v (thing, thing_id, state);
insert into round (id, programme_id, name, budget_kind, state, budget_micro, cap_micro, opens_at, closes_at,
    tracks, criteria, bonuses, evaluators_min, mean, pass_mark_milli, ties, beyond_budget, created_at)
    values ('r-1', 'ai-2026', '1차', 'regular', 'selected', 1, 1, '2026-01-01', '2026-01-02', '[]', '[]',
        '[]', 1, 'plain', 0, '{}', 'stop', now());
insert into application (id, round_id, company_id, state, title, plan, class_name, government_micro,
    self_cash_micro, self_in_kind_micro, bonuses, award_micro, created_at)
    values ('ap-1', 'r-1', 'gaonde', 'selected', '', '', 'sme', 1, 0, 0, '{}', 1, now());
insert into agreement (id, application_id, programme_id, company_id, state, class_name, share_ppm, voucher_id,
    created_at)
    values ('ag-1', 'ap-1', 'ai-2026', 'gaonde', 'completed', 'sme', 750000, 'gaonde-2026', now());
insert into settlement values
    ('se-1', 'ag-1', 'gaonde-2026', 'ai-2026', 'gaonde', 'closed', '2026-10-31', null, null, null, now());
insert into finding values
    ('fi-1', 'ag-1', 'gaonde-2026', 'ai-2026', 'gaonde', 'repaid', 'a', '목적 외', null, now());
"""
SETTLED = (b"select * from settlement", b"select * from finding")
ITS_OWN = (
    "insert into settlement (id, agreement_id, voucher_id, programme_id, company_id, state, ended_on,"
    " created_at) values (%s, %s, %s, 'ai-2026', 'gaonde', 'opened', '2026-10-31', now())"
)


async def test_settlements_of_the_version_before(postgres_url: str) -> None:
    upgrade_to(postgres_url, BEFORE)
    with psycopg.connect(postgres_url) as before:
        before.execute((DIRECTORY + OLD_ROWS).encode())
        rows = [before.execute(one).fetchall() for one in SETTLED]
        with pytest.raises(psycopg.errors.NotNullViolation), before.transaction():
            before.execute(ITS_OWN.encode(), ["se-2", None, "declared"])
    upgrade(postgres_url)
    async with await connect(postgres_url) as conn:
        for one, old in zip(SETTLED, rows, strict=True):
            assert await (await conn.execute(one)).fetchall() == old
        # One of each voucher, and of each agreement, whichever names it.
        for again in (["se-2", None, "gaonde-2026"], ["se-2", "ag-1", "declared"]):
            with pytest.raises(psycopg.errors.UniqueViolation):
                await conn.execute(ITS_OWN.encode(), again)
        with pytest.raises(psycopg.errors.NotNullViolation):
            await conn.execute(ITS_OWN.encode(), ["se-2", None, None])
        async with conn.transaction():
            deed = Deed(Actor("a", "operator"), NOW, "r-1")
            made = await store.open_settlement(conn, voucher_id="declared", deed=deed)
        row = await store.find(conn, made)
        assert (row["agreement_id"], row["voucher_id"]) == (None, "declared")
        assert (await findings.find(conn, "fi-1"))["agreement_id"] == "ag-1"
        assert [one["findings_undecided"] for one in (row, await store.find(conn, "se-1"))] == [0, 0]
