"""The safeguards, each with what is taken away to see whether it is missed.

A mutant is a change of the production text, made while it is read: a script before it is loaded, a module
before it is imported. Every piece of text must be found exactly as often as is said, so that a mutant whose
safeguard was rewritten fails by name instead of changing nothing. `install` must come before anything of the
house is imported; the command line sees to that.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import ModuleType
from typing import Final

LIBRARIES: Final = [  # of others and slow to import, none of them a plugin of pytest
    "aiohttp",
    "alembic.context",
    "hiredis",
    "lupa.lua51",
    "psycopg_pool",
    "redis.asyncio",
    "sqlalchemy.dialects.postgresql",
    "structlog",
    "yaml",
]


def fresh_processes() -> ForkServerContext:
    """Processes in which nothing of the house is imported yet, copied from one that has what is not ours."""
    context = get_context("forkserver")
    context.set_forkserver_preload(LIBRARIES)
    return context


class NoSuchText(Exception):
    """The production text does not have what a mutant would change."""


@dataclass(frozen=True, slots=True)
class Change:
    path: str  # of the file, from the root
    old: str
    new: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class Mutant:
    name: str
    safeguard: str  # what it is and why, in a sentence
    removed: str  # what the mutant does instead
    changes: tuple[Change, ...]


def changed(path: str, text: str, changes: Sequence[Change]) -> str:
    """The text of one file with the changes meant for it."""
    for change in changes:
        if change.path != path:
            continue
        found = text.count(change.old)
        if found != change.times:
            raise NoSuchText(f"{path}: {change.old!r} is there {found} times, not {change.times}")
        text = text.replace(change.old, change.new)
    return text


def named(name: str) -> Mutant:
    from tests.simulation.mutant_list import MUTANTS

    return next(mutant for mutant in MUTANTS if mutant.name == name)


class _Loader(importlib.machinery.SourceFileLoader):
    changes: Sequence[Change] = ()

    def get_code(self, fullname: str) -> object:  # type: ignore[override]
        file = fullname.replace(".", "/") + ".py"
        text = changed(file, Path(self.path).read_text(encoding="utf-8"), self.changes)
        return compile(text, self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = [change for change in changes if change.path.endswith(".py")]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        file = fullname.replace(".", "/") + ".py"
        if all(change.path != file for change in self._changes):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        assert spec is not None, f"{fullname} is a module of the house"
        assert spec.origin is not None
        loader = _Loader(fullname, spec.origin)
        loader.changes = self._changes
        spec.loader = loader
        return spec


_installed: Mutant | None = None
_LOADING: Final = (  # where scripts are read, they are changed
    Change(
        "metering/purse_redis.py",
        "    return sources\n",
        "    return __import__('tests.simulation.mutants', fromlist=['x']).scripts(sources)\n",
    ),
)


def install(name: str) -> None:
    """For the life of this process. Modules already imported would not be changed: that is refused."""
    global _installed
    mutant = named(name)
    changes = mutant.changes + (_LOADING if any(c.path.endswith(".lua") for c in mutant.changes) else ())
    modules = {change.path[:-3].replace("/", ".") for change in changes if change.path.endswith(".py")}
    if early := modules & set(sys.modules):
        raise RuntimeError(f"imported before it was changed: {sorted(early)}")
    _installed = mutant
    sys.meta_path.insert(0, _Finder(changes))


def scripts(sources: dict[str, bytes]) -> dict[str, bytes]:
    """The scripts as they are loaded, changed where a mutant is installed."""
    if _installed is None:
        return sources
    made = {}
    for name, source in sources.items():
        text = source.decode()
        for path in ("metering/lua/prologue.lua", f"metering/lua/{name}.lua"):
            text = changed(path, text, _installed.changes)
        made[name] = text.encode()
    return made
