"""What every test may ask for: real servers, shared and therefore cheap, or private ones that may be killed.

`postgres_url`, `books_url`, `valkey_url`, `valkey_socket`: one server for the whole run, an empty (or freshly
migrated) database and an emptied key space per test. `postgres_server`, `valkey_server`: the test's own
process; `.kill()` is kill -9, `.start()` starts it anew on the same data. `valkey_cluster`: three of them.
"""

from __future__ import annotations

import gc
import itertools
import os
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import psycopg
import pytest
import redis
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from billing import migrate
from launch.embedded_postgres import PostgresServer
from launch.embedded_valkey import ValkeyServer
from tests.fakes.hasty_postgres import HASTY, SMALL
from tests.fakes.short_dir import short_dir
from tests.fakes.valkey_cluster import ValkeyCluster
from tests.order import Modules, place_of

HERE: Final = Path(__file__).parent

_database_numbers = itertools.count(1)

# How long an example takes is the machine's affair, not the law's. `make campaign` looks at more of them.
settings.register_profile(
    "house", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40
)
settings.register_profile("campaign", settings.get_profile("house"), max_examples=200)
settings.load_profile("house")


def pytest_configure() -> None:
    """As launch/process.py: looking for cycles among all that was imported is a quarter of a collection."""
    gc.set_threshold(50_000, 20, 50)


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Of the rooms of tests/, each process begins with another: what one has rewritten the others find done.

    To rewrite the assertions of all modules is a third of a collection, and else each would do it all.
    """
    report = yield
    if collector.path == HERE and hasattr(collector.config, "workerinput"):
        worker, rooms = collector.config.workerinput, report.result
        turn = len(rooms) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
        report.result = rooms[turn:] + rooms[:turn]
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    config.option.loadscopereorder = False  # ours is that of tests/order.py, not that of the most tests
    return Modules(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes long begins first, where there is more than one process; in all of them the same."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: (place_of(item.nodeid), item.path))


def _postgres(root: Path, *, settings: Mapping[str, str]) -> PostgresServer:
    return PostgresServer(
        data_dir=root / "postgres",
        socket_dir=root / "run",
        log_path=root / "postgres.log",
        settings=settings,
    )


def _valkey(root: Path) -> ValkeyServer:
    return ValkeyServer(
        data_dir=root / "valkey", socket_dir=root / "run", log_path=root / "valkey.log", settings={}
    )


Server = TypeVar("Server", PostgresServer, ValkeyServer)


@contextmanager
def _started(make: Callable[[Path], Server]) -> Iterator[Server]:
    root = short_dir()
    server = make(root)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL for the run. Without fsync: a test that is about durability takes `postgres_server`."""
    with _started(partial(_postgres, settings=HASTY)) as server:
        yield server


@pytest.fixture(scope="session")
def admin(shared_postgres: PostgresServer) -> Iterator[psycopg.Connection]:
    """Makes and removes the databases of all tests: to connect takes as long as to copy a small one."""
    with psycopg.connect(shared_postgres.url_of("postgres"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def postgres_url(shared_postgres: PostgresServer, admin: psycopg.Connection) -> Iterator[str]:
    """An empty database of the test's own."""
    name = f"test_{os.getpid()}_{next(_database_numbers)}"
    admin.execute(f"create database {name} strategy file_copy")
    yield shared_postgres.url_of(name)
    admin.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def migrated_template(shared_postgres: PostgresServer, admin: psycopg.Connection) -> str:
    """The name of a database with this version's schema, made once and copied per test."""
    admin.execute("create database migrated")
    migrate.upgrade(shared_postgres.url_of("migrated"))
    return "migrated"


@contextmanager
def _copied_books(server: PostgresServer, admin: psycopg.Connection, template: str) -> Iterator[str]:
    name = f"books_{os.getpid()}_{next(_database_numbers)}"
    admin.execute(f"create database {name} template {template} strategy file_copy")
    yield server.url_of(name)
    admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def books_url(
    shared_postgres: PostgresServer, admin: psycopg.Connection, migrated_template: str
) -> Iterator[str]:
    """A database of the test's own with the books' schema and nothing in it."""
    with _copied_books(shared_postgres, admin, migrated_template) as url:
        yield url


@pytest.fixture(scope="module")
def house_url(
    shared_postgres: PostgresServer, admin: psycopg.Connection, migrated_template: str
) -> Iterator[str]:
    """The same for all tests of a module: one house in which each does its own."""
    with _copied_books(shared_postgres, admin, migrated_template) as url:
        yield url


@pytest.fixture(scope="module")
def module_books_url(
    shared_postgres: PostgresServer, admin: psycopg.Connection, migrated_template: str
) -> Iterator[str]:
    """The same for a module whose tests undo what they do."""
    with _copied_books(shared_postgres, admin, migrated_template) as url:
        yield url


@pytest.fixture(scope="session")
def shared_valkey() -> Iterator[ValkeyServer]:
    with _started(_valkey) as server:
        yield server


@pytest.fixture
def valkey_url(shared_valkey: ValkeyServer) -> str:
    """The shared Valkey, emptied."""
    with redis.Redis.from_url(shared_valkey.url) as connection:
        connection.flushall()
    return shared_valkey.url


@pytest.fixture
def valkey_socket(valkey_url: str, shared_valkey: ValkeyServer) -> Path:
    """The same, as the path of its socket."""
    del valkey_url
    return shared_valkey.socket_path


@pytest.fixture
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of the test's own, durable, started."""
    with _started(partial(_postgres, settings=SMALL)) as server:
        yield server


@pytest.fixture
def valkey_server() -> Iterator[ValkeyServer]:
    """A Valkey of the test's own, durable, started."""
    with _started(_valkey) as server:
        yield server


@pytest.fixture
def second_valkey() -> Iterator[ValkeyServer]:
    """One more, for pairs."""
    with _started(_valkey) as server:
        yield server


@pytest.fixture
def valkey_cluster() -> Iterator[ValkeyCluster]:
    """A cluster of the test's own, durable."""
    cluster = ValkeyCluster(short_dir())
    yield cluster
    cluster.close()
