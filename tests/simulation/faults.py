"""What goes wrong in a run, beside what happens to single commands: each deed by its name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation.data_set import DataSet

if TYPE_CHECKING:
    from tests.simulation.run import Run

Deed = Callable[["Faults"], Awaitable[None]]


@dataclass
class Faults:
    run: Run
    snapshots: list[DataSet] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    async def go(self, name: str) -> None:
        if name in FORGETFUL:
            self.run.world.model.memory_lost()
        self.run.world.chance.say(f"fault {name}")
        self.run.world.trace.met["(the world)", name] += 1
        await DEEDS[name](self)

    def keep_snapshot(self) -> None:
        self.snapshots.append(self.run.world.primary.data.snapshot("kept"))
        del self.snapshots[:-4]

    # -- the data set

    async def _down(self) -> None:
        """The server is away for a moment; everybody is cut off."""
        world = self.run.world
        world.primary.up = False
        world.primary.cut_all()
        await asyncio.sleep(world.chance.choice((0.0, 0.05, 0.5, 2.0)))

    async def _up(self, data: DataSet) -> None:
        server = self.run.world.primary
        server.data = data
        server.forget_scripts()
        server.up = True

    async def restart(self) -> None:
        await self._down()
        world = self.run.world
        await self._up(world.primary.data.snapshot(world.new_replid()))

    async def cut_file(self) -> None:
        """The append-only file ends a few commands early, at the boundary of one."""
        await self._down()
        world = self.run.world
        cut = world.chance.choice((1, 1, 2, 3, 8, 30))
        await self._up(world.primary.data.snapshot(world.new_replid(), without_last=cut))

    async def restore(self) -> None:
        """An old snapshot comes back."""
        if not self.snapshots:
            return
        await self._down()
        world = self.run.world
        await self._up(world.chance.choice(self.snapshots).snapshot(world.new_replid()))

    async def flush(self) -> None:
        self.run.world.primary.data.do([b"FLUSHALL"])
        if self.run.world.chance.random() < 0.5:
            await asyncio.sleep(self.run.world.chance.uniform(0.0, 0.3))
            await self.say_again()

    async def resync(self) -> None:
        """Demoted, resynchronised from a replica that lagged, and promoted again: the process lives on."""
        world = self.run.world
        old = world.primary.data
        await self._down()
        data = old.snapshot(world.new_replid(), without_last=world.chance.choice((0, 1, 3, 10, 40)))
        data.run_id = old.run_id
        await self._up(data)

    async def say_again(self) -> None:
        """Some of the treasury's last messages come once more, in their order."""
        server, chance = self.run.world.primary, self.run.world.chance
        said = server.said[-chance.choice((3, 6, 20)) :]
        for command in said[: chance.choice((1, 2, 20))]:
            server.execute(command)

    async def swap_amid_opening(self) -> None:
        """The data set that asked for an epoch is replaced before it is opened there, and comes back."""
        world = self.run.world
        server = world.primary
        server.data.do([b"FLUSHALL"])
        asked = server.vacated
        for _ in range(1000):
            await asyncio.sleep(0.002)
            if server.vacated > asked:
                break
        await self.fail_over(everybody=True)
        await asyncio.sleep(world.chance.choice((0.3, 1.5, 3.0)))
        await self.fail_back()

    async def fail_over(self, *, everybody: bool = False) -> None:
        """A replica that lags is promoted; who was connected goes on talking to the old one, or not."""
        world = self.run.world
        old = world.primary
        lag = world.chance.choice((0, 1, 3, 10, 40))
        new = world.new_server(old.data.snapshot(world.new_replid(), without_last=lag))
        world.others.append(old)
        world.primary = new
        for process in self.run.living_processes():
            if not everybody and world.chance.random() < 0.5:
                world.routes[process.name] = old  # it has not heard of the new one
        for connection in list(old.connections):
            if world.routes.get(connection.process_name) is not old:
                connection.cut()

    async def fail_back(self) -> None:
        """The old primary is the primary again, as it was: its own data, replication id and epochs."""
        world = self.run.world
        if not world.others:
            return
        old = world.others.pop(world.chance.randrange(len(world.others)))
        world.others.append(world.primary)
        for server in world.others:
            server.cut_all()
        world.primary = old
        old.up = True
        world.routes.clear()

    async def heal_routes(self) -> None:
        world = self.run.world
        world.routes.clear()
        for server in world.others:
            server.cut_all()

    async def cut_lines(self) -> None:
        self.run.world.primary.cut_all()

    # -- processes

    async def kill_gateway(self) -> None:
        run = self.run
        living = [gateway for gateway in run.gateways if gateway.meter is not None]
        if living:
            run.replace_gateway(run.world.chance.choice(living))

    async def kill_worker(self) -> None:
        run = self.run
        if run.workers:
            run.replace_worker(run.world.chance.choice(run.workers))

    async def stall(self) -> None:
        """SIGSTOP for a while: a gateway or a worker. Over when it goes on."""
        chance = self.run.world.chance
        if not (living := self.run.living_processes()):
            return
        process = chance.choice(living)
        length_s = chance.choice((0.2, 1.5, 5.0, 24.0, 28.0))
        self.run.world.loop.sleep(process, length_s)
        await asyncio.sleep(length_s)

    async def books_away(self) -> None:
        world = self.run.world
        world.books.stop()
        await asyncio.sleep(world.chance.choice((0.1, 0.8, 3.0, 7.0)))
        world.books.up = True

    async def disk_full(self) -> None:
        """No journal can be written to."""
        world = self.run.world
        world.disk.fill()
        await asyncio.sleep(world.chance.choice((0.05, 0.5, 3.0)))
        world.disk.clear()

    # -- clocks

    async def clock_jump(self) -> None:
        world = self.run.world
        chance = world.chance
        jump_s = chance.choice((-40.0, -3.0, 2.0, 15.0, 70.0))
        kind = chance.choice(("redis", "books", "process"))
        if kind == "redis":
            world.redis_skew_ms += int(jump_s * 1000)
        elif kind == "books":
            world.books_skew_s += jump_s
        elif living := self.run.living_processes():
            chance.choice(living).wall_skew_ms += int(jump_s * 1000)

    # -- money

    async def change_grant(self) -> None:
        await self.run.change_grant()
        if self.run.world.chance.random() < 0.4:
            await asyncio.sleep(self.run.world.chance.uniform(0.0, 3.0))  # also after the worker has told all
            await self.say_again()


# The data set may be an older one afterwards: what was only in it is not promised.
FORGETFUL = {
    "AOF cut",
    "stale restore",
    "flush",
    "resynchronised",
    "failover",
    "fail-back",
    "routes healed",
} | {"swapped amid an opening"}

DEEDS: dict[str, Deed] = {
    "restart": Faults.restart,
    "AOF cut": Faults.cut_file,
    "stale restore": Faults.restore,
    "flush": Faults.flush,
    "resynchronised": Faults.resync,
    "said again": Faults.say_again,
    "failover": Faults.fail_over,
    "fail-back": Faults.fail_back,
    "swapped amid an opening": Faults.swap_amid_opening,
    "routes healed": Faults.heal_routes,
    "lines cut": Faults.cut_lines,
    "gateway killed": Faults.kill_gateway,
    "worker killed": Faults.kill_worker,
    "stall": Faults.stall,
    "books away": Faults.books_away,
    "disk full": Faults.disk_full,
    "clock jump": Faults.clock_jump,
    "grant changed": Faults.change_grant,
}
