"""Books of the version before the log: their rows become the founding batch, and history goes on."""

from __future__ import annotations

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

import billing
from billing.database import Connection, open_pool
from billing.migrate import upgrade
from tests.billing.audit.conftest import Bundle, export
from tests.fakes.audited_world import AuditedWorld
from tests.fakes.books_world import LANE, VOUCHER

BEFORE = "0003"
# Two calls of one voucher, the second in two steps, as the version before wrote them: no batch, no change.
OLD_ROWS = f"""
insert into programme (id, name, budget_micro, max_voucher_micro, starts_on, ends_on)
    values ('p', '사업 \\ "one"', 1000, 1000, '2026-01-01', '2026-12-31');
insert into programme_share (programme_id, class_name, share_ppm) values ('p', 'sme', 750000);
insert into funds (voucher_id, company_id, programme_id, lane, share_ppm, government_micro, self_micro,
    capacity_micro, free_micro, charged_micro, direct_micro, state, ends_ms)
    values ('{VOUCHER}', 'gaonde', 'p', {LANE}, 750000, 750, 250, 1000, 900, 100, 100, 'active',
    4000000000000);
insert into entry (id, kind, programme_id, voucher_id, provider_id, lane) values
    (1, 'grant', 'p', '{VOUCHER}', null, null), (2, 'deposit', 'p', '{VOUCHER}', null, null),
    (3, 'capacity', 'p', '{VOUCHER}', null, null), (4, 'usage', 'p', '{VOUCHER}', 'nuri', {LANE}),
    (5, 'correction', 'p', '{VOUCHER}', 'nuri', {LANE});
insert into posting values
    (1, 0, 'programme/p/budget', -750), (1, 1, 'voucher/{VOUCHER}/government', 750),
    (2, 0, 'company/gaonde/deposits', -250), (2, 1, 'voucher/{VOUCHER}/self', 250),
    (3, 0, 'voucher/{VOUCHER}/line', -1000), (3, 1, 'voucher/{VOUCHER}/free', 1000),
    (4, 0, 'voucher/{VOUCHER}/government', -52), (4, 1, 'voucher/{VOUCHER}/self', -18),
    (4, 2, 'provider/nuri/payable', 70), (4, 3, 'voucher/{VOUCHER}/line', 70),
    (4, 4, 'voucher/{VOUCHER}/free', -70),
    (5, 0, 'voucher/{VOUCHER}/government', -23), (5, 1, 'voucher/{VOUCHER}/self', -7),
    (5, 2, 'provider/nuri/payable', 30), (5, 3, 'voucher/{VOUCHER}/line', 30),
    (5, 4, 'voucher/{VOUCHER}/free', -30);
select setval('entry_id_seq', 5);
insert into parked (lane, stream_id, kind, op, reason, payload)
    values (1, '1-0', 'settled', 'x', E'a\\tb', 'y');
"""
OLD_CALL = f"""
insert into usage (op, step, entry_id, lane, n, kind, company_id, programme_id, voucher_id, provider_id,
    product_id, key_id, api_key, tag, request_id, gateway_id, dialect, stream, status, end_reason,
    client_gone, estimated, started_ms, held_at_ms, finished_ms, price_entry, price_from, input_tokens,
    cached_input_tokens, cache_write_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens,
    input_audio_tokens, output_audio_tokens, units, charge_micro, government_micro, self_micro,
    uncollected_micro, from_loan_micro, from_free_micro, d_charge_micro, d_government_micro, d_self_micro,
    d_uncollected_micro, d_from_loan_micro, d_from_free_micro)
values (%(op)s, %(step)s, %(entry)s, {LANE}, 1, 'settled', 'gaonde', 'p', '{VOUCHER}', 'nuri', 'nuri-x1',
    'gaonde/backend', 'backend', %(tag)s, 'r', 'g1', 'openai', true, 'settled', 'completed', false, false,
    1, 2, 3,
    'nuri-x1@2026', '2026', 12, 0, 0, 0, 40, 0, 0, 0, '{{"seconds": 3, "images": 1}}', %(charge)s, %(gov)s,
    %(own)s, 0, 0, %(charge)s, %(d)s, %(d_gov)s, %(d_own)s, 0, 0, %(d)s)"""
OLD_CALLS = [
    {"op": "b", "step": 0, "entry": 4, "tag": "a\ttab \\ \v", "charge": 40, "gov": 30, "own": 10}
    | {"d": 40, "d_gov": 30, "d_own": 10},
    {"op": "a", "step": 0, "entry": 4, "tag": None, "charge": 30, "gov": 22, "own": 8}
    | {"d": 30, "d_gov": 22, "d_own": 8},
    {"op": "a", "step": 1, "entry": 5, "tag": None, "charge": 60, "gov": 45, "own": 15}
    | {"d": 30, "d_gov": 23, "d_own": 7},
]


def upgrade_to(url: str, version: str) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(Path(billing.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        connection.commit()
    engine.dispose()


def test_a_new_installation_begins_with_an_empty_batch(books_url: str) -> None:
    with psycopg.connect(books_url) as connection:
        rows = connection.execute(
            "select number, usage_rows + entry_rows + posting_rows + parked_rows + change_rows, b.root"
            " = sha256('') from log join batch b on b.id = batch_id"
        ).fetchall()
    assert rows == [(0, 0, True)]


async def test_old_books_are_taken_in_and_go_on(postgres_url: str, tmp_path: Path) -> None:
    upgrade_to(postgres_url, BEFORE)
    with psycopg.connect(postgres_url) as connection:
        connection.execute(OLD_ROWS.encode())
        for call in OLD_CALLS:
            connection.execute(OLD_CALL.encode(), call)
    upgrade(postgres_url)
    async with open_pool(postgres_url) as pool:
        async with pool.connection() as conn:
            assert await counts_of_founding(conn) == (3, 5, 16, 1, 3)
        await export(pool, tmp_path / "old")
        old = Bundle(tmp_path / "old")
        assert old.findings() == []
        assert [line.split(b"\t")[1:3] for line in old.read("usage.tsv")[1:]] == [
            [b"b", b"0"],
            [b"a", b"0"],
            [b"a", b"1"],
        ]
        world = await AuditedWorld.make(pool)
        await world.post([10, 20])
        await export(pool, tmp_path / "new")
        assert Bundle(tmp_path / "new").findings(known_heads=[old.head()]) == []


async def counts_of_founding(conn: Connection) -> tuple[int, ...]:
    cursor = await conn.execute(
        "select usage_rows, entry_rows, posting_rows, parked_rows, change_rows from batch where id = 0"
    )
    [row] = await cursor.fetchall()
    return tuple(row)
