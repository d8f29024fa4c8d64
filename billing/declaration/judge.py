"""What the planning of every kind shares: an entry laid over its row, references, refusals. Pure.

An entry that rests on one that was refused is left unjudged, so that each fault is said once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from billing.declaration.models import Declared
from billing.declaration.plan import Change, Directory, Means, Plan
from billing.declaration.reading import Entry, Reading
from billing.declaration.rows import Stored, laid_over

R = TypeVar("R", bound=Stored)


class Judge:
    """`directory` becomes what it will be; `plan` gathers changes and findings."""

    def __init__(self, reading: Reading, directory: Directory, means: Means) -> None:
        self.plan = Plan()
        self.reading = reading
        self.directory = directory
        self.means = means

    def lay(
        self,
        entry: Entry[Declared],
        rows: dict[str, R],
        changes: list[Change[R]],
        kind: type[R],
        given: Mapping[str, Any],
    ) -> R | None:
        """The entry over its row. None, and said, where something is lacking."""
        key = entry.declared.key
        before = rows.get(key)
        lacking = entry.declared.lacking() if before is None else []
        for name in lacking:
            self.refuse(entry, f"{name} is required to make a {entry.declared.KIND}")
        if lacking:
            return None
        after = laid_over(kind, before, given)
        rows[key] = after
        if after != before:
            changes.append(Change(entry, before, after))
        return after

    def refuse(self, entry: Entry[Declared], reason: str, *inner: str | int) -> None:
        self.plan.findings.append(entry.finding(reason, *inner))
        self._leave_unjudged(entry)

    def refers(self, entry: Entry[Declared], kind: str, name: str, *inner: str | int) -> bool:
        """Is the thing there? Where it was refused itself, the entry is unjudged without another word."""
        if self.is_unjudged(kind, name):
            self._leave_unjudged(entry)
            return False
        known: Mapping[str, Mapping[str, object] | set[str]] = {
            "programme": self.directory.programmes,
            "provider": self.directory.providers,
            "product": self.directory.product_ids,
            "company": self.directory.companies,
        }
        if name in known[kind]:
            return True
        self.refuse(entry, f"there is no {kind} {name}", *inner)
        return False

    def keeps(self, entry: Entry[Declared], name: str, before: str, after: str | None) -> bool:
        """Does the entry leave this field, which never changes, as it is?"""
        if after is None or before == after:
            return True
        self.refuse(entry, f"the {name} of a {entry.declared.KIND} is fixed: it is {before}", name)
        return False

    def product_list(self, entry: Entry[Declared], products: list[str] | None) -> tuple[str, ...] | None:
        """None is every product, as "*" is."""
        if products is None or products == ["*"]:
            return None
        for product_id in products:
            self.refers(entry, "product", product_id, "products")
        return tuple(products)

    def is_unjudged(self, kind: str, key: str) -> bool:
        return (kind, key) in self.reading.unjudged

    def _leave_unjudged(self, entry: Entry[Declared]) -> None:
        self.reading.unjudged.add((entry.declared.KIND, entry.declared.key))
