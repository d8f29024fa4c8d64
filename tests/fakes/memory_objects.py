"""Files and batches that vendors store, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gateway.ports import BooksUnavailable, PageAsked, StoredObject, StoredThing, Totals
from tests.fakes.memory_stored import MemoryStored


@dataclass(slots=True)
class MemoryObjects:
    """gateway.ports.StoredObjects beside the bindings it stands on."""

    things: MemoryStored
    objects: dict[tuple[str, str, str], StoredObject] = field(default_factory=dict)
    now_s: float = 0.0
    is_read_only: bool = False
    seeks_nothing: bool = False  # it is written down, and nobody hears of it

    async def add(self, one: StoredObject, *, gateway_id: str, call: str | None = None) -> bool:
        self._reach()
        if self.is_read_only:
            raise BooksUnavailable
        bound = self.things.things.get(_key(one.thing))
        if bound is not None and bound.company_id != one.thing.company_id:
            return False
        await self.things.bind(one.thing, gateway_id=gateway_id, call=call)
        self.objects.setdefault(_key(one.thing), one)
        return True

    async def seek(self, thing: StoredThing, *, gateway_id: str, call: str) -> None:
        await self.things.bind(thing, gateway_id=gateway_id, call=call)
        if self.seeks_nothing:
            raise BooksUnavailable

    async def made_by(self, company_id: str, kind: str, op: str) -> tuple[StoredObject | None, bool]:
        self._reach()
        made = [one for one in self._there(company_id, kind) if one.thing.op == op]
        return (made[0] if made else None), op in self.things.unfinished

    async def find(self, company_id: str, kind: str, vendor_id: str) -> StoredObject | None:
        self._reach()
        for one in reversed(self._there(company_id, kind)):
            if one.thing.vendor_id == vendor_id:
                return one
        return None

    async def show(self, thing: StoredThing, shown: bytes, *, instead_of: bytes | None = None) -> None:
        self._reach()
        one = self.objects.get(_key(thing))
        if one is not None and one.thing.company_id == thing.company_id and instead_of in (None, one.shown):
            self.objects[_key(thing)] = replace(one, shown=shown)

    async def delete(self, thing: StoredThing) -> None:
        await self.things.delete(thing)

    async def page(self, company_id: str, asked: PageAsked) -> tuple[Sequence[bytes], bool] | None:
        self._reach()
        every = [
            one
            for one in self.objects.values()
            if (one.thing.company_id, one.thing.kind) == (company_id, asked.kind)
        ]
        if not asked.oldest_first:
            every.reverse()
        if asked.after is not None:
            places = [place for place, one in enumerate(every) if one.thing.vendor_id == asked.after]
            if not places:
                return None
            every = every[places[0] + 1 :]
        there = self._there(company_id, asked.kind)
        rows = [
            one.shown
            for one in every
            if one in there
            and asked.purpose in (None, one.purpose)
            and (asked.products is None or one.thing.product_id in asked.products)
        ]
        return rows[: asked.limit], len(rows) > asked.limit

    async def totals(self, company_id: str) -> Totals:
        self._reach()
        files = [one for one in self._there(company_id, "file") if one.purpose != "batch_output"]
        batches = [one for one in self._there(company_id, "batch") if one.thing.op in self.things.unfinished]
        return Totals(len(files), sum(one.size_bytes for one in files), len(batches))

    async def is_in_use(self, thing: StoredThing) -> bool:
        self._reach()
        return thing.op in self.things.unfinished or any(
            (one.input_file, one.thing.base_url) == (thing.vendor_id, thing.base_url)
            and one.thing.op in self.things.unfinished
            for one in self.objects.values()
        )

    def _there(self, company_id: str, kind: str) -> list[StoredObject]:
        return [
            one
            for one in self.objects.values()
            if (one.thing.company_id, one.thing.kind) == (company_id, kind)
            and one.thing.vendor_id not in self.things.deleted
            and (one.expires_s is None or one.expires_s > self.now_s)
        ]

    def _reach(self) -> None:
        if self.things.is_away:
            raise BooksUnavailable


def _key(thing: StoredThing) -> tuple[str, str, str]:
    return thing.kind, thing.base_url, thing.vendor_id
