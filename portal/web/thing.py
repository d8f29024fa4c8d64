"""What a page of a thing is made of: its facts, who reads it, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import Role
from portal.web.facts import Fact
from portal.web.operations import Shown
from portal.web.visit import Visit

INSIDE: Final[tuple[Role, ...]] = ("operator", "auditor")
WITH_COMPANIES: Final[tuple[Role, ...]] = (*INSIDE, "company")
WITH_PROVIDERS: Final[tuple[Role, ...]] = (*INSIDE, "provider")
EVERYBODY: Final[tuple[Role, ...]] = (*INSIDE, "company", "provider")


def _as_it_is(shown: Shown, _: Visit) -> Shown:
    return shown


@dataclass(frozen=True, slots=True)
class Thing:
    """`name`: which of its facts is its title. `prepared`: what is shown, from what the API answers.

    `log`: who reads who did what to it. `owner`: the fact that says whose it is, where the API shows it to
    others too and its page does not. `id_path`: how its id stands in a path, where it has a slash.
    """

    kind: str
    thing: str
    name: str
    facts: tuple[Fact, ...]
    readers: tuple[Role, ...] = WITH_COMPANIES
    log: tuple[Role, ...] = WITH_COMPANIES
    template: str = "thing.html"
    prepared: Callable[[Shown, Visit], Shown] = _as_it_is
    owner: str | None = None
    id_path: str = "{id}"
