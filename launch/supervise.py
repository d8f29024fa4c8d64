"""`up`: one supervisor that starts everything in order, keeps it alive and ends it in the reverse order.

Order of starting: ports bound, directory claimed, PostgreSQL, Valkey, schema, FILE, then the roles; only now
do the ports listen. Order of ending: gateways first (they drain), the office, the worker last of ours (it
posts what the gateways left), then Valkey, then PostgreSQL. Until everything serves, any failure ends all
that was started, removes what was made and is one sentence.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from config.settings import Settings, read_master_secret, to_environment
from launch import durability, logs, roles, running
from launch.data_dir import DataDir
from launch.embedded import socket_dir_for
from launch.embedded_postgres import SOCKET_NAME as POSTGRES_SOCKET
from launch.embedded_postgres import PostgresServer
from launch.embedded_valkey import ValkeyServer
from launch.keeper import Keeper
from launch.kept import KeptRole, KeptServer
from launch.process import RoleCommand, RoleProcess, new_gateway_id, run_once
from launch.refusal import Refused

DRAIN_GRACE_S: Final = 5.0
LOG_BOUND_POLL_S: Final = 10.0
END_SAID_RETRY_S: Final = 1.0

log = structlog.get_logger(__name__)


class Step:
    """Tells a person what is being waited for. The silent one; launch.screen has one for terminals."""

    def say(self, text: str) -> None:
        del text


@dataclass(frozen=True, slots=True)
class Plan:
    """What `up` was asked for, with the ports already bound."""

    settings: Settings
    data_plane: socket.socket
    office: socket.socket
    declaration: Path | None = None
    demo: bool = False


@dataclass(slots=True)
class Supervisor:
    plan: Plan
    data_dir: DataDir
    step: Step
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    settings: Settings = field(init=False)
    environment: dict[str, str] = field(init=False)
    applied: str = field(init=False, default="{}")
    _keepers: list[Keeper] = field(init=False, default_factory=list)  # in the order of starting
    _saying: set[asyncio.Task[None]] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.settings = self.plan.settings
        self.environment = {}

    # -- starting

    async def start(self, inherited_environment: dict[str, str]) -> None:
        """Everything, until it serves. On failure `stop` must be called all the same."""
        settings = self.settings
        for directory in (settings.logs_dir, settings.unposted_dir, self._gateways_dir):
            directory.mkdir(mode=0o700, exist_ok=True)
        read_master_secret(settings)
        if settings.metrics_dir.exists():
            shutil.rmtree(settings.metrics_dir)  # counters of processes that are no more
        settings.metrics_dir.mkdir(mode=0o700)
        await self._start_postgres()
        await self._start_valkey()
        self.environment = inherited_environment | to_environment(self.settings)
        self.environment["PROMETHEUS_MULTIPROC_DIR"] = str(settings.metrics_dir)
        self.step.say("preparing the books")
        await self._run("migrate")
        for gateway_id in self._gateways_of_earlier_runs():
            await self._say_ended(gateway_id)
        running.note(self.settings)
        await self._start_roles()

    async def _start_postgres(self) -> None:
        if self.settings.database_url is not None:
            self._warn(await asyncio.to_thread(durability.check_postgres, self.settings.database_url))
            return
        self.step.say("starting PostgreSQL")
        server = PostgresServer(
            data_dir=self.settings.data_dir / "postgres",
            socket_dir=self._socket_dir,
            log_path=self.settings.logs_dir / "postgres.log",
        )
        await self._keep(Keeper(KeptServer(server, self.settings.limits), self.settings.limits))
        durability.insist(await asyncio.to_thread(durability.check_postgres, server.url))
        self.settings = self.settings.model_copy(update={"database_url": server.url})

    async def _start_valkey(self) -> None:
        if self.settings.redis_url is not None:
            self._warn(await asyncio.to_thread(durability.check_valkey, self.settings.redis_url))
            return
        self.step.say("starting Valkey")
        server = ValkeyServer(
            data_dir=self.settings.data_dir / "valkey",
            socket_dir=self._socket_dir,
            log_path=self.settings.logs_dir / "valkey.log",
        )
        await self._keep(Keeper(KeptServer(server, self.settings.limits), self.settings.limits))
        durability.insist(await asyncio.to_thread(durability.check_valkey, server.url))
        self.settings = self.settings.model_copy(update={"redis_url": server.url})

    async def _start_roles(self) -> None:
        limits = self.settings.limits
        if self.plan.demo:
            self.step.say("starting the demo vendor")
            for name, words in roles.demo_vendors(self.settings):
                await self._keep_role(name, words, stop_timeout_s=limits.stop_timeout_s)
        if self.plan.declaration is not None:
            self.step.say(f"applying {self.plan.declaration.name}")
            self.applied = await self._run("apply", str(self.plan.declaration), "--json")
        self.step.say("starting the worker, the office and the gateways")
        self.plan.office.listen(limits.backlog)
        self.plan.data_plane.listen(limits.backlog)
        await self._keep_role("worker", ("worker",), stop_timeout_s=limits.stop_timeout_s)
        office_fd = self.plan.office.fileno()
        await self._keep_role(
            "office", ("office", "--fd", str(office_fd)), stop_timeout_s=limits.stop_timeout_s, fd=office_fd
        )
        await asyncio.gather(*(self._keep_gateway(slot) for slot in range(self.settings.workers)))

    async def _keep_role(
        self, name: str, words: tuple[str, ...], *, stop_timeout_s: float, fd: int | None = None
    ) -> None:
        command = RoleCommand(
            name=name,
            words=words,
            environment=self.environment,
            log_path=self.settings.logs_dir / f"{name}.log",
            inherited=() if fd is None else (fd,),
        )
        kept = KeptRole(
            name,
            command=lambda: command,
            limits=self.settings.limits,
            stop_timeout_s=stop_timeout_s,
        )
        await self._keep(Keeper(kept, self.settings.limits))

    async def _keep_gateway(self, slot: int) -> None:
        kept = KeptRole(
            f"gateway-{slot}",
            command=lambda: self._gateway_command(slot),
            limits=self.settings.limits,
            stop_timeout_s=self.settings.limits.drain_s + DRAIN_GRACE_S,
            after_end=self._on_gateway_end,
        )
        await self._keep(Keeper(kept, self.settings.limits))

    def _gateway_command(self, slot: int) -> RoleCommand:
        """Each process has an id of its own, noted in a file until the books know that it has ended."""
        gateway_id = new_gateway_id()
        (self._gateways_dir / gateway_id).touch()
        fd = self.plan.data_plane.fileno()
        words = ("gateway", "--slot", str(slot), "--gateway-id", gateway_id, "--fd", str(fd))
        return RoleCommand(
            name=f"gateway-{slot}",
            words=words,
            environment=self.environment,
            log_path=self.settings.logs_dir / f"gateway-{slot}.log",
            inherited=(fd,),
        )

    async def _keep(self, keeper: Keeper) -> None:
        self._keepers.append(keeper)
        await keeper.start()

    async def _run(self, *words: str) -> str:
        return await run_once(
            words,
            environment=self.environment,
            log_path=self.settings.logs_dir / f"{words[0]}.log",
            timeout_s=self.settings.limits.start_timeout_s,
        )

    def _warn(self, differences: list[str]) -> None:
        for difference in differences:
            log.warning("not_durable", what=difference)
            self.step.say(f"warning: {difference}")

    # -- gateways that ended

    @property
    def _gateways_dir(self) -> Path:
        return self.settings.data_dir / "gateways"

    def _gateways_of_earlier_runs(self) -> list[str]:
        """They are dead: the directory is locked by us and their port was free."""
        return [path.name for path in self._gateways_dir.iterdir()]

    async def _on_gateway_end(self, ended: RoleProcess) -> None:
        """Tell the books in the background: what this gateway held can be settled at once."""
        for gauge in self.settings.metrics_dir.glob(f"gauge_live*_{ended.pid}.db"):
            gauge.unlink(missing_ok=True)  # it is not alive any more, so its gauges do not count
        words = ended.command.words
        gateway_id = words[words.index("--gateway-id") + 1]
        task = asyncio.create_task(self._say_ended(gateway_id), name=f"say {gateway_id} ended")
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)

    async def _say_ended(self, gateway_id: str) -> None:
        while True:
            try:
                await roles.mark_gateway_ended(self.settings, gateway_id)
            except roles.BooksUnavailable as error:
                log.warning("books_unavailable", gateway_id=gateway_id, reason=str(error))
                await asyncio.sleep(END_SAID_RETRY_S)
            else:
                (self._gateways_dir / gateway_id).unlink(missing_ok=True)
                return

    # -- running and ending

    async def keep_logs_bounded(self) -> None:
        while True:
            await asyncio.sleep(LOG_BOUND_POLL_S)
            logs.bound(self.settings.logs_dir, bytes_max=self.settings.limits.log_bytes_max)

    async def stop(self) -> None:
        """Gateways, then the rest in the reverse order of starting; between, what the books must hear."""
        gateways = [keeper for keeper in self._keepers if keeper.kept.name.startswith("gateway-")]
        self.step.say("ending: running streams may finish")
        await asyncio.gather(*(keeper.stop(hurry=self.hurry) for keeper in gateways))
        if self._saying:
            await asyncio.wait(self._saying, timeout=DRAIN_GRACE_S)
        for task in list(self._saying):
            task.cancel()  # the note in the directory stays: the next run says it
        order = ["office", "worker"]
        rest = [keeper for keeper in reversed(self._keepers) if keeper not in gateways]
        rest.sort(key=lambda keeper: order.index(keeper.kept.name) if keeper.kept.name in order else 2)
        for keeper in rest:
            await keeper.stop(hurry=self.hurry)
        running.forget(self.settings)
        if self._socket_dir.parent != self.settings.data_dir and self._socket_dir.exists():
            shutil.rmtree(self._socket_dir)  # the short one elsewhere, for a long data directory

    def on_signal(self) -> None:
        (self.hurry if self.stopping.is_set() else self.stopping).set()

    def watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.on_signal)

    @property
    def _socket_dir(self) -> Path:
        return socket_dir_for(self.settings.data_dir, longest_name=POSTGRES_SOCKET)

    async def start_or_refuse(self, inherited_environment: dict[str, str]) -> bool:
        """False where a signal came first. Whatever fails, nothing is left running."""
        starting = asyncio.ensure_future(self.start(inherited_environment))
        stopping = asyncio.ensure_future(self.stopping.wait())
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not starting.done():
            starting.cancel()
            await asyncio.wait([starting])
        if not starting.cancelled() and starting.exception() is None:
            return True
        self.hurry.set()
        await self.stop()
        if not starting.cancelled() and isinstance(refused := starting.exception(), Refused):
            raise refused
        if not starting.cancelled():
            starting.result()  # a fault of ours: the traceback is wanted
        return False
