"""Every step of a table, asked for over the API where it must be refused, and once where it may be taken."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx2

from billing.casework.deeds import Deed
from billing.casework.rows import rows_of
from billing.lifecycle.table import Actor, Refused, Role, Step
from billing.statements.closing import close_month
from billing.statements.month import month_of
from billing.statements.store import first_used
from tests.fakes.office_people import PEOPLE
from tests.fakes.office_world import good
from tests.portal.lives.life import Ask, Json, Life, Stage
from tests.portal.lives.whole_books import WholeBooks, changed

# Who takes a step, by role: somebody else of the agency than who makes things. And whose nothing is.
TAKES: Final[dict[Role, str]] = {
    "operator": "second",
    "auditor": "auditor",
    "company": "gaonde",
    "provider": "nuri",
}
STRANGERS: Final[dict[Role, str]] = {"company": "hanbit", "provider": "other"}
WRONG_STATE: Final = (409, "wrong_state")
KEPT_ANSWERS: Final = {"office_answer"}
Refusal = tuple[int, str]
_CLOSED: Final = """
    with open_from as (select coalesce(month_end_ms(max(month)), 0) as ms from closed_month)
    select (select count(*) from entry) as entries,
           (select count(*) from entry, open_from where booked_at < to_timestamp(ms / 1000)) as dated_there,
           (select count(*) from usage u, open_from where held_at_ms < ms and not exists
               (select from late_usage l, closed_month c where (l.op, l.step) = (u.op, u.step)
                and l.month > c.month)) as calls,
           (select md5(string_agg(s::text, '' order by s::text)) from statement_line s) as lines"""


def route_of(ask: Ask) -> str:
    """As the OpenAPI document names it: whatever comes second in a path is an id."""
    method, path = ask.route.split(" ", 1)
    kind, *rest = path.split("/")
    return f"{method} /api/{'/'.join([kind, *(['{id}', *rest[1:]] if rest else [])])}"


@dataclass(slots=True)
class Matrix:
    """`roles`: of each route, those that it serves. `wrong`: what was not as it must be, in words."""

    stage: Stage
    life: Life
    roles: dict[str, set[str]]
    books: WholeBooks = field(init=False)
    wrong: list[str] = field(default_factory=list)
    refused: int = 0
    booked: set[str] = field(default_factory=set)  # steps after which the ledger had more entries

    def __post_init__(self) -> None:
        self.books = WholeBooks(self.stage.conn)

    # -- what is asked

    async def begun(self) -> None:
        await self.life.begin(self.stage)
        if self.life.closes_months:
            await self._close_months()

    async def _close_months(self) -> None:
        """All that are over by the books' clock, which stands still in the one transaction of all this."""
        [now] = await (await self.stage.conn.execute("select now()")).fetchone() or [datetime.now(UTC)]
        last = month_of(now).before()
        used = await first_used(self.stage.conn)
        month = last if used is None else used
        agency = Actor("operator@example.org", "operator")
        while month <= last:
            deed = Deed(agency, now, "r-1", "마감")
            await close_month(self.stage.conn, month, holds_open=0, deed=deed)
            month = month.after()
        self.stage.names["closed_day"] = f"{last}-15"

    async def call(
        self, step: Step[Any], thing_id: str, who: str, change: Json | None = None
    ) -> httpx2.Response:
        ask = self.life.ask(step).by(PEOPLE[who].role)
        names = self.stage.names | {"id": thing_id}
        method, path = ask.route.split(" ", 1)
        body = json.dumps(ask.body | (change or {}))
        for name, value in names.items():
            path, body = path.replace(f"{{{name}}}", value), body.replace(f"{{{name}}}", value)
        headers = {}
        if method == "PATCH":
            headers["If-Match"] = (await self.stage.office.call(who, "GET", path)).headers.get("etag", "")
        return await self.stage.office.call(who, method, path, json.loads(body), headers=headers)

    async def take(self, action: str, thing_id: str) -> str:
        """A step with what comes first, or what is done to another; -> the thing's id."""
        if action in self.life.outcomes:
            await self.life.outcomes[action].turn(self.stage, thing_id)
            return thing_id
        step = self.life.table.step(action)
        await self.turned(action, thing_id)
        makes = not step.sources and [allow.role for allow in step.allow[:1]] == ["operator"]
        return await self.do(step, thing_id, "operator" if makes else next(iter(self.may(step)), None))

    async def do(self, step: Step[Any], thing_id: str, who: str | None) -> str:
        """By somebody, or by the clock."""
        if who is None:
            await self.life.clock[step.action](self.stage, thing_id)
            thing_id = thing_id if step.sources else self.stage.names["made"]
        else:
            answer = good(await self.call(step, thing_id, who))
            thing_id = thing_id if step.sources else self.life.ask(step).made_in(answer.json())
        await self.stage.conn.execute("set constraints all immediate")  # as a commit does
        await self.stage.conn.execute("set constraints all deferred")
        return thing_id

    async def turned(self, action: str, thing_id: str) -> None:
        if (turn := self.life.turns.get(action)) is not None:
            await turn(self.stage, thing_id)

    async def brought_to(self, state: str | None) -> str:
        thing_id = (self.life.there or "").format(**self.stage.names)
        for action in self.life.ways()[state] if state is not None else ():
            thing_id = await self.take(action, thing_id)
        return thing_id

    async def state(self, thing_id: str) -> str:
        shown = await self.stage.office.get("auditor", f"{self.life.path}/{thing_id}")
        return str(shown["state"])

    # -- what must be refused

    async def refuses(
        self,
        step: Step[Any],
        thing_id: str,
        who: str,
        where: str,
        *codes: Refusal,
        change: Json | None = None,
    ) -> None:
        before = await self.books.seen()
        answer = await self.call(step, thing_id, who, change)
        self.refused += 1
        told = (answer.status_code, answer.json().get("code")) if answer.status_code >= 400 else "taken"
        if told not in codes:
            self.wrong.append(f"{step.action} by {who} {where}: {told}, not {' or '.join(map(str, codes))}")
        if tables := changed(before, await self.books.seen()):
            self.wrong.append(f"{step.action} by {who} {where} was refused and changed {', '.join(tables)}")

    async def in_every_state(self) -> None:
        """Before there is one, and in each state: what is refused; where a step begins, what is taken."""
        for state in (*([None] if self.life.there is None else []), *self.life.ways()):
            async with self.books.undone(self.stage.undone()):
                thing_id = await self.brought_to(state)
                if state is not None and (found := await self.state(thing_id)) != state:
                    self.wrong.append(f"what was brought to {state} is {found}")
                for step in self.life.table.steps:
                    if state is not None:
                        await self._in_a_state(step, state, thing_id)
                    if state == (step.sources[0] if step.sources else None):
                        await self._where_it_begins(step, thing_id)

    async def _in_a_state(self, step: Step[Any], state: str, thing_id: str) -> None:
        where = f"of one that is {state}"
        if not step.sources:
            if codes := self.life.again.get(step.action):
                same = {"id": thing_id} if self.life.ask(step).made == "id" else {}
                body = {name: same[name] for name in self.life.ask(step).body if name in same}
                for who in self.may(step):
                    await self.refuses(
                        step, thing_id, who, where, *((409, code) for code in sorted(codes)), change=body
                    )
        elif state not in step.sources:
            if not step.allow:
                await self._by_the_clock(step, state, thing_id)
            for who in self.may(step):
                if step.action in self.life.told:
                    await self._old_news(step, thing_id, who, where)
                else:
                    await self.refuses(step, thing_id, who, where, WRONG_STATE)

    async def _old_news(self, step: Step[Any], thing_id: str, who: str, where: str) -> None:
        """Answered or refused, but nothing comes of it."""
        async with self.books.undone(self.stage.undone()):
            before = await self.books.seen()
            await self.call(step, thing_id, who)
            self.refused += 1
            if tables := set(changed(before, await self.books.seen())) - KEPT_ANSWERS:
                self.wrong.append(f"{step.action} by {who} {where} was old and changed {sorted(tables)}")

    async def _by_the_clock(self, step: Step[Any], state: str, thing_id: str) -> None:
        """Where it is not its time, nothing comes of it and nothing is said of it."""
        if self.life.comes_by_itself(state, step.action):
            return
        async with self.books.undone(self.stage.undone()):
            said = await self._times_said(step, thing_id)
            try:
                await self.life.clock[step.action](self.stage, thing_id)
            except Refused as refused:
                if refused.code != "wrong_state":
                    raise
            self.refused += 1
            after = await self.state(thing_id)
            if after not in self.life.comes_next(state) or await self._times_said(step, thing_id) != said:
                self.wrong.append(f"{step.action} by the clock of one that is {state}: it is {after}")

    async def _times_said(self, step: Step[Any], thing_id: str) -> int:
        found = await rows_of(
            self.stage.conn,
            "select 1 from step where (thing, thing_id, action) = (%s, %s, %s)",
            [self.life.table.thing, thing_id, step.action],
        )
        return len(found)

    async def _where_it_begins(self, step: Step[Any], thing_id: str) -> None:
        """Not by a role that has it not, nor by another tenant, nor without its reason; by each who may."""
        async with self.books.undone(self.stage.undone()):
            await self.turned(step.action, thing_id)
            for who, refusal in self.must_not(step) if step.allow else ():
                await self.refuses(step, thing_id, who, "", refusal)
            for role in self.life.own.get(step.action, {}):
                guarded = ((409, guard.name) for guard in step.guards)
                await self.refuses(step, thing_id, TAKES[role], "of another's", *guarded)
            for who in self.may(step) if step.needs_reason and step.action not in self.life.told else ():
                codes = (422, "reason_required")
                await self.refuses(step, thing_id, who, "without a reason", codes, change={"reason": " "})
        takers: list[str | None] = [*self.may(step)] or [None]
        for taker in takers:
            async with self.books.undone(self.stage.undone()):
                await self._taken(step, thing_id, taker)

    def may(self, step: Step[Any]) -> list[str]:
        """Whose the thing is, of those who may take the step."""
        mine, without = self.life.takers, self.life.without
        roles = (allow.role for allow in step.allow if allow.role not in without)
        return [TAKES[role] for role in roles if mine is None or role in mine]

    def must_not(self, step: Step[Any]) -> list[tuple[str, Refusal]]:
        ask = self.life.ask(step)
        serves = self.roles.get(route_of(ask), set())
        others = {
            allow.role
            for one in self.life.table.steps
            if one is not step and route_of(self.life.ask(one)) == route_of(ask)
            for allow in one.allow
        } - {allow.role for allow in step.allow}
        found: list[tuple[str, Refusal]] = []
        for who in (*TAKES.values(), *STRANGERS.values()):
            role = PEOPLE[who].role
            takers = self.life.takers
            is_stranger = who in STRANGERS.values() or not (
                takers is None or role in takers or role == "auditor"
            )
            if any(one.role == role and (one.relation == "any" or not is_stranger) for one in step.allow):
                continue
            if is_stranger and role in serves and not ask.of_asker:
                found.append((who, (404, "not_found")))
            elif role not in serves or not (role in others or ask.of_asker):
                found.append((who, (403, "forbidden")))
        return found

    # -- what may be done

    async def _taken(self, step: Step[Any], thing_id: str, who: str | None) -> None:
        """It leads to its state, and whatever it books is of a month that is open."""
        own = self.life.own.get(step.action, {}).get(PEOPLE[who].role) if who is not None else None
        if (other := own or self.life.others.get(step.action)) is not None:
            thing_id = await other(self.stage)
        await self.turned(step.action, thing_id)
        before = await self._closed()
        thing_id = await self.do(step, thing_id, who)
        after = await self._closed()
        if before[1:] != after[1:]:
            self.wrong.append(f"{step.action} by {who}: it booked into a closed month")
        wanted = self.life.ends_in.get(step.action) or step.target or step.sources[0]
        if (state := await self.state(thing_id)) != wanted:
            self.wrong.append(f"{step.action} by {who}: it is {state}, not {wanted}")
        if before[0] != after[0]:
            self.booked.add(step.action)

    async def _closed(self) -> tuple[Any, ...]:
        """How many entries there are; then whatever belongs to a month that is closed, and must stay."""
        [row] = await rows_of(self.stage.conn, _CLOSED)
        return tuple(row.values())
