"""A step that is offered, and what the installation must be asked before one is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from billing.casework.deeds import Deed
from billing.lifecycle.table import Guard, Step, Table
from billing.secrets import Secrets
from billing.statements.month import Month


@dataclass(frozen=True, slots=True)
class Offered:
    """A step of `thing`, and the condition that does not hold yet, if one is known."""

    thing: str
    step: Step[Any]
    hindrance: Guard[Any] | None


@dataclass(frozen=True, slots=True)
class House:
    """What the conditions of some steps ask of the installation."""

    allow_private: bool = False
    secrets: Secrets | None = None
    unbooked: Callable[[Month], Awaitable[int | None]] | None = None


NO_HOUSE: Final = House()


def open_steps(
    table: Table[Any],
    state: str,
    facts: Any,
    deed: Deed,
    *,
    company: str | None = None,
    provider: str | None = None,
) -> list[Offered]:
    """`company`, `provider`: whose the thing is."""
    owns = deed.actor.owns(company=company, provider=provider)
    return [
        Offered(table.thing, step, step.hindrance(facts))
        for step in table.open_to(state, deed.actor, owns=owns)
    ]


def made_of_it(
    table: Table[Any],
    action: str,
    facts: Any,
    deed: Deed,
    *,
    company: str | None = None,
    provider: str | None = None,
) -> list[Offered]:
    """A step that makes another thing of this one."""
    step = table.step(action)
    if not step.allows(deed.actor, owns=deed.actor.owns(company=company, provider=provider)):
        return []
    return [Offered(table.thing, step, step.hindrance(facts))]
