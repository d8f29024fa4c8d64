"""How a thing of a state table is brought to each of its states, and how each of its steps is asked for.

A row per table, beside the rules and repeating none: which step leads where, who may, and what else holds is
read from the table. A step that says nothing here is asked for at `POST /api/{path}/{id}/{action}`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from billing.database import Connection
from billing.lifecycle.table import Role, Step, Table
from tests.fakes.office_world import OfficeWorld

Json = dict[str, Any]
WHY: Final = {"reason": "확인"}


@dataclass(slots=True)
class Stage:
    """An office within one SQL transaction: whatever is done on it can be undone. `names`: of things.

    `expire`: the worker's turn, with the purse of what a life began with.
    """

    office: OfficeWorld
    conn: Connection
    names: dict[str, str] = field(default_factory=dict)
    expire: Callable[[], Awaitable[object]] | None = None

    @asynccontextmanager
    async def undone(self) -> AsyncIterator[None]:
        now, names = self.office.now, dict(self.names)
        try:
            async with self.conn.transaction(force_rollback=True):
                yield
        finally:
            self.office.now, self.names = now, names


Turn = Callable[[Stage, str], Awaitable[None]]
Begin = Callable[[Stage], Awaitable[None]]


async def _nothing(_: Stage) -> None: ...


@dataclass(frozen=True, slots=True)
class Ask:
    """`route`: "POST rounds/{id}/select". What stands in braces, there and in the body, the stage names.

    `made`: where the answer to a step that makes a thing says its id, with dots between names and places.
    `of_asker`: whoever makes it has it. `elsewhere`: for roles that another route serves.
    """

    route: str
    body: Json = field(default_factory=dict)
    made: str = "id"
    of_asker: bool = False
    elsewhere: Mapping[Role, Ask] = field(default_factory=dict)

    def by(self, role: Role) -> Ask:
        return self.elsewhere.get(role, self)

    def made_in(self, answer: Any) -> str:
        for name in self.made.split("."):
            answer = answer[int(name) if name.isdigit() else name]
        return str(answer)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A state into which a thing comes from `source` by what is done to another."""

    source: str
    turn: Turn


@dataclass(frozen=True, slots=True)
class Life:
    """`begin`: what all things of the table stand on. `turns`: what comes first, so that conditions hold.

    `clock`: how what no person does comes about; what it makes it puts into names["made"]. `again`: the
    codes with which a thing is not made twice. `others`: another thing, in the step's first state, where this
    one can never meet a condition; `own`: the same for a role, which by a guard of the step is refused on
    this one. `there`: a thing that nobody makes. `ends_in`: where the clock goes on at once after a step.
    `books`: the steps after which the ledger has entries that it had not. `told`: steps that are news of
    something else: where it is not their time nothing comes of them, whatever is answered. `without`: roles
    that have nothing to do with this thing, which is `whose`: another life is theirs. `takers`: whose the
    thing is, where tenants may have one each; to all the others it is a stranger's.
    """

    table: Table[Any]
    path: str
    begin: Begin = _nothing
    asks: Mapping[str, Ask] = field(default_factory=dict)
    turns: Mapping[str, Turn] = field(default_factory=dict)
    clock: Mapping[str, Turn] = field(default_factory=dict)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    again: Mapping[str, frozenset[str]] = field(default_factory=dict)
    others: Mapping[str, Callable[[Stage], Awaitable[str]]] = field(default_factory=dict)
    own: Mapping[str, Mapping[Role, Callable[[Stage], Awaitable[str]]]] = field(default_factory=dict)
    there: str | None = None
    ends_in: Mapping[str, str] = field(default_factory=dict)
    closes_months: bool = True
    books: frozenset[str] = frozenset()
    takers: frozenset[Role] | None = None
    told: frozenset[str] = frozenset()
    without: frozenset[Role] = frozenset()
    whose: str = ""

    @property
    def name(self) -> str:
        return " ".join(filter(None, (self.table.thing, self.whose)))

    def ask(self, step: Step[Any]) -> Ask:
        route = f"POST {self.path}/{{id}}/{step.action.replace('_', '-')}"
        return self.asks.get(step.action, Ask(route, dict(WHY) if step.needs_reason else {}))

    def ways(self) -> dict[str, tuple[str, ...]]:
        """To every state the fewest steps from nothing: actions, or a state into which others bring it."""
        found: dict[str | None, tuple[str, ...]] = {None: ()}
        if self.there is not None:
            found[next(iter(self.table.states))] = ()
        grows = True
        while grows:
            grows = False
            for source, target, by in self._edges():
                if source in found and target not in found:
                    found[target] = (*found[source], by)
                    grows = True
        return {state: found[state] for state in self.table.states if state in found}

    def _edges(self) -> list[tuple[str | None, str, str]]:
        edges: list[tuple[str | None, str, str]] = [
            (source, step.target, step.action)
            for step in self.table.steps
            if step.target is not None
            for source in step.sources or (None,)
        ]
        return edges + [(one.source, state, state) for state, one in self.outcomes.items()]

    def comes_next(self, state: str) -> set[str | None]:
        """Where the clock may leave it, whatever it came for."""
        return {state} | {
            step.target for step in self.table.steps if not step.allow and state in step.sources
        }

    def comes_by_itself(self, state: str, action: str) -> bool:
        """Whether the clock, left alone, leads from this state to where it takes the step."""
        seen, new = {state}, [state]
        while new:
            here = new.pop()
            for step in self.table.steps:
                after = step.target
                if not step.allow and here in step.sources and after is not None and after not in seen:
                    seen.add(after)
                    new.append(after)
        return bool(seen & set(self.table.step(action).sources))
