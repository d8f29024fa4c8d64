"""A part of the API: the routes of a few kinds of thing, and how a request is led to them.

FastAPI asks every route in turn, once per level of routers; with some hundreds of routes that took longer
than most answers. The second word of a path says of which kind it is, and so which parts need not be asked.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from portal.api.route import OfficeRoute

PREFIX: Final = "/api"


class Part(APIRouter):
    """Its routes begin with a kind: "/rounds", "/rounds/{id}/select"."""

    def __init__(self, *tags: str) -> None:
        super().__init__(route_class=OfficeRoute, tags=[*tags])
        self._kinds: frozenset[str] | None = None

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if self._kinds is None:
            self._kinds = frozenset(map(_kind_of, self.routes))
        path = str(scope["path"]).split("/", 3)  # "", "api", the kind, the rest
        if len(path) < 3 or path[2] not in self._kinds:
            return Match.NONE, {}
        return super().matches(scope)


class Whole(APIRouter):
    """All parts, for what is asked below their prefix."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if not str(scope["path"]).startswith(f"{PREFIX}/"):
            return Match.NONE, {}
        return super().matches(scope)


def _kind_of(route: BaseRoute) -> str:
    return str(getattr(route, "path", "")).split("/", 2)[1]
