"""The schema comes up once, whoever starts it, and its append-only tables stay so."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from alembic.script import ScriptDirectory

from billing.migrate import VERSIONS, newest_version, upgrade, version_of
from billing.migrations.forward import MIGRATION_LOCK


def test_several_starts_and_a_second_run_change_nothing(postgres_url: str) -> None:
    upgrade(postgres_url)
    upgrade(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        row = connection.execute("select value from house where name = 'lanes'").fetchone()
        assert version_of(connection) == newest_version()
    assert row == ("64",)


def test_the_newest_version_is_the_end_of_the_migrations(postgres_url: str) -> None:
    assert ScriptDirectory(str(VERSIONS.parent)).get_heads() == [newest_version()]
    with psycopg.connect(postgres_url) as connection:
        assert version_of(connection) is None


def test_a_start_that_finds_nothing_to_do_loads_no_alembic(books_url: str) -> None:
    words = "import sys; from billing.migrate import upgrade; upgrade(sys.argv[1]); print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", words, books_url], text=True).split()
    assert "billing.migrate" in loaded
    assert "alembic" not in loaded


def test_a_server_that_goes_away_is_one_error_of_its_driver(postgres_url: str) -> None:
    """While it waits for another start's migrations. The commands make one sentence of it."""
    waits = "select pid from pg_locks where locktype = 'advisory' and not granted"
    with psycopg.connect(postgres_url, autocommit=True) as other, ThreadPoolExecutor(1) as pool:
        other.execute("select pg_advisory_lock(%s)", [MIGRATION_LOCK])
        done = pool.submit(upgrade, postgres_url)
        while (waiting := other.execute(waits).fetchone()) is None:
            assert not done.done()
        other.execute("select pg_terminate_backend(%s)", waiting)
        with pytest.raises(psycopg.OperationalError):
            done.result(30)


@pytest.mark.parametrize("table", ["usage", "entry", "posting", "parked"])
@pytest.mark.parametrize("change", ["delete from {}", "truncate {}", "update {} set voucher_id = ''"])
def test_append_only_tables_refuse_change(books_url: str, table: str, change: str) -> None:
    if table in ("posting", "parked"):
        change = change.replace("voucher_id = ''", "leg = 0" if table == "posting" else "op = ''")
    with psycopg.connect(books_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(change.format(table))


def test_an_entry_that_does_not_balance_is_refused(books_url: str) -> None:
    with psycopg.connect(books_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("insert into posting values (1, 0, 'a', 5), (1, 1, 'b', -4)")
