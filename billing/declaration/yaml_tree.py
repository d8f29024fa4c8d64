"""YAML text -> plain values, with the line of each. Pure.

A small part of YAML is enough for a declaration, and the rest of it is where files go wrong unseen: anchors
and aliases (a short file that becomes a huge one), tags, merge keys, duplicate keys (the last one silently
wins), `no` for false, 1_000, 0o14 and 12:30 for numbers. None of that is here. A plain scalar is null, true,
false, an integer or a float, as JSON spells them; every other is text. A float is kept as it was written, so
that whoever expects an amount can refuse it.

`${NAME}` in a value (never in a key) takes the text of a variable, after the file was taken apart: what a
variable holds can change no structure. YAML itself would stumble over the braces in `{password: ${NAME}}`, so
it is shown a mark in their place. `$${` is a literal `${`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from billing.declaration.findings import DeclarationRefused, Finding, Path, Places

TEXT_BYTES_MAX: Final = 8 * 1024 * 1024
DEPTH_MAX: Final = 16

_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,30})")
_FLOAT: Final = re.compile(
    r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|nan)", re.IGNORECASE
)
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
# Marks for ${, its end and a literal ${: private characters, which YAML takes as text and no file may hold.
_FILL, _END, _LITERAL = "\ue000", "\ue001", "\ue002"
_MARKED: Final = re.compile(f"{_FILL}([A-Za-z0-9_]+){_END}")
_WORDS: Final[Mapping[str, object]] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class YamlFloat:
    """A YAML float as it was written. It is no amount: it may not be what its author meant."""

    text: str


@dataclass(slots=True)
class Tree:
    value: object
    places: Places
    findings: list[Finding] = field(default_factory=list)
    unset: set[Path] = field(default_factory=set)  # values whose variable is missing: unknown, not wrong


def read_yaml(text: str, *, source: str, environment: Mapping[str, str]) -> Tree:
    """Raises DeclarationRefused where the text as a whole cannot be read."""
    if len(text.encode(errors="surrogatepass")) > TEXT_BYTES_MAX:
        raise DeclarationRefused(source, [Finding(1, "(file)", f"is larger than {TEXT_BYTES_MAX >> 20} MiB")])
    for mark in (_FILL, _END, _LITERAL):
        if mark in text:
            line = text.count("\n", 0, text.index(mark)) + 1
            raise DeclarationRefused(
                source, [Finding(line, "(file)", "holds a private character of Unicode")]
            )
    marked = _VARIABLE.sub(rf"{_FILL}\1{_END}", text.replace("$${", _LITERAL))
    builder = _Builder(yaml.parse(marked, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), environment)
    try:
        value = builder.document()
    except _Unreadable as unreadable:
        raise DeclarationRefused(source, [Finding(unreadable.line, "(file)", unreadable.reason)]) from None
    except yaml.MarkedYAMLError as error:
        place = error.problem_mark or error.context_mark
        line = 1 if place is None else place.line + 1
        raise DeclarationRefused(source, [Finding(line, "(file)", f"not YAML: {error.problem}")]) from None
    except yaml.YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0) or 0) + 1
        raise DeclarationRefused(
            source, [Finding(line, "(file)", "not YAML: characters that no text has")]
        ) from None
    return Tree(value, Places(builder.lines), builder.findings, builder.unset)


@dataclass(slots=True)
class _Unreadable(Exception):
    line: int
    reason: str


class _Builder:
    def __init__(self, events: Iterator[Any], environment: Mapping[str, str]) -> None:
        self.lines: dict[Path, int] = {}
        self.findings: list[Finding] = []
        self.unset: set[Path] = set()
        self._events = events
        self._environment = environment

    def document(self) -> object:
        next(self._events)  # the stream begins
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value = self._value(next(self._events), ())
        next(self._events)  # the document ends
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _Unreadable(_line(after), "one YAML document is expected, here begins a second")
        return value

    def _value(self, event: Any, path: Path) -> object:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _Unreadable(_line(event), "anchors and aliases are not taken: write the value out")
        if event.tag is not None and not (isinstance(event, yaml.ScalarEvent) and event.tag == "!"):
            raise _Unreadable(_line(event), f"the tag {event.tag} is not taken")
        if len(path) > DEPTH_MAX:
            raise _Unreadable(_line(event), f"nested deeper than {DEPTH_MAX}")
        self.lines.setdefault(path, _line(event))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._scalar(event, path)

    def _mapping(self, path: Path) -> dict[str, object]:
        values: dict[str, object] = {}
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent) or key.anchor is not None or key.tag is not None:
                raise _Unreadable(_line(key), "the name of a field is plain text")
            name = _MARKED.sub(r"${\1}", key.value).replace(_LITERAL, "$${")
            inner = (*path, name)
            if name in values:
                again = Places({inner: _line(key)})
                self.findings.append(
                    again.finding(inner, f"is there twice, first in line {self.lines[inner]}")
                )
                inner = (*path, name, "(again)")
            self.lines[inner] = _line(key)
            value = self._value(next(self._events), inner)
            values.setdefault(name, value)
        return values

    def _sequence(self, path: Path) -> list[object]:
        values: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values

    def _scalar(self, event: Any, path: Path) -> object:
        text: str = event.value
        if any(mark in text for mark in (_FILL, _LITERAL, "${")):
            return self._filled(text, path)
        if not event.implicit[0] or event.style not in (None, ""):
            return text
        if text.lower() in _WORDS and text in (text.lower(), text.capitalize(), text.upper()):
            return _WORDS[text.lower()]
        if _INTEGER.fullmatch(text):
            return int(text)
        return YamlFloat(text) if _FLOAT.fullmatch(text) else text

    def _filled(self, text: str, path: Path) -> str:
        """The text with its variables' values. One that is missing makes the value unknown, not wrong."""

        def fill(match: re.Match[str]) -> str:
            if match[1] not in self._environment:
                self._refuse_variable(path, f"${{{match[1]}}} is not set in the environment")
            return self._environment.get(match[1], "")

        if "${" in text:
            self._refuse_variable(path, "${ is followed by no name of a variable: write $${ for the signs")
        return _MARKED.sub(fill, text).replace(_LITERAL, "${")

    def _refuse_variable(self, path: Path, reason: str) -> None:
        self.findings.append(Places(self.lines).finding(path, reason))
        self.unset.add(path)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
