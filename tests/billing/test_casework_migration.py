"""Books of the version before the casework: programmes are open, vouchers go on, nothing is logged anew."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

import billing
from billing.database import connect
from billing.migrate import upgrade
from tests.fakes.declared_world import COMPANY, PROGRAMME, VOUCHER, World

BEFORE = "0008"
OLD_ROWS = """
insert into programme (id, name, budget_micro, max_voucher_micro, starts_on, ends_on)
    values ('ai-2026', '초거대 AI API 활용 지원', 1000000000000, 600000000000, '2026-01-01', '2026-12-31');
insert into programme_share (programme_id, class_name, share_ppm) values ('ai-2026', 'sme', 750000);
insert into company (id, name, brn, class_name, active)
    values ('gaonde', '가온데이터', '1111111119', 'sme', true);
insert into voucher (id, company_id, programme_id, class_name, share_ppm, government_micro, self_micro, state)
    values ('gaonde-2026', 'gaonde', 'ai-2026', 'sme', 750000, 300000000000, 100000000000, 'suspended');
"""


def upgrade_to(url: str, revision: str) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(Path(billing.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


async def test_books_of_the_version_before(postgres_url: str) -> None:
    upgrade_to(postgres_url, BEFORE)
    with psycopg.connect(postgres_url) as before:
        before.execute(OLD_ROWS.encode())
        changes = before.execute("select count(*) from change").fetchone()
    upgrade(postgres_url)
    async with await connect(postgres_url) as conn:
        lives = await (await conn.execute("select * from programme_life")).fetchall()
        assert lives == [("ai-2026", "open", "rolling", None)]
        assert await (await conn.execute("select count(*) from change")).fetchone() == changes
        assert await (await conn.execute("select count(*) from step")).fetchone() == (0,)
        # A declaration goes on where it was, and makes programmes that are open.
        world = World(conn)
        report = await world.apply(PROGRAMME.replace("ai-2026", "ai-2027") + COMPANY + VOUCHER)
        assert report.created == ("programme/ai-2027",)
        lives = await (await conn.execute("select state from programme_life")).fetchall()
        assert lives == [("open",), ("open",)]
        with pytest.raises(psycopg.errors.CheckViolation):
            await conn.execute("update voucher set state = 'spent'")
        await conn.execute("update voucher set state = 'ended'")
