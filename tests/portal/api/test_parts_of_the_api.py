"""A request is led to the part of its kind, and no other part is asked."""

from __future__ import annotations

from starlette.routing import Match

from portal.api.api import parts
from portal.api.part import Part


def asked(path: str) -> list[Match]:
    """What the parts say to a GET that none of them has a route for below its kind."""
    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
    return [part.matches(scope)[0] for part in parts()]


def test_every_part_knows_its_kinds() -> None:
    assert [part for part in parts() if not isinstance(part, Part)] == []


def test_a_path_of_no_kind_is_nobody_s() -> None:
    for path in ("/", "/api", "/api/", "/api/absent", "/rounds", "/other/rounds"):
        assert set(asked(path)) == {Match.NONE}, path
