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
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Final

import structlog

from config.settings import Settings, read_master_secret, to_environment
from launch import durability, roles, running
from launch.data_dir import DataDir
from launch.demo import DECLARATION, Demo
from launch.departures import Departures
from launch.forks import ForkServer
from launch.keeper import Keeper
from launch.kept import KeptRole, KeptServer
from launch.own_servers import postgres_of, remove_short_socket_dir, valkey_of
from launch.process import RoleCommand, RoleProcess, new_gateway_id, run_once
from launch.refusal import Refused
from launch.sockets import port_of

DRAIN_GRACE_S: Final = 5.0

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
    demo: Demo | None = None
    forks: type[ForkServer] = ForkServer


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
    _demo_vendor: socket.socket | None = field(init=False, default=None)
    _keepers: list[Keeper] = field(init=False, default_factory=list)  # in the order of starting
    _departures: Departures = field(init=False)
    _forks: ForkServer | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.settings = self.plan.settings
        self.environment = {}
        self._departures = Departures(self.settings.data_dir / "gateways")

    # -- starting

    async def start(self, inherited_environment: dict[str, str]) -> None:
        """Everything, until it serves. On failure `stop` must be called all the same."""
        settings = self.settings
        for directory in (settings.logs_dir, settings.unposted_dir, settings.data_dir / "gateways"):
            directory.mkdir(mode=0o700, exist_ok=True)
        read_master_secret(settings)
        if settings.metrics_dir.exists():
            shutil.rmtree(settings.metrics_dir)  # counters of processes that are no more
        settings.metrics_dir.mkdir(mode=0o700)
        metrics = {"PROMETHEUS_MULTIPROC_DIR": str(settings.metrics_dir)}
        self._forks = self.plan.forks(inherited_environment | metrics, settings.logs_dir / "fork-server.log")
        self._forks.start()  # it imports while the servers start
        await self._start_postgres()
        await self._start_valkey()
        self.environment = inherited_environment | to_environment(self.settings) | metrics
        self.step.say("preparing the books")
        await self._run("migrate")
        for gateway_id in self._departures.of_earlier_runs():
            await self._departures.tell(gateway_id, self._say_ended)
        running.note(self.settings)
        await self._start_roles()

    async def _start_postgres(self) -> None:
        if self.settings.database_url is not None:
            self._warn(await asyncio.to_thread(durability.check_postgres, self.settings.database_url))
            return
        self.step.say("starting PostgreSQL")
        server = postgres_of(self.settings)
        await self._keep(Keeper(KeptServer(server, self.settings.limits), self.settings.limits))
        durability.insist(await asyncio.to_thread(durability.check_postgres, server.url))
        self.settings = self.settings.model_copy(update={"database_url": server.url})

    async def _start_valkey(self) -> None:
        if self.settings.redis_url is not None:
            self._warn(await asyncio.to_thread(durability.check_valkey, self.settings.redis_url))
            return
        self.step.say("starting Valkey")
        server = valkey_of(self.settings)
        await self._keep(Keeper(KeptServer(server, self.settings.limits), self.settings.limits))
        durability.insist(await asyncio.to_thread(durability.check_valkey, server.url))
        self.settings = self.settings.model_copy(update={"redis_url": server.url})

    async def _start_roles(self) -> None:
        limits = self.settings.limits
        if self.plan.demo is not None:
            await self._start_demo(self.plan.demo)
        if self.plan.declaration is not None:
            self.step.say(f"applying {self.plan.declaration.name}")
            self.applied = await self._run("apply", str(self.plan.declaration), "--json")
        self.step.say("starting the worker, the office and the gateways")
        self.plan.office.listen(limits.backlog)
        self.plan.data_plane.listen(limits.backlog)
        office_fd = self.plan.office.fileno()
        stop_s = limits.stop_timeout_s
        office_words = ("office", "--fd", str(office_fd))
        try:
            async with asyncio.TaskGroup() as together:
                start = together.create_task
                start(self._keep_role("worker", ("worker",), stop_timeout_s=stop_s))
                for slot in range(self.settings.workers):
                    start(self._keep_gateway(slot))
                start(self._keep_role("office", office_words, stop_timeout_s=stop_s, fd=office_fd))
        except* Refused as refused:
            raise refused.exceptions[0] from None

    async def _start_demo(self, demo: Demo) -> None:
        """The simulated vendor, then the sample data that points at it."""
        self.step.say("starting the demo vendor")
        limits = self.settings.limits
        listener = demo.bind_vendor(self.settings.data_dir)
        listener.listen(limits.backlog)
        self._demo_vendor = listener
        fd = listener.fileno()
        await self._keep_role(
            "demo-vendor", ("demo-vendor", "--fd", str(fd)), stop_timeout_s=limits.stop_timeout_s, fd=fd
        )
        self.step.say("applying the sample data")
        with resources.as_file(DECLARATION) as file:
            await self._run("apply", str(file), "--json", more=demo.variables(port_of(listener)))

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
            forks=self._forks,
        )
        await self._keep(Keeper(kept, self.settings.limits))

    async def _keep_gateway(self, slot: int) -> None:
        kept = KeptRole(
            f"gateway-{slot}",
            command=lambda: self._gateway_command(slot),
            limits=self.settings.limits,
            stop_timeout_s=self.settings.limits.drain_s + DRAIN_GRACE_S,
            forks=self._forks,
            after_end=self._on_gateway_end,
        )
        await self._keep(Keeper(kept, self.settings.limits))

    def _gateway_command(self, slot: int) -> RoleCommand:
        """Each process has an id of its own, noted in a file until the books know that it has ended."""
        gateway_id = new_gateway_id()
        self._departures.expect(gateway_id)
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

    async def _run(self, *words: str, more: Mapping[str, str] | None = None) -> str:
        return await run_once(
            words,
            environment=self.environment | dict(more or {}),
            log_path=self.settings.logs_dir / f"{words[0]}.log",
            timeout_s=self.settings.limits.start_timeout_s,
            forks=self._forks,
        )

    def _warn(self, differences: list[str]) -> None:
        for difference in differences:
            log.warning("not_durable", what=difference)
            self.step.say(f"warning: {difference}")

    # -- gateways that ended

    async def _say_ended(self, gateway_id: str) -> None:
        await roles.mark_gateway_ended(self.settings, gateway_id)

    async def _on_gateway_end(self, ended: RoleProcess) -> None:
        """Tell the books in the background: what this gateway held can be settled at once."""
        for gauge in self.settings.metrics_dir.glob(f"gauge_live*_{ended.pid}.db"):
            gauge.unlink(missing_ok=True)  # it is not alive any more, so its gauges do not count
        words = ended.command.words
        self._departures.tell_soon(words[words.index("--gateway-id") + 1], self._say_ended)

    # -- running and ending

    async def stop(self) -> None:
        """Gateways, then the rest in the reverse order of starting; between, what the books must hear."""
        gateways = [keeper for keeper in self._keepers if keeper.kept.name.startswith("gateway-")]
        self.step.say("ending: running streams may finish")
        self.plan.data_plane.close()  # else new callers would wait in its queue for somebody to answer
        await asyncio.gather(*(keeper.stop(hurry=self.hurry) for keeper in gateways))
        await self._departures.close(timeout_s=DRAIN_GRACE_S)
        order = ["office", "worker"]
        rest = [keeper for keeper in reversed(self._keepers) if keeper not in gateways]
        rest.sort(key=lambda keeper: order.index(keeper.kept.name) if keeper.kept.name in order else 2)
        for keeper in rest:
            await keeper.stop(hurry=self.hurry)
        if self._forks is not None:
            self._forks.stop()
        if self._demo_vendor is not None:
            self._demo_vendor.close()
        running.forget(self.settings)
        remove_short_socket_dir(self.settings)

    def on_signal(self) -> None:
        (self.hurry if self.stopping.is_set() else self.stopping).set()

    def watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.on_signal)

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
