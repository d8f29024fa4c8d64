"""A page that is a table, as data; and whose rows each person is shown there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from billing.lifecycle.table import Role
from portal.api import answers
from portal.api.desk import Desk
from portal.web.view import Scope, View


@dataclass(frozen=True, slots=True)
class Listed:
    """`make`: what a role may make here, or goes on to, as a path below its prefix and a text."""

    path: str
    title: str
    roles: tuple[Role, ...]
    view: View
    scope: Callable[[Desk], Scope]
    make: Mapping[Role, tuple[str, str]] = field(default_factory=dict)


def everything(_: Desk) -> Scope:
    return answers.EVERYTHING


def own_company(desk: Desk) -> Scope:
    return answers.own(desk, company="company_id")


def own_provider(desk: Desk) -> Scope:
    return answers.own(desk, provider="provider_id")


def between(desk: Desk) -> Scope:
    """What a company and a provider have between them, or each for itself."""
    return answers.own(desk, company="company_id", provider="provider_id")


def announced(desk: Desk) -> Scope:
    return answers.EVERYTHING if desk.sees_everything else ("state <> %s", ["draft"])


def sold(_: Desk) -> Scope:
    """To those who buy: a draft is its provider's own, and what was withdrawn is nothing to choose."""
    return "on_sale_at is not null and state <> 'withdrawn'", []


def offered(_: Desk) -> Scope:
    """Of products that are reported: what is sold, or was suspended."""
    return "state not in ('in_review', 'withdrawn')", []
