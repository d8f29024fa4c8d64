"""What vendors store, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from gateway.ports import BooksUnavailable, StoredThing


@dataclass(slots=True)
class MemoryStored:
    """gateway.ports.StoredThings. Gateways in `gone` are over."""

    things: dict[tuple[str, str, str], StoredThing] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    unfinished: dict[str, tuple[StoredThing, str, str]] = field(default_factory=dict)  # gateway, call
    gone: set[str] = field(default_factory=lambda: {""})
    ends: set[str] = field(default_factory=set)  # seen by somebody, and not told yet
    is_away: bool = False
    loses_answers: bool = False  # of claims: they are made, and nobody hears of them

    async def bind(self, thing: StoredThing, *, gateway_id: str, call: str | None) -> bool:
        self._reach()
        first = self.things.setdefault((thing.kind, thing.base_url, thing.vendor_id), thing)
        if call is not None:
            follower = self.unfinished.setdefault(thing.op, (thing, gateway_id, call))[1]
            if follower == gateway_id:
                self.unfinished[thing.op] = thing, gateway_id, call
        return first.company_id == thing.company_id

    async def find(self, company_id: str, kind: str, vendor_id: str) -> tuple[StoredThing, bool] | None:
        self._reach()
        wanted = company_id, kind, vendor_id
        for thing in self.things.values():
            if (thing.company_id, thing.kind, thing.vendor_id) == wanted and vendor_id not in self.deleted:
                goes_on = any(one[0].vendor_id == vendor_id for one in self.unfinished.values())
                return thing, goes_on
        return None

    async def delete(self, thing: StoredThing) -> None:
        self._reach()
        self.deleted.append(thing.vendor_id)

    async def note_delivered(self, op: str, tokens: int) -> None:
        self._reach()
        if op in self.unfinished:
            thing, follower, call = self.unfinished[op]
            noted = orjson.loads(call)
            noted["delivered"] = max(noted.get("delivered", 0), tokens)
            self.unfinished[op] = thing, follower, orjson.dumps(noted).decode()

    async def delivered(self, op: str) -> int:
        self._reach()
        if op not in self.unfinished:
            return 0
        noted: int = orjson.loads(self.unfinished[op][2]).get("delivered", 0)
        return noted

    async def note_end(self, op: str) -> None:
        self._reach()
        if op in self.unfinished:
            self.ends.add(op)

    async def take_ends(self, gateway_id: str) -> Sequence[str]:
        self._reach()
        ended = [op for op in self.ends if op in self.unfinished and self.unfinished[op][1] == gateway_id]
        self.ends.difference_update(ended)
        return ended

    async def finish(self, op: str) -> None:
        self._reach()
        self.unfinished.pop(op, None)

    async def hand_on(self, gateway_id: str) -> None:
        self._reach()
        for op, (thing, follower, call) in list(self.unfinished.items()):
            self.unfinished[op] = thing, "" if follower == gateway_id else follower, call

    async def claim(
        self, gateway_id: str, *, but: Sequence[str] | None = None
    ) -> Sequence[tuple[StoredThing, str]]:
        self._reach()
        left = [
            one
            for op, one in self.unfinished.items()
            if one[1] in self.gone or (but is not None and one[1] == gateway_id and op not in but)
        ]
        for thing, _, call in left:
            self.unfinished[thing.op] = thing, gateway_id, call
        if self.loses_answers:
            raise BooksUnavailable
        return [(thing, call) for thing, _, call in left]

    def _reach(self) -> None:
        if self.is_away:
            raise BooksUnavailable
