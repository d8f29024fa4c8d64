"""The embedded servers keep what they acknowledged, whatever is killed, and start from whatever is left."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest
import redis

from launch.embedded import ServerRefused, processes_in, socket_dir_for
from launch.embedded_postgres import DURABLE as POSTGRES_DURABLE
from launch.embedded_postgres import PostgresServer
from launch.embedded_valkey import AOF_DIR, ValkeyServer
from launch.embedded_valkey import DURABLE as VALKEY_DURABLE


def test_postgres_keeps_its_data_over_a_kill(postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (7)")
    postgres_server.kill()
    postgres_server.start()
    with psycopg.connect(postgres_server.url) as connection:
        assert connection.execute("select n from kept").fetchall() == [(7,)]


def test_postgres_runs_with_durable_settings_and_no_tcp(postgres_server: PostgresServer) -> None:
    wanted = {**POSTGRES_DURABLE, "data_checksums": "on", "listen_addresses": "", "TimeZone": "UTC"}
    with psycopg.connect(postgres_server.url) as connection:
        found = {name: connection.execute(f"show {name}").fetchone() for name in wanted}
        encoding = connection.execute("show server_encoding").fetchone()
    assert found == {name: (value,) for name, value in wanted.items()}
    assert encoding == ("UTF8",)


def test_a_pid_file_that_names_a_stranger_does_not_stop_postgres(postgres_server: PostgresServer) -> None:
    postgres_server.stop()
    (postgres_server.data_dir / "postmaster.pid").write_text(f"{os.getppid()}\n{postgres_server.data_dir}\n")
    postgres_server.start()
    assert postgres_server.ready()


def test_a_cut_off_initdb_is_begun_anew(postgres_server: PostgresServer, tmp_path: Path) -> None:
    del postgres_server  # only to have the run's order: this one makes its own
    fresh = tmp_path / "pg.new"
    fresh.mkdir()
    (fresh / "PG_VERSION").write_text("18\n")
    server = PostgresServer(data_dir=tmp_path / "pg", socket_dir=tmp_path / "r", log_path=tmp_path / "log")
    server.start()
    server.stop()
    assert (tmp_path / "pg" / "PG_VERSION").exists()
    assert not fresh.exists()


def test_data_of_another_postgres_is_refused(tmp_path: Path) -> None:
    data_dir = tmp_path / "pg"
    data_dir.mkdir()
    (data_dir / "PG_VERSION").write_text("12\n")
    server = PostgresServer(data_dir=data_dir, socket_dir=tmp_path / "r", log_path=tmp_path / "log")
    with pytest.raises(ServerRefused, match="made by PostgreSQL 12"):
        server.start()


def test_valkey_keeps_its_data_over_a_kill(valkey_server: ValkeyServer) -> None:
    with redis.Redis.from_url(valkey_server.url) as client:
        client.set("kept", "7")
    valkey_server.kill()
    valkey_server.start()
    with redis.Redis.from_url(valkey_server.url) as client:
        assert client.get("kept") == b"7"


def test_valkey_runs_with_durable_settings(valkey_server: ValkeyServer) -> None:
    with redis.Redis.from_url(valkey_server.url, decode_responses=True) as client:
        found = {name: client.config_get(name)[name] for name in VALKEY_DURABLE}
    assert found == dict(VALKEY_DURABLE)


def test_a_truncated_purse_file_is_kept_as_evidence(valkey_server: ValkeyServer) -> None:
    with redis.Redis.from_url(valkey_server.url) as client:
        client.set("lost", "7")
    valkey_server.kill()
    (log,) = (valkey_server.data_dir / AOF_DIR).glob("*.incr.aof")
    log.write_bytes(log.read_bytes()[:-3])
    valkey_server.start()
    with redis.Redis.from_url(valkey_server.url) as client:
        assert client.dbsize() == 0
    assert len(list(valkey_server.data_dir.glob(f"{AOF_DIR}.broken-*"))) == 1


def test_a_server_of_an_earlier_run_is_ended_before_the_next_starts(valkey_server: ValkeyServer) -> None:
    earlier = valkey_server.process
    assert earlier is not None
    earlier.terminate()
    valkey_server.process = None
    valkey_server.start()
    assert [p.pid for p in processes_in(valkey_server.data_dir, name="valkey")] == [valkey_server.pid]
    earlier.wait()


def test_sockets_of_a_long_data_directory_go_to_a_short_one(tmp_path: Path) -> None:
    assert socket_dir_for(tmp_path, longest_name="x.sock") == tmp_path / "run"
    long = tmp_path / ("d" * 120)
    found = socket_dir_for(long, longest_name="x.sock")
    assert len(str(found / "x.sock")) < 100
    assert found == socket_dir_for(long, longest_name="x.sock")
