"""The shape of a declaration, each entry by itself: the line, the field and the reason of every fault."""

from __future__ import annotations

import pytest

from billing.declaration.findings import DeclarationRefused
from billing.declaration.reading import read_declaration
from tests.fakes.declared_world import API_KEY, COMPANY, ENVIRONMENT, PRODUCT, PROGRAMME, WHOLE, Bad, edited

BAD = [
    Bad("not a mapping", "- a", 1, "(file)", "must be a mapping of sections"),
    Bad("unknown section", "vendors: []", 1, "vendors", "unknown field: there are programmes, providers"),
    Bad("no list", "companies:\n  id: a", 1, "companies", "must be a list"),
    Bad("no mapping", "companies:\n- a", 2, "companies[0]", "must be a mapping"),
    Bad(
        "unknown field",
        edited(PRODUCT, "scale:", "size: 1\n    scale:"),
        6,
        "products[0].size",
        "unknown field",
    ),
    Bad(
        "unknown field of an upstream",
        edited(PRODUCT, "model: x1", "model: x1, mode: x"),
        11,
        "products[0].upstream[0].mode",
        "unknown field",
    ),
    Bad("no id", "companies:\n- name: x", 2, "companies[0].id", "is required"),
    Bad("null", "companies:\n- id: x\n  name: ~", 3, "companies[0].name", "is required: it has no default"),
    Bad("wrong scale", edited(PRODUCT, "large", "big"), 6, "products[0].scale", "must be 'small', 'medium'"),
    Bad(
        "unknown dialect",
        edited(PRODUCT, "dialect: openai", "dialect: telepathy"),
        11,
        "products[0].upstream[0].dialect",
        "must be 'openai', 'anthropic', 'gemini', 'clova', 'bedrock', 'cohere' or 'ollama'",
    ),
    Bad(
        "YAML float",
        edited(PROGRAMME, "1000000", "1000000.5"),
        4,
        "programmes[0].budget_krw",
        "1000000.5 is a YAML",
    ),
    Bad(
        "float price",
        edited(PRODUCT, '"5000.5"', "5000.5"),
        13,
        "products[0].prices[0].output",
        "5000.5 is a YAML",
    ),
    Bad(
        "float share",
        edited(PROGRAMME, '"0.75"', "0.75"),
        8,
        "programmes[0].shares.sme",
        "0.75 is a YAML float",
    ),
    Bad(
        "share above one",
        edited(PROGRAMME, "0.75", "1.75"),
        8,
        "programmes[0].shares.sme",
        "must be a decimal",
    ),
    Bad(
        "check digit",
        edited(COMPANY, "1119", "1118"),
        2,
        "companies[0].brn",
        "is no business registration number",
    ),
    Bad("number for a name", edited(COMPANY, "가온데이터", "7"), 2, "companies[0].name", "must be text"),
    Bad(
        "no time zone",
        edited(PRODUCT, "+09:00", ""),
        13,
        "products[0].prices[0].from",
        "must be a time with its",
    ),
    Bad(
        "no price",
        edited(PRODUCT, "input: 1250, ", ""),
        13,
        "products[0].prices[0]",
        "input or a unit price is",
    ),
    Bad(
        "variable not set",
        edited(PRODUCT, "VENDOR_KEY", "NUL_KEY"),
        11,
        "products[0].upstream[0].api_key",
        "${NUL_KEY} is not set in the environment",
    ),
    Bad(
        "a weak key",
        COMPANY + edited(API_KEY, "vg_test_gaonde_backend_0000", "vg_short"),
        4,
        "api_keys[0].key",
        "must match vg_",
    ),
    Bad(
        "declared twice",
        COMPANY + "  - {id: gaonde, name: x}\n",
        3,
        "companies[1]",
        "company gaonde is declared twice, first in line 2",
    ),
    Bad(
        "a short password",
        "users:\n- {email: a@b.kr, role: auditor, password: 12345678901}",
        2,
        "users[0].password",
        "must be text: put it in quotes",
    ),
]


def faults(text: str) -> list[str]:
    try:
        reading = read_declaration(text, source="house.yaml", environment=ENVIRONMENT)
    except DeclarationRefused as refused:
        return str(refused).splitlines()
    return [f"house.yaml:{f.line}: {f.path}: {f.reason}" for f in reading.findings]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.why)
def test_a_fault_is_named_with_its_line(bad: Bad) -> None:
    (fault,) = faults(bad.text)
    assert fault.startswith(f"house.yaml:{bad.line}: {bad.path}: {bad.reason}")


def test_a_good_file_has_no_fault() -> None:
    assert faults(WHOLE) == []
