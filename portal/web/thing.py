"""What a page of a thing is made of: where it stands, its facts, and which roles read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import Role
from portal.web.facts import Fact

READERS: Final[tuple[Role, ...]] = ("operator", "auditor", "company")


@dataclass(frozen=True, slots=True)
class Thing:
    """`name`: which of its facts is its title."""

    kind: str
    thing: str
    name: str
    facts: tuple[Fact, ...]
    readers: tuple[Role, ...] = READERS
