"""Declarations that are refused: the line, the field and the reason of every fault, and nothing applied."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import psycopg
import pytest

from billing.database import connect
from billing.migrate import upgrade
from launch.embedded_postgres import PostgresServer
from tests.fakes.declared_world import (
    API_KEY,
    COMPANY,
    PRODUCT,
    PROGRAMME,
    VOUCHER,
    WHOLE,
    Bad,
    World,
    edited,
)

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def url(shared_postgres: PostgresServer) -> Iterator[str]:
    """One database for all: what is refused changes nothing."""
    name = f"refusals_{next(_numbers)}"
    with psycopg.connect(shared_postgres.url_of("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name}")
        upgrade(shared_postgres.url_of(name))
        yield shared_postgres.url_of(name)
        connection.execute(f"drop database {name} with (force)")


VOUCHERS = PROGRAMME + PRODUCT + COMPANY + VOUCHER
BAD = [
    Bad(
        "lacking", "companies:\n- id: x\n  name: y", 2, "companies[0]", "class is required to make a company"
    ),
    Bad(
        "no prices", PRODUCT.split("    prices:")[0], 4, "products[0]", "prices is required to make a product"
    ),
    Bad(
        "no output",
        edited(PRODUCT, "max_output_tokens: 4096", "max_output_tokens: 0"),
        9,
        "products[0].max_output_tokens",
        "must be at least 1 for chat and completion",
    ),
    Bad(
        "private address",
        edited(PRODUCT, "https://api.nuri.example/v1/", "http://127.0.0.1/v1"),
        11,
        "products[0].upstream[0].base_url",
        "127.0.0.1 is a private, local or reserved address",
    ),
    Bad(
        "no such provider",
        edited(PRODUCT, "provider: nuri", "provider: nury"),
        5,
        "products[0].provider",
        "there is no provider nury",
    ),
    Bad("no such company", PROGRAMME + VOUCHER, 11, "vouchers[0].company", "there is no company gaonde"),
    Bad("no such programme", COMPANY + VOUCHER, 6, "vouchers[0].programme", "there is no programme ai-2026"),
    Bad(
        "class without share",
        PROGRAMME + edited(COMPANY, "sme", "midsize") + VOUCHER,
        13,
        "vouchers[0].company",
        "programme ai-2026 has no share for the class midsize, only for sme, startup",
    ),
    Bad(
        "no such product",
        VOUCHERS + "    products: [nuri-x2]\n",
        30,
        "vouchers[0].products",
        "there is no product nuri-x2",
    ),
    Bad(
        "out of the period",
        VOUCHERS + "    ends_on: 2027-01-01\n",
        30,
        "vouchers[0].ends_on",
        "must be within the programme's 2026-01-01 to 2026-12-31",
    ),
    Bad(
        "ends before it starts",
        VOUCHERS + "    starts_on: 2026-03-01\n    ends_on: 2026-02-01\n",
        31,
        "vouchers[0].ends_on",
        "must not be before starts_on",
    ),
    Bad(
        "programme backwards",
        edited(PROGRAMME, "2026-12-31", "2025-12-31"),
        7,
        "programmes[0].ends_on",
        "must not be before starts_on",
    ),
    Bad(
        "above the cap",
        edited(VOUCHERS, "300000\n", "600001\n"),
        28,
        "vouchers[0].government_krw",
        "the grants of programme ai-2026 come to 600001 won, above its cap per company of 600000 won",
    ),
    Bad(
        "above the budget",
        edited(VOUCHERS, "1000000", "299999"),
        28,
        "vouchers[0].government_krw",
        "the grants of programme ai-2026 come to 300000 won, above its budget of 299999 won",
    ),
    Bad("a key of no company", API_KEY, 2, "api_keys[0].company", "there is no company gaonde"),
    Bad(
        "one key, two names",
        COMPANY + API_KEY + "  - {company: gaonde, name: other, key: vg_test_gaonde_backend_0000}\n",
        5,
        "api_keys[1].key",
        "this key is in use under another name: every key has one",
    ),
    Bad(
        "a company's person without one",
        "users:\n- {email: a@b.kr, role: company}",
        2,
        "users[0].company",
        "a person of the role company names a company",
    ),
    Bad(
        "an auditor of a company",
        COMPANY + "users:\n- {email: a@b.kr, role: auditor, company: gaonde}",
        4,
        "users[0].company",
        "a person of the role company names a company, and nobody",
    ),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.why)
async def test_a_fault_is_named_with_its_line(url: str, bad: Bad) -> None:
    async with await connect(url) as conn:
        refusal = await World(conn).refusal(bad.text)
        delta = await World(conn).load()
    assert len(refusal.splitlines()) == 1
    assert refusal.startswith(f"house.yaml:{bad.line}: {bad.path}: {bad.reason}")
    assert (delta.revision, delta.companies, delta.products) == (0, (), ())


async def test_all_faults_are_said_at_once_each_once(url: str) -> None:
    text = edited(WHOLE, "id: gaonde,", "id: Gaonde,").replace("1250", "1.5") + "users: [{email: x}]\n"
    text = edited(text, "budget_krw: 1000000", "budget_krw: ${BUDGET}")
    async with await connect(url) as conn:
        refusal = await World(conn).refusal(text)
    assert [line.split(": ", 2)[:2] for line in refusal.splitlines()] == [
        ["house.yaml:4", "programmes[0].budget_krw"],
        ["house.yaml:21", "products[0].prices[0].input"],
        ["house.yaml:23", "companies[0].id"],
        ["house.yaml:26", "vouchers[0].company"],
        ["house.yaml:31", "api_keys[0].company"],
        ["house.yaml:32", "users[0].email"],
    ]


async def test_what_rests_on_a_refused_entry_is_not_refused_again(url: str) -> None:
    text = edited(VOUCHERS, "class: sme", "class: [sme]").replace("scale: large", "scale: big")
    async with await connect(url) as conn:
        refusal = await World(conn).refusal(text + "    products: [nuri-x1]\n" + API_KEY)
    assert [line.split(": ", 2)[1] for line in refusal.splitlines()] == [
        "products[0].scale",
        "companies[0].class",
    ]


async def test_no_refusal_repeats_a_secret(url: str) -> None:
    text = COMPANY + API_KEY.replace("vg_test_gaonde_backend_0000", "sk-very-secret")
    text += "users:\n- {email: a@b.kr, role: auditor, password: secret-word}\n"
    async with await connect(url) as conn:
        refusal = await World(conn).refusal(text)
    assert len(refusal.splitlines()) == 2
    assert "secret" not in refusal
