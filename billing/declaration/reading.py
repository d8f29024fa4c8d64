"""The text of a declaration -> its entries, each judged by itself, and what is wrong with the others. Pure.

What needs to know other entries or the database is judged in billing.declaration.plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError

from billing.declaration.findings import DeclarationRefused, Finding, Path, Places
from billing.declaration.models import SECTIONS, Declared
from billing.declaration.yaml_tree import Tree, read_yaml

M_co = TypeVar("M_co", bound=Declared, covariant=True)

_REASONS: Final = {
    "extra_forbidden": "unknown field",
    "missing": "is required",
    "string_type": "must be text: put it in quotes",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
}


@dataclass(frozen=True, slots=True)
class Entry(Generic[M_co]):
    """One entry and where it stands."""

    declared: M_co
    path: Path
    places: Places

    def finding(self, reason: str, *inner: str | int) -> Finding:
        return self.places.finding((*self.path, *inner), reason)


@dataclass(slots=True)
class Reading:
    entries: list[Entry[Declared]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unjudged: set[tuple[str, str]] = field(default_factory=set)  # (kind, id) named by entries with findings

    def of(self, model: type[M_co]) -> Iterator[Entry[M_co]]:
        for entry in self.entries:
            if isinstance(entry.declared, model):
                yield Entry(entry.declared, entry.path, entry.places)


def read_declaration(text: str, *, source: str, environment: Mapping[str, str]) -> Reading:
    """Raises DeclarationRefused where the text as a whole cannot be read."""
    tree = read_yaml(text, source=source, environment=environment)
    reading = Reading(findings=tree.findings)
    if tree.value is None:
        return reading
    if not isinstance(tree.value, dict):
        raise DeclarationRefused(source, [tree.places.finding((), "must be a mapping of sections")])
    for section in tree.value:
        if section not in SECTIONS:
            known = ", ".join(SECTIONS)
            reading.findings.append(tree.places.finding((section,), f"unknown field: there are {known}"))
    for section, model in SECTIONS.items():
        values = tree.value.get(section)
        if values is not None:
            _read_section(reading, tree, section, model, values)
    return reading


def _read_section(reading: Reading, tree: Tree, section: str, model: type[Declared], values: object) -> None:
    if not isinstance(values, list):
        reading.findings.append(tree.places.finding((section,), "must be a list"))
        return
    first_paths: dict[str, Path] = {}
    for position, value in enumerate(values):
        path = (section, position)
        entry = _read_entry(reading, tree, model, value, path)
        if entry is None:
            continue
        first = first_paths.setdefault(entry.declared.key, path)
        if first == path:
            reading.entries.append(entry)
        else:
            line = tree.places.line(first)
            reading.findings.append(
                entry.finding(f"{model.KIND} {entry.declared.key} is declared twice, first in line {line}")
            )


def _read_entry(
    reading: Reading, tree: Tree, model: type[Declared], value: object, path: Path
) -> Entry[Declared] | None:
    found = []
    try:
        declared = model.model_validate(value)
    except ValidationError as error:
        found = [_finding(tree.places, path, part) for part in _parts(error, tree, path)]
    else:
        found = [
            tree.places.finding((*path, name), "is required: it has no default")
            for name in sorted(model.REQUIRED)
            if isinstance(value, dict) and name in value and value[name] is None
        ]
        if not found and not _is_unset(tree, path):
            return Entry(declared, path, tree.places)
    reading.findings.extend(found)
    if isinstance(value, dict):
        reading.unjudged.add((model.KIND, str(value.get("id"))))
    return None


def _is_unset(tree: Tree, path: Path) -> bool:
    return any(unset[: len(path)] == path for unset in tree.unset)


def _parts(error: ValidationError, tree: Tree, path: Path) -> Iterator[tuple[Path, Any]]:
    """The error's parts, but for those about a value whose variable is missing: that has been said."""
    for part in error.errors(include_url=False, include_input=False):
        inner = tuple(name for name in part["loc"] if name != "[key]")
        if (*path, *inner) not in tree.unset:
            yield inner, part


def _finding(places: Places, path: Path, part: tuple[Path, Any]) -> Finding:
    inner, error = part
    reason = _REASONS.get(error["type"])
    if reason is None:
        reason = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be", 1)
    return places.finding((*path, *inner), reason)
