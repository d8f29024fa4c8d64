"""The part of YAML a declaration is written in: what each scalar is, what is not taken, where it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.declaration.findings import DeclarationRefused
from billing.declaration.yaml_tree import TEXT_BYTES_MAX, Tree, YamlFloat, read_yaml


def read(text: str, **environment: str) -> Tree:
    return read_yaml(text, source="f.yaml", environment=environment)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("012", "012"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("12:30", "12:30"),
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("on", "on"),
        ("NO", "NO"),
        ("~", None),
        ("null", None),
        ("1.5", YamlFloat("1.5")),
        ("1e3", YamlFloat("1e3")),
        ("-.5", YamlFloat("-.5")),
        (".inf", YamlFloat(".inf")),
        ("2026-01-01", "2026-01-01"),
        ('"12"', "12"),
        ("'true'", "true"),
        ("|\n   two\n   lines\n", "two\nlines\n"),
    ],
)
def test_a_scalar_is_what_it_looks_like(text: str, value: object) -> None:
    assert read(f"a: {text}").value == {"a": value}


def test_an_empty_file_declares_nothing() -> None:
    assert read("").value is None
    assert read("# only a remark\n").value is None


def test_every_value_knows_its_line() -> None:
    tree = read("a:\n  - b: 1\n    c:\n      - 2\n      -\n        3\n")
    assert tree.places.lines == {
        (): 1,
        ("a",): 1,
        ("a", 0): 2,
        ("a", 0, "b"): 2,
        ("a", 0, "c"): 3,
        ("a", 0, "c", 0): 4,
        ("a", 0, "c", 1): 6,
    }
    assert tree.places.line(("a", 0, "c", 1, "deeper")) == 6


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("a: &x 1\nb: *x", "f.yaml:1: (file): anchors and aliases are not taken: write the value out"),
        ("a: 1\nb: *x", "f.yaml:2: (file): anchors and aliases are not taken: write the value out"),
        ("a: 1\nb: !!python/object:os.system x", "f.yaml:2: (file): the tag tag:yaml.org,2002:python/object"),
        ("a: 1\n---\nb: 1", "f.yaml:2: (file): one YAML document is expected, here begins a second"),
        ("a: 1\n? [b]\n: 2", "f.yaml:2: (file): the name of a field is plain text"),
        ("a: {\n", "f.yaml:2: (file): not YAML: "),
        ("a:\n\tb: 1", "f.yaml:2: (file): not YAML: "),
        ("a: 1\nb: \x01", "f.yaml:"),
        ("a: 1\nb: \ue000", "f.yaml:2: (file): holds a private character of Unicode"),
        ("a: " + "[" * 40 + "]" * 40, "f.yaml:1: (file): nested deeper than 16"),
        ("#" * (TEXT_BYTES_MAX + 1), "f.yaml:1: (file): is larger than 8 MiB"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text: str, refusal: str) -> None:
    with pytest.raises(DeclarationRefused) as refused:
        read(text)
    assert str(refused.value).startswith(refusal)


def test_a_name_that_is_there_twice_is_a_finding() -> None:
    tree = read("a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert tree.value == {"a": {"b": 1, "c": 2}}
    assert [(f.line, f.path, f.reason) for f in tree.findings] == [
        (4, "a.b", "is there twice, first in line 2")
    ]


def test_variables_fill_values_also_between_braces() -> None:
    text = "a: {b: ${X}, c: https://${HOST}/v1}\nd: '${X}'\n# ${REMARK}\n"
    assert read(text, X="s", HOST="h").value == {"a": {"b": "s", "c": "https://h/v1"}, "d": "s"}


@given(st.text())
def test_what_a_variable_holds_changes_no_structure(value: str) -> None:
    assert read("a: ${X}\nb: 1", X=value).value == {"a": value, "b": 1}


def test_a_variable_is_text_and_never_a_name() -> None:
    assert read("a: ${X}\n${X}: 1", X="12").value == {"a": "12", "${X}": 1}


def test_the_signs_of_a_variable_can_be_written() -> None:
    assert read("a: $${X} and $5\nb: cost$").value == {"a": "${X} and $5", "b": "cost$"}


def test_a_variable_that_is_not_set_is_a_finding() -> None:
    tree = read("a: 1\nb: [x, '${Y}', '${not a name}']\n")
    assert [(f.line, f.path, f.reason) for f in tree.findings] == [
        (2, "b[1]", "${Y} is not set in the environment"),
        (2, "b[2]", "${ is followed by no name of a variable: write $${ for the signs"),
    ]
    assert tree.unset == {("b", 1), ("b", 2)}
