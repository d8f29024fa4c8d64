"""What gateways read: whole or since a revision, each change once, vendors' keys only in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import date
from ipaddress import ip_network

import psycopg
import pytest

from billing.database import connect
from billing.directory_store import current_revision, load_directory
from billing.directory_time import period_ms
from billing.secrets import Secrets, Unsealable
from metering.directory import KeyLimits
from tests.fakes.declared_world import COMPANY, ENVIRONMENT, PROGRAMME, WHOLE, World


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[World]:
    async with await connect(books_url) as conn:
        yield World(conn)


async def test_an_empty_directory(world: World) -> None:
    delta = await world.load(-1)
    assert (delta.revision, delta.companies, delta.vouchers, delta.api_keys, delta.products) == (
        0,
        (),
        (),
        (),
        (),
    )


async def test_everything_as_gateways_take_it(world: World) -> None:
    key = "limits: {requests_per_minute: 6, krw_per_day: '0.5'}, allowed_ips: [203.0.113.0/24], revoked: true"
    await world.apply(WHOLE.replace("backend_0000}", f"backend_0000, {key}}}"))
    delta = await world.load()
    assert delta.revision == await current_revision(world.conn)
    (product,) = delta.products
    (target,) = product.upstreams
    assert (target.target_id, target.api_key, target.base_url) == (
        "nuri-x1/0",
        ENVIRONMENT["VENDOR_KEY"],
        "https://api.nuri.example/v1",
    )
    assert (target.connect_timeout_s, target.first_byte_timeout_s) == (5.0, 60.0)
    (voucher,) = delta.vouchers
    assert (voucher.starts_ms, voucher.ends_ms) == (1_767_193_200_000, 1_798_729_200_000)
    assert (voucher.share_ppm, voucher.stopped_by, voucher.products) == (750_000, "government", None)
    (api_key,) = delta.api_keys
    assert api_key.key_hash == world.secrets.key_hash("vg_test_gaonde_backend_0000")
    assert api_key.allowed_networks == (ip_network("203.0.113.0/24"),)
    assert api_key.limits == KeyLimits(requests_per_minute=6, krw_per_day_micro=500_000)
    assert api_key.revoked


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ("companies: [{id: gaonde, active: false}]", {"companies"}),
        ("vouchers: [{id: gaonde-2026, state: suspended}]", {"vouchers"}),
        ("api_keys: [{company: gaonde, name: backend, revoked: true}]", {"api_keys"}),
        ("products: [{id: nuri-x1, active: false}]", {"products"}),
        ("products: [{id: nuri-x1, prices: [{from: 2027-01-01T00:00:00Z, input: 1}]}]", {"products"}),
        (
            "products: [{id: nuri-x1, upstream: [{dialect: openai, base_url: https://b.example, model: m}]}]",
            {"products"},
        ),
        ("programmes: [{id: ai-2026, ends_on: 2027-06-30}]", {"vouchers"}),
        ("programmes: [{id: ai-2026, name: 새 이름}]", set()),
        ("providers: [{id: nuri, name: 누리}]", set()),
    ],
)
async def test_a_change_comes_with_what_it_touches_and_nothing_else(
    world: World, change: str, kinds: set[str]
) -> None:
    await world.apply(WHOLE)
    before = await current_revision(world.conn)
    assert len((await world.apply(change)).changed) == 1
    delta = await world.load(before)
    assert delta.revision == before + 1
    assert {
        kind for kind in ("companies", "vouchers", "api_keys", "products") if getattr(delta, kind)
    } == kinds
    assert await world.load(delta.revision) == await world.load(10**9)


async def test_revisions_rise_in_the_order_of_commits(world: World, books_url: str) -> None:
    """A writer that began first and commits last is not passed by: nobody could see the gap."""
    await world.apply(WHOLE)
    before = await current_revision(world.conn)
    async with await connect(books_url) as slow:
        async with slow.transaction():
            await slow.execute("update company set active = false")
            second = asyncio.create_task(world.apply("vouchers: [{id: gaonde-2026, state: suspended}]"))
            await asyncio.sleep(0.2)
            assert not second.done()
        await second
        delta = await load_directory(slow, secrets=world.secrets, since_revision=before)
        assert [company.active for company in delta.companies] == [False]
        assert delta.revision == before + 2
        assert (await load_directory(slow, secrets=world.secrets, since_revision=before + 1)).companies == ()


async def test_whoever_writes_is_heard(world: World, books_url: str) -> None:
    async with await connect(books_url) as listener:
        await listener.execute("listen directory")
        await world.apply(WHOLE)
        async for notice in listener.notifies(timeout=5, stop_after=1):
            assert notice.payload == str(await current_revision(world.conn))


@pytest.mark.parametrize("table", ["programme", "provider", "product", "company", "voucher", "api_key"])
async def test_nothing_disappears(world: World, table: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await world.conn.execute(f"delete from {table}".encode())


async def test_no_secret_is_in_clear_in_any_table(world: World) -> None:
    users = "users: [{email: a@b.kr, role: auditor, password: '${PASSWORD}'}]\n"
    await world.apply(WHOLE + users)
    cursor = await world.conn.execute("select tablename from pg_tables where schemaname = 'public'")
    dump = b""
    for (table,) in await cursor.fetchall():
        async with world.conn.cursor().copy(f"copy {table} to stdout".encode()) as copy:
            async for block in copy:
                dump += bytes(block)
    assert b"gaonde" in dump
    for secret in (*ENVIRONMENT.values(), "vg_test_gaonde_backend_0000"):
        assert secret.encode() not in dump
        assert secret.encode().hex().encode() not in dump


async def test_a_vendor_s_key_needs_our_master_secret_and_its_own_row(world: World) -> None:
    await world.apply(WHOLE)
    with pytest.raises(Unsealable):
        await load_directory(world.conn, secrets=Secrets(b"the secret of another house"))
    sealed = world.secrets.seal("k", row="upstream/a/0")
    assert world.secrets.unseal(sealed, row="upstream/a/0") == "k"
    for broken in (sealed[:-1], b"", b"\x02" + sealed[1:]):
        with pytest.raises(Unsealable):
            world.secrets.unseal(broken, row="upstream/a/0")
    with pytest.raises(Unsealable):
        world.secrets.unseal(sealed, row="upstream/a/1")
    # Declaring the vendor's key again under the new secret mends it.
    other = World(world.conn, Secrets(b"the secret of another house"))
    assert "product/nuri-x1" in (await other.apply(WHOLE)).changed
    (product,) = (await other.load()).products
    assert product.upstreams[0].api_key == ENVIRONMENT["VENDOR_KEY"]


def test_a_voucher_s_period_is_within_its_programme_s() -> None:
    year = (date(2026, 1, 1), date(2026, 12, 31))
    day_ms = 86_400_000
    whole = period_ms(programme=year, voucher=(None, None))
    assert whole == (1_767_193_200_000, 1_767_193_200_000 + 365 * day_ms)
    assert period_ms(programme=year, voucher=(date(2025, 1, 1), date(2027, 1, 1))) == whole
    one_day = period_ms(programme=year, voucher=(date(2026, 1, 2), date(2026, 1, 2)))
    assert one_day == (whole[0] + day_ms, whole[0] + 2 * day_ms)


@pytest.mark.slow
async def test_ten_thousand_companies(world: World) -> None:
    companies = "".join(f"  - {{id: c{n}, name: 회사 {n}, class: sme}}\n" for n in range(10_000))
    keys = "".join(f"- {{company: c{n}, name: k, key: vg_{n:020d}}}\n" for n in range(10_000))
    started = time.monotonic()
    text = PROGRAMME + COMPANY + companies + "api_keys:\n" + keys
    assert len((await world.apply(text)).created) == 20_002
    applied_s = time.monotonic() - started
    delta = await world.load()
    loaded_s = time.monotonic() - started - applied_s
    assert (len(delta.companies), len(delta.api_keys)) == (10_001, 10_000)
    assert applied_s < 60
    assert loaded_s < 5
    print(f"applied in {applied_s:.1f} s, loaded in {loaded_s:.1f} s")
