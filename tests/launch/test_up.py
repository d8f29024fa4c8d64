"""`up` starts, keeps and ends everything; what it cannot do is one sentence, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from launch.data_dir import MARKER
from tests.fakes.prepared_state import prepare_state
from tests.fakes.short_dir import short_dir
from tests.launch.running_up import RunningUp, get, refused, wait_until

pytestmark = pytest.mark.slow


@contextmanager
def an_up() -> Iterator[RunningUp]:
    root = short_dir()
    running = RunningUp(prepare_state(root / "state"), "--workers", "2")
    yield running.wait_ready()
    running.kill_quietly()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def up() -> Iterator[RunningUp]:
    with an_up() as running:
        yield running


@pytest.fixture(scope="module")
def shared_up() -> Iterator[RunningUp]:
    """For tests that leave it serving."""
    with an_up() as running:
        yield running


def database_url(data_dir: Path) -> str:
    return f"postgresql://voucher@/voucher?host={data_dir / 'run'}"


def test_serves_and_shows_its_roles_in_ps(shared_up: RunningUp) -> None:
    data_plane, office = shared_up.address("data plane"), shared_up.address("office")
    assert [get(f"{base}{path}")[0] for base in (data_plane, office) for path in ("/healthz", "/readyz")] == [
        200
    ] * 4
    assert "바우처" in get(f"{office}/")[1]
    lines = " | ".join(shared_up.family().values())
    for word in (
        "gateway --slot 0",
        "gateway --slot 1",
        " office ",
        " worker ",
        "postgres -D",
        "valkey-server",
    ):
        assert word in lines


def test_the_same_data_serves_again_after_sigterm_and_after_kill(up: RunningUp) -> None:
    """Both end everything; after the second the next one comes at once, while what is left still dies."""
    family = set(up.family())
    with psycopg.connect(database_url(up.data_dir), autocommit=True) as connection:
        connection.execute("create table kept as select 7 as n")
    secret = (up.data_dir / "secret.key").read_bytes()
    assert up.end() == 0
    assert [pid for pid in family if psutil.pid_exists(pid)] == []
    again = RunningUp(up.data_dir).wait_ready()
    try:
        with psycopg.connect(database_url(up.data_dir)) as connection:
            assert connection.execute("select n from kept").fetchall() == [(7,)]
        assert (up.data_dir / "secret.key").read_bytes() == secret
        family = set(again.family())
        again.process.kill()
        third = RunningUp(up.data_dir)
    finally:
        again.kill_quietly()
    try:
        third.wait_ready()
        wait_until(lambda: not any(psutil.pid_exists(pid) for pid in family))
        assert third.end(signal.SIGINT) == 0
    finally:
        third.kill_quietly()


@pytest.mark.parametrize("word", ["gateway --slot 0", " worker ", " office ", "valkey-server", "postgres -D"])
def test_what_dies_is_started_anew(shared_up: RunningUp, word: str) -> None:
    before = shared_up.pid_of(word)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: any(word in line and pid != before for pid, line in shared_up.family().items()))
    wait_until(lambda: get(f"{shared_up.address('office')}/readyz")[0] == 200)
    wait_until(lambda: get(f"{shared_up.address('data plane')}/readyz")[0] == 200)


def test_a_signal_while_starting_leaves_nothing(tmp_path: Path) -> None:
    starting = RunningUp(tmp_path / "state")
    wait_until(lambda: any("postgres" in line for line in starting.family().values()))
    family = set(starting.family())
    starting.end()
    assert [pid for pid in family if psutil.pid_exists(pid)] == []
    assert not (tmp_path / "state").exists()


def test_a_data_directory_in_use_is_refused(shared_up: RunningUp) -> None:
    code, said = refused("up", "--data-dir", str(shared_up.data_dir), "--port", "0", "--office-port", "0")
    assert (code, said.count("\n")) == (2, 1)
    assert "in use by a running voucher-gateway" in said
    assert get(f"{shared_up.address('data plane')}/readyz")[0] == 200


@pytest.mark.parametrize("which", ["--port", "--office-port"])
def test_a_busy_port_is_one_sentence(tmp_path: Path, which: str) -> None:
    other = {"--port": "--office-port", "--office-port": "--port"}[which]
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        code, said = refused("up", "--data-dir", str(tmp_path / "state"), which, str(port), other, "0")
    assert (code, said.count("\n")) == (2, 1)
    assert f"Port {port}" in said
    assert list(tmp_path.iterdir()) == []


def test_one_port_for_both_is_one_sentence(tmp_path: Path) -> None:
    code, said = refused("up", "--data-dir", str(tmp_path / "state"), "--port", "9", "--office-port", "9")
    assert (code, said) == (
        2,
        "Port 9 cannot be both the data plane's and the office's; choose another.\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_directory_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("not yours")
    code, said = refused("up", "--data-dir", str(tmp_path), "--port", "0", "--office-port", "0")
    assert (code, said.count("\n")) == (2, 1)
    assert MARKER in said
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_missing_right_is_one_sentence() -> None:
    code, said = refused("up", "--data-dir", "/proc/nobody/may", "--port", "0", "--office-port", "0")
    assert (code, said.count("\n")) == (2, 1)
    assert "/proc/nobody/may cannot be made" in said


@pytest.mark.parametrize(
    ("name", "url"),
    [("DATABASE_URL", "postgresql://127.0.0.1:1/voucher"), ("REDIS_URL", "redis://127.0.0.1:1")],
)
def test_an_unreachable_server_is_one_sentence(tmp_path: Path, name: str, url: str) -> None:
    environment = {**os.environ, name: url}  # noqa: TID251 - what a person's shell does
    code, said = refused(
        "up",
        *("--data-dir", str(tmp_path / "state"), "--port", "0", "--office-port", "0"),
        environment=environment,
    )
    assert (code, said.count("\n")) == (2, 1)
    assert name in said
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    code, said = refused(
        "up",
        *("--data-dir", str(tmp_path / "state"), "--port", "0", "--office-port", "0"),
        *("--apply", str(tmp_path / "absent.yaml")),
    )
    assert (code, said.count("\n")) == (2, 1)
    assert "absent.yaml cannot be read" in said
    assert list(tmp_path.iterdir()) == []


def test_role_alone_without_servers_is_one_sentence(tmp_path: Path) -> None:
    code, said = refused("worker", "--data-dir", str(tmp_path / "nothing"))
    assert (code, said.count("\n")) == (2, 1)
    assert "DATABASE_URL and REDIS_URL must be set" in said


def test_a_killed_gateway_is_known_to_have_ended(shared_up: RunningUp) -> None:
    """Else what it held would be waited for, a quarter of an hour."""
    line = shared_up.family()[shared_up.pid_of("gateway --slot 1")]
    gateway_id = line.split("--gateway-id ")[1].split()[0]
    os.kill(shared_up.pid_of(gateway_id), signal.SIGKILL)

    def marked() -> bool:
        with psycopg.connect(database_url(shared_up.data_dir)) as connection:
            ended = connection.execute(
                "select 1 from gateway where id = %s and ended_at is not null", (gateway_id,)
            )
            return ended.fetchone() is not None

    wait_until(marked, timeout_s=5)
    assert not (shared_up.data_dir / "gateways" / gateway_id).exists()


def test_foreign_servers_are_used_and_their_weakness_is_said(
    tmp_path: Path, postgres_url: str, valkey_url: str
) -> None:
    environment = {**os.environ, "DATABASE_URL": postgres_url, "REDIS_URL": valkey_url}  # noqa: TID251
    running = RunningUp(tmp_path / "state", environment=environment)
    try:
        running.wait_ready()
        assert get(f"{running.address('data plane')}/readyz")[0] == 200
        lines = " ".join(running.family().values())
        assert "postgres -D" not in lines
        assert "valkey-server" not in lines
        running.process.send_signal(signal.SIGTERM)
        _, said = running.process.communicate(timeout=30)
        assert running.process.returncode == 0
        assert "warning: PostgreSQL: fsync is 'off', not 'on'." in said
    finally:
        running.kill_quietly()
