"""A gateway that cannot start: it says why, and has closed what it had opened."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import psycopg
import pytest

from config.settings import Settings, read_settings
from launch.gateway_role import SERVERS_PAUSE_S, build_gateway
from tests.fakes.tcp_proxy import TcpProxy
from tests.launch.running_up import refused

SECRET = "the secret of all machines"


def environment(books_url: str, valkey_url: str, secret: str = SECRET) -> dict[str, str]:
    return {"DATABASE_URL": books_url, "REDIS_URL": valkey_url, "VOUCHER_GATEWAY_SECRET": secret}


def settings_of(tmp_path: Path, books_url: str, valkey_url: str) -> Settings:
    (tmp_path / "unposted").mkdir()
    return read_settings(environment(books_url, valkey_url), data_dir=tmp_path)


@pytest.fixture(autouse=True)
def others_are_left_alone() -> None:
    """What earlier tests left is not looked through: it takes long, and complains of clients of theirs."""
    gc.freeze()


async def test_what_fails_half_way_leaves_nothing_open(
    tmp_path: Path, books_url: str, valkey_url: str
) -> None:
    with psycopg.connect(books_url) as connection:
        connection.execute("drop table product cascade")  # read last, when all else is open
    before = asyncio.all_tasks()
    with pytest.raises(psycopg.errors.UndefinedTable):
        await build_gateway(settings_of(tmp_path, books_url, valkey_url), gateway_id="g1")
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    gc.collect()  # a session left open would complain here, and a complaint fails the test


async def test_what_started_is_closed_whole(tmp_path: Path, books_url: str, valkey_url: str) -> None:
    before = asyncio.all_tasks()
    role = await build_gateway(settings_of(tmp_path, books_url, valkey_url), gateway_id="g1")
    await role.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    gc.collect()


async def test_a_server_that_is_away_for_a_moment_is_waited_for(
    tmp_path: Path, books_url: str, valkey_url: str
) -> None:
    """Else the process ends and another has to be started, which takes far longer than the server does."""
    async with TcpProxy(Path(valkey_url.removeprefix("unix://"))) as wire:
        wire.refusing = True
        building = asyncio.create_task(
            build_gateway(settings_of(tmp_path, books_url, wire.url), gateway_id="g1")
        )
        await asyncio.sleep(2 * SERVERS_PAUSE_S)
        assert not building.done()
        wire.refusing = False
        role = await building
        await role.close()


@pytest.mark.parametrize("role", ["gateway", "office"])
def test_a_role_alone_says_in_one_sentence_which_server_is_away(
    tmp_path: Path, valkey_url: str, role: str
) -> None:
    told = environment(f"postgresql:///x?host={tmp_path}", valkey_url)
    code, said = refused(role, "--data-dir", str(tmp_path), environment=told)
    assert (code, said.count("\n")) == (2, 1), said
    assert said.startswith("PostgreSQL at DATABASE_URL cannot be used: connection")


@pytest.mark.parametrize("role", ["gateway", "office", "worker"])
def test_a_role_alone_says_that_the_schema_is_missing(
    tmp_path: Path, postgres_url: str, valkey_url: str, role: str
) -> None:
    told = environment(postgres_url, valkey_url)
    port = [] if role == "worker" else [{"gateway": "--port", "office": "--office-port"}[role], "0"]
    code, said = refused(role, "--data-dir", str(tmp_path), *port, environment=told)
    assert (code, said) == (2, "The books are of an earlier version: run `voucher-gateway migrate` first.\n")


@pytest.mark.parametrize(
    "words",
    [("worker",), ("office", "--office-port", "0"), ("gateway", "--port", "0"), ("apply", "/dev/null")],
    ids=lambda words: words[0],
)
async def test_another_secret_than_the_books_is_one_sentence(
    tmp_path: Path, books_url: str, valkey_url: str, words: tuple[str, ...]
) -> None:
    role = await build_gateway(settings_of(tmp_path, books_url, valkey_url), gateway_id="g1")
    await role.close()
    code, said = await asyncio.to_thread(
        refused,
        *(*words, "--data-dir", str(tmp_path)),
        environment=environment(books_url, valkey_url, "the secret of one machine"),
    )
    assert (code, said.strip().splitlines()[-1]) == (
        2,
        "VOUCHER_GATEWAY_SECRET is not the secret these books were begun under:"
        " all processes on one DATABASE_URL need the same.",
    )
