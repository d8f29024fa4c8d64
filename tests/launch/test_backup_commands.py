"""`backup` and `restore` as people call them: what comes back, what is refused, what is left then."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import redis

from billing.audit.sealing import make_signer, seal
from billing.database import connect, open_pool
from billing.house import check_secret
from billing.secrets import Secrets
from config.settings import read_settings
from launch.backup.manifest import read_manifest
from launch.backup.restoring import restore
from launch.backup.taking import backup
from launch.data_dir import claim
from launch.refusal import Refused
from metering import keys
from tests.fakes.audited_world import AuditedWorld
from tests.fakes.books_world import LANE
from tests.fakes.copied import finished

SECRET = "a secret of thirty-two characters"


@dataclass(slots=True)
class Shell:
    folder: Path
    books: str | None = None
    purse: str | None = None
    secret: str | None = SECRET

    def __call__(self, *words: str) -> tuple[int, str, str]:
        told = {
            "PATH": os.environ["PATH"],  # noqa: TID251 - for a child
            "DATABASE_URL": self.books,
            "REDIS_URL": self.purse,
            "VOUCHER_GATEWAY_SECRET": self.secret,
        }
        given = {name: value for name, value in told.items() if value is not None}
        return finished(*words, environment=given, folder=self.folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("copies")


@pytest.fixture(scope="module")
def copied(house_url: str, folder: Path) -> Path:
    """A copy of books with calls, a loan, a voucher with strange letters and a signed log."""

    async def fill() -> None:
        secrets = Secrets(SECRET.encode())
        async with open_pool(house_url) as pool:
            world = await AuditedWorld.make(pool)
            await world.post([1_000_001, 5])
        async with await connect(house_url) as conn:
            await check_secret(conn, secrets)
            await seal(conn, await make_signer(conn, secrets.signing_seed))

    asyncio.run(fill())
    code, told, complaint = Shell(folder, house_url)("backup", "copy")
    assert (code, complaint) == (0, ""), complaint
    assert "2 calls" in told
    assert "without the master secret" in told
    return folder / "copy"


@pytest.fixture
def copy(copied: Path, tmp_path: Path) -> Path:
    """One to be spoilt."""
    return Path(shutil.copytree(copied, tmp_path / "copy"))


def ask(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def test_the_books_come_back_as_they_were(
    copied: Path, house_url: str, postgres_url: str, tmp_path: Path
) -> None:
    there, back = Shell(tmp_path, house_url), Shell(tmp_path, postgres_url)
    (tmp_path / "head.txt").write_text(there("head")[1])
    code, told, complaint = back("restore", str(copied))
    assert (code, complaint) == (0, "")
    assert "2 calls" in told

    for table in ("usage", "entry", "posting", "funds", "batch", "log", "tree_head", "key_day", "price"):
        rows = f"select t::text from {table} t order by 1"
        if table == "batch":
            rows = (
                "select root from batch where id not in (select batch_id from change where kind = 'restored')"
            )
        assert ask(postgres_url, rows) == ask(house_url, rows), table
    assert ask(postgres_url, "select state from lane_epoch") == [("closing",)]
    assert ask(postgres_url, "select writer from directory_revision") == [(None,)]
    with pytest.raises(psycopg.Error, match=r"append-only|permission denied"):
        ask(postgres_url, "update usage set charge_micro = 0")
    owner_may_not = (
        "select count(*) from information_schema.role_table_grants where privilege_type = 'UPDATE'"
    )
    assert ask(postgres_url, owner_may_not) == ask(house_url, owner_may_not)

    # The log goes on from where it was, and says itself that it went back.
    assert back("export", "books")[0] == 0
    assert back("verify", "books", "--head", "head.txt")[0] == 0
    told = json.loads(str(ask(postgres_url, "select row_text from change where kind = 'restored'")[0][0]))
    assert told["log_size"] == ask(house_url, "select max(number) + 1 from log")[0][0]


def test_what_is_asked_twice_is_refused(copied: Path, folder: Path, house_url: str) -> None:
    assert Shell(folder, house_url)("backup", "copy")[0] == 2
    code, _, complaint = Shell(folder, house_url)("restore", str(copied))
    assert (code, complaint) == (2, "The database at DATABASE_URL is not empty: restore into one that is.\n")
    assert stat.S_IMODE(copied.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir() if path.name.endswith(".partial")] == []


def _change(name: str, value: object, *, seal: bool = False) -> Callable[[Path], None]:
    def change(copy: Path) -> None:
        manifest = json.loads((copy / "backup.json").read_text())
        room = manifest if name in manifest else manifest["figures"]
        room[name] = value
        (copy / "backup.json").write_text(json.dumps(manifest))
        if seal:
            read_manifest(copy).sealed(Secrets(SECRET.encode())).write(copy)

    return change


def _spoil(copy: Path) -> None:
    with (copy / "books.dump").open("r+b") as file:
        file.seek(1000)
        file.write(b"\x00\x01")


def _add_file(copy: Path) -> None:
    manifest = json.loads((copy / "backup.json").read_text())
    manifest["files"]["../../etc/passwd"] = {"bytes": 1, "sha256": ""}
    (copy / "backup.json").write_text(json.dumps(manifest))


REFUSED: list[tuple[str, Callable[[Path], object], str]] = [
    ("no copy", lambda copy: (copy / "backup.json").unlink(), "is no copy of the books"),
    ("cut off", lambda copy: (copy / "backup.json").write_text('{"format": 1,'), "cannot be understood"),
    ("no object", lambda copy: (copy / "backup.json").write_text("[]"), "cannot be understood"),
    ("deep", lambda copy: (copy / "backup.json").write_text("[" * 100_000), "cannot be understood"),
    ("format", _change("format", "2"), "format 2"),
    ("a later version", _change("schema", "9999"), "made by a later version"),
    ("a changed byte", _spoil, "is not what was copied"),
    ("a missing file", lambda copy: (copy / "books.dump").unlink(), "cannot be read"),
    ("another file", _add_file, "lists other files"),
    ("another secret", _change("secret", "0" * 64), "is not the secret the books"),
    ("other figures", _change("balances", "0" * 64), "was changed after the copy was made"),
    ("no seal", _change("mac", ""), "was changed after the copy was made"),
    ("a newer server", _change("postgres", 990001, seal=True), "restore into one that is as new"),
    ("figures of others", _change("balances", "0" * 64, seal=True), "What came back is not what was copied"),
]


@pytest.mark.parametrize(("spoil", "said"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_copy_that_is_not_whole_is_refused(
    copy: Path, postgres_url: str, tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    spoil(copy)
    told = {"DATABASE_URL": postgres_url, "VOUCHER_GATEWAY_SECRET": SECRET}
    with pytest.raises(Refused, match=re.escape(said)):
        restore(read_settings(told, data_dir=tmp_path / "data"), copy)
    assert not (tmp_path / "data").exists()
    if "came back" not in said:
        assert ask(
            postgres_url, "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
        ) == [(0,)]


def test_nobody_may_use_the_purse_meanwhile(
    copied: Path, postgres_url: str, valkey_url: str, tmp_path: Path
) -> None:
    told = {"DATABASE_URL": postgres_url, "REDIS_URL": valkey_url, "VOUCHER_GATEWAY_SECRET": SECRET}
    settings = read_settings(told, data_dir=tmp_path / "data")
    with redis.Redis.from_url(valkey_url) as connection:
        connection.set(keys.lease("gw-1"), "1")
        connection.hset(keys.epoch(LANE), mapping={"n": 41, "fence": "of another life"})
        connection.set(keys.open_ops(7, 3, "gw-dead"), "1")
        with pytest.raises(Refused, match=r"Gateways are running on REDIS_URL \(gw-1\)"):
            restore(settings, copied)
        connection.delete(keys.lease("gw-1"))
    restore(settings, copied)
    seen = "select lane, n from lane_epoch where ticket like 'seen by%%' order by lane"
    assert ask(postgres_url, seen) == sorted([(LANE, 41), (7, 3)])
    assert ("gw-dead", True) in ask(postgres_url, "select id, ended_at is not null from gateway")


def test_what_has_books_or_none_is_told(copied: Path, tmp_path: Path) -> None:
    settings = read_settings({"VOUCHER_GATEWAY_SECRET": SECRET}, data_dir=tmp_path / "data")
    with pytest.raises(Refused, match="sealed under the master secret"):
        backup(read_settings({}, data_dir=tmp_path / "data"), tmp_path / "new", with_secret=True)
    with pytest.raises(Refused, match="DATABASE_URL must be set, or --data-dir have books"):
        backup(settings, tmp_path / "new", with_secret=True)
    assert not (tmp_path / "new").exists()
    directory = claim(tmp_path / "data")
    (tmp_path / "data" / "postgres").mkdir()
    with pytest.raises(Refused, match="in use"):
        restore(settings, copied)
    directory.close()
    with pytest.raises(Refused, match="has books already"):
        restore(settings, copied)
    assert (tmp_path / "data" / "postgres").is_dir()


def test_the_secret_travels_in_a_file_of_its_owner_alone(house_url: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret.key").write_bytes(SECRET.encode())
    settings = read_settings({"DATABASE_URL": house_url}, data_dir=tmp_path / "data")
    assert "with the master secret" in backup(settings, tmp_path / "with", with_secret=True)
    assert (tmp_path / "with" / "secret.key").read_bytes() == SECRET.encode()
    assert stat.S_IMODE((tmp_path / "with" / "secret.key").stat().st_mode) == 0o600
    assert "without the master secret" in backup(settings, tmp_path / "bare", with_secret=False)
    assert sorted(path.name for path in (tmp_path / "bare").iterdir()) == ["backup.json", "books.dump"]
    (tmp_path / "data" / "secret.key").write_bytes(b"another one of thirty-two letters")
    with pytest.raises(Refused, match="is not the one these books"):
        backup(settings, tmp_path / "other", with_secret=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare", "data", "with"]
