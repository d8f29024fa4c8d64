"""Declarations that are taken: what they make, what a second run changes, what an entry leaves alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib import resources

import psycopg
import pytest
from argon2 import PasswordHasher

from billing.database import connect
from billing.declaration import ApplyReport
from tests.fakes.declared_world import API_KEY, COMPANY, PRODUCT, PROGRAMME, VOUCHER, WHOLE, World

NOTHING = ApplyReport()


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[World]:
    async with await connect(books_url) as conn:
        yield World(conn)


async def one(world: World, query: bytes) -> tuple[object, ...]:
    row = await (await world.conn.execute(query)).fetchone()
    assert row is not None
    return tuple(row)


async def test_a_first_run_makes_and_a_second_changes_nothing(world: World) -> None:
    report = await world.apply(WHOLE)
    assert report.to_json() == {
        "created": [
            "programme/ai-2026",
            "provider/nuri",
            "product/nuri-x1",
            "company/gaonde",
            "voucher/gaonde-2026",
            "api_key/gaonde/backend",
        ],
        "changed": [],
        "api_keys": [{"company": "gaonde", "name": "backend", "key": "vg_test_gaonde_backend_0000"}],
    }
    revision = (await world.load()).revision
    assert await world.apply(WHOLE) == NOTHING
    assert (await world.load()).revision == revision


async def test_an_empty_file_changes_nothing(world: World) -> None:
    assert await world.apply("") == NOTHING
    assert await world.apply("companies:\nusers: []\n") == NOTHING


async def test_what_an_entry_leaves_out_stays(world: World) -> None:
    await world.apply(WHOLE)
    (before,) = (await world.load()).products
    report = await world.apply("products:\n- id: nuri-x1\n  max_output_tokens: 8192\n")
    assert report == ApplyReport(changed=("product/nuri-x1",))
    (after,) = (await world.load()).products
    assert after.max_output_tokens == 8192
    assert (after.upstreams, after.prices, after.created_s) == (
        before.upstreams,
        before.prices,
        before.created_s,
    )


async def test_null_gives_a_field_its_default_again(world: World) -> None:
    await world.apply(WHOLE)
    await world.apply(
        "vouchers:\n- {id: gaonde-2026, state: suspended, products: [nuri-x1], ends_on: 2026-06-30}\n"
    )
    (voucher,) = (await world.load()).vouchers
    assert (voucher.state, voucher.products) == ("suspended", frozenset({"nuri-x1"}))
    await world.apply("vouchers:\n- {id: gaonde-2026, state: ~, products: ~, ends_on: ~}\n")
    (voucher,) = (await world.load()).vouchers
    assert (voucher.state, voucher.products) == ("active", None)


async def test_a_later_price_is_added_and_no_price_is_edited(world: World) -> None:
    await world.apply(WHOLE)
    price = "{from: 2026-12-01T00:00:00+09:00, input: 1000, output: 4000}"
    later = f"products:\n- id: nuri-x1\n  prices:\n  - {price}\n"
    assert await world.apply(later) == ApplyReport(changed=("product/nuri-x1",))
    assert await world.apply(WHOLE) == NOTHING
    (product,) = (await world.load()).products
    assert [(price.entry_id, price.input, price.output) for price in product.prices] == [
        ("nuri-x1@2026-01-01T00:00:00+09:00", 1250_000_000, 5000_500_000),
        ("nuri-x1@2026-12-01T00:00:00+09:00", 1000_000_000, 4000_000_000),
    ]
    refusal = await world.refusal(later.replace("4000", "3999"))
    reason = "the price from this time has other numbers: it is never edited, add a later one"
    assert refusal == f"house.yaml:4: products[0].prices[0]: {reason}"
    # The same instant and the same numbers, written otherwise, are the same price.
    assert await world.apply(later.replace("2026-12-01T00:00:00+09:00", "2026-11-30T15:00:00Z")) == NOTHING
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await world.conn.execute("update price set input = 1")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await world.conn.execute("delete from price")


async def test_prices_fall_back_as_declared(world: World) -> None:
    prices = "- {from: 2026-01-01T00:00:00+09:00, input: 10, cache_write: 12, output: 30, output_audio: 99}"
    await world.apply(WHOLE.replace(PRODUCT, PRODUCT.split("      - {from")[0] + f"      {prices}\n"))
    (product,) = (await world.load()).products
    (price,) = product.prices
    assert (price.cached_input, price.cache_write, price.cache_write_1h) == (
        10_000_000,
        12_000_000,
        12_000_000,
    )
    assert (price.input_audio, price.output_audio, price.per_image) == (10_000_000, 99_000_000, 0)


async def test_a_voucher_keeps_the_share_it_was_made_with(world: World) -> None:
    await world.apply(WHOLE)
    await world.apply(
        'programmes:\n- {id: ai-2026, shares: {sme: "0.5"}}\ncompanies:\n- {id: gaonde, class: micro}\n'
    )
    assert await world.apply("vouchers:\n- {id: gaonde-2026, self_deposit_krw: 100001}\n") != NOTHING
    (voucher,) = (await world.load()).vouchers
    assert voucher.share_ppm == 750_000


@pytest.mark.parametrize(
    ("kind", "entry", "reason"),
    [
        (
            "voucher",
            "vouchers:\n- {id: gaonde-2026, company: other}\n",
            "the company of a voucher is fixed: it is gaonde",
        ),
        (
            "product",
            "products:\n- {id: nuri-x1, provider: x}\n",
            "the provider of a product is fixed: it is nuri",
        ),
    ],
)
async def test_what_never_changes(world: World, kind: str, entry: str, reason: str) -> None:
    await world.apply(WHOLE)
    field = "company" if kind == "voucher" else "provider"
    assert await world.refusal(entry) == f"house.yaml:2: {kind}s[0].{field}: {reason}"


async def test_a_budget_is_not_lowered_below_what_is_granted(world: World) -> None:
    await world.apply(WHOLE)
    refusal = await world.refusal(
        "programmes:\n- id: ai-2026\n  budget_krw: 299999\n  max_voucher_krw: 299999\n"
    )
    assert refusal.splitlines() == [
        "house.yaml:3: programmes[0].budget_krw: the grants of programme ai-2026 come to 300000 won,"
        " above its budget of 299999 won",
        "house.yaml:4: programmes[0].max_voucher_krw: the grants of programme ai-2026 come to 300000 won,"
        " above its cap per company of 299999 won",
    ]


async def test_vouchers_the_file_does_not_name_count_against_the_cap(world: World) -> None:
    await world.apply(WHOLE)
    second = VOUCHER.replace("gaonde-2026", "gaonde-2026-b")
    assert await world.apply(second)
    third = VOUCHER.replace("gaonde-2026", "gaonde-2026-c")
    assert "come to 900000 won, above its cap per company of 600000 won" in await world.refusal(third)


async def test_an_edited_upstream_replaces_the_list(world: World) -> None:
    await world.apply(WHOLE)
    upstream = "{dialect: openai, base_url: 'https://b.example/v1', model: x1, idle_timeout_s: 0.5}"
    report = await world.apply(f"products:\n- id: nuri-x1\n  upstream: [{upstream}]\n")
    assert report == ApplyReport(changed=("product/nuri-x1",))
    (product,) = (await world.load()).products
    (target,) = product.upstreams
    assert (target.base_url, target.api_key, target.idle_timeout_s) == ("https://b.example/v1", None, 0.5)


async def test_private_addresses_where_they_are_allowed(world: World) -> None:
    private = WHOLE.replace("https://api.nuri.example", "http://127.0.0.1:9000")
    assert (await world.apply(private, allow_private=True)).created


async def test_people_and_their_passwords(world: World) -> None:
    users = (
        "users:\n- {email: Kim@Example.org, role: company, company: gaonde, password: ${PASSWORD}}\n"
        "- {email: lee@example.org, role: auditor}\n"
    )
    report = await world.apply(COMPANY + users)
    assert report.created[1:] == ("user/kim@example.org", "user/lee@example.org")
    assert await world.apply(users) == NOTHING
    assert await world.apply(users, environment={"PASSWORD": "another long password"}) == ApplyReport(
        changed=("user/kim@example.org",)
    )
    (password_hash,) = await one(world, b"select password_hash from person where email = 'kim@example.org'")
    assert PasswordHasher().verify(str(password_hash), "another long password")
    assert await one(world, b"select password_hash from person where email = 'lee@example.org'") == (None,)


async def test_a_refused_file_leaves_nothing_behind(world: World) -> None:
    await world.refusal(WHOLE + "users: [{email: a@b.kr, role: king}]\n")
    for table in (
        b"programme",
        b"provider",
        b"product",
        b"company",
        b"voucher",
        b"api_key",
        b"person",
        b"funds",
    ):
        assert await one(world, b"select count(*) from " + table) == (0,)


async def test_two_at_once_follow_one_another(world: World, books_url: str) -> None:
    async with await connect(books_url) as other:
        second = World(other, world.secrets)
        reports = await asyncio.gather(world.apply(WHOLE), second.apply(WHOLE))
    assert sorted(len(report.created) for report in reports) == [0, 6]


async def test_the_demo_data_is_taken(world: World) -> None:
    names = ("YEAR", "VENDOR_URL", "VENDOR_2_URL", "API_KEY", *(f"{role}_PASSWORD" for role in ROLES))
    environment = {f"DEMO_{name}": "demo password" for name in names} | {
        "DEMO_YEAR": "2026",
        "DEMO_VENDOR_URL": "http://127.0.0.1:9001/v1",
        "DEMO_VENDOR_2_URL": "http://127.0.0.1:9002/v1",
        "DEMO_API_KEY": "vg_demo_gaonde_backend_000000000000",
    }
    text = (resources.files("config") / "demo.yaml").read_text("utf-8")
    report = await world.apply(text, environment=environment, allow_private=True)
    assert len([name for name in report.created if name.startswith("user/")]) == len(ROLES)
    assert await world.apply(text, environment=environment, allow_private=True) == NOTHING


ROLES = ("OPERATOR", "AUDITOR", "COMPANY", "PROVIDER")


def test_parts_add_up() -> None:
    assert WHOLE == PROGRAMME + PRODUCT + COMPANY + VOUCHER + API_KEY
