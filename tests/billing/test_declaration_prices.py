"""Price lists with tiers, other models and dollars: what is kept of them, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest

from billing.database import connect
from billing.declaration import ApplyReport
from billing.declaration.findings import DeclarationRefused
from billing.declaration.reading import read_declaration
from billing.migrate import upgrade
from metering.money import format_krw
from metering.prices import PRICE_NAMES, Condition, Dollars, PriceEntry
from tests.billing.audit.test_founding import upgrade_to
from tests.fakes.declared_world import ENVIRONMENT, PRODUCT, World

HEAD = PRODUCT.split("    prices:")[0]
TIERED = f"""{HEAD}    prices:
      - from: 2026-01-01T00:00:00+09:00
        currency: USD
        krw_per_usd: "1392.5"
        rate_on: 2026-01-02
        rate_source: 서울외국환중개 매매기준율
        input: "1.25"
        cached_input: "0.125"
        output: 10
        per_search: "0.000003"
        tiers:
          - {{input_tokens_over: 200000, input: "2.5", output: 15}}
          - {{service_tier: flex, input: "0.625", cached_input: "0.0625", output: 5}}
          - {{batch: true, input_tokens_over: 200000, output: "7.5"}}
        other_models:
          claude-opus-4-8: {{input: 5, output: 25}}
"""
LATER = f"""{HEAD}    prices:
      - from: 2026-12-01T00:00:00+09:00
        input: 10
        tiers: [{{service_tier: priority, input: 25}}, {{service_tier: flex, output: 1}}]
"""


BEFORE = "0006"
OLD_ROWS = b"""
insert into provider (id, name, brn) values ('nuri', 'Nuri', '1118111112');
insert into product (id, provider_id, scale, purposes, context_tokens, max_output_tokens,
    input_overhead_tokens, on_client_gone, active, created_at)
    values ('nuri-x1', 'nuri', 'large', '{chat}', 128000, 4096, 512, 'drain', true, '2026-01-01');
insert into price values ('nuri-x1', '2026-01-01 00:00:00+09', '2026-01-01T00:00:00+09:00',
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
"""


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[World]:
    async with await connect(books_url) as conn:
        yield World(conn)


def numbers(sheet: PriceEntry) -> dict[str, str]:
    amounts = {name: getattr(sheet, name) for name in PRICE_NAMES}
    return {name: format_krw(amount) for name, amount in amounts.items() if amount}


async def test_what_is_declared_is_what_a_gateway_reads(world: World) -> None:
    """Dollars become won once, half up: 0.125 × 1392.5 = 174.0625; 0.000003 × 1392.5 = 0.0041775."""
    await world.apply(TIERED)
    (entry,) = (await world.load()).products[0].prices
    assert entry.dollars == Dollars("1392.5", "2026-01-02", "서울외국환중개 매매기준율")
    assert entry.declared_usd == {
        "input": "1.25", "cached_input": "0.125", "output": "10", "per_search": "0.000003"
    }  # fmt: skip
    own = {"input": "1740.625", "cached_input": "174.0625", "cache_write": "1740.625"}
    own |= {"cache_write_1h": "1740.625", "output": "13925", "input_audio": "1740.625"}
    own |= {"output_audio": "13925", "per_search": "0.004178"}
    assert numbers(entry) == own
    found = {tier.entry_id.partition("#")[2]: tier for tier in entry.tiers}
    assert {name: tier.when for name, tier in found.items()} == {
        "batch.over-200000": Condition(200_000, None, batch=True),
        "flex": Condition(None, "flex"),
        "over-200000": Condition(200_000),
    }
    # What a tier leaves out is what the entry says, and only then a default.
    long = {name: "3481.25" for name in ("input", "cache_write", "cache_write_1h", "input_audio")}
    assert numbers(found["over-200000"]) == own | long | {"output": "20887.5", "output_audio": "20887.5"}
    assert numbers(found["batch.over-200000"]) == own | {"output": "10443.75", "output_audio": "10443.75"}
    assert found["flex"].declared_usd == {"input": "0.625", "cached_input": "0.0625", "output": "5"}
    assert numbers(found["flex"])["cached_input"] == "87.03125"
    (adviser,) = entry.other_models
    assert (adviser.model, adviser.entry_id) == (
        "claude-opus-4-8",
        "nuri-x1@2026-01-01T00:00:00+09:00#model-claude_opus_4_8",
    )
    assert (numbers(adviser)["cached_input"], numbers(adviser)["output"]) == ("6962.5", "34812.5")
    assert "per_search" not in numbers(adviser)


async def test_a_second_run_changes_nothing_and_a_later_entry_is_added(world: World) -> None:
    await world.apply(TIERED)
    revision = (await world.load()).revision
    assert await world.apply(TIERED) == ApplyReport()
    assert (await world.load()).revision == revision
    assert await world.apply(LATER) == ApplyReport(changed=("product/nuri-x1",))
    assert await world.apply(LATER.replace("[{s", "[{  s")) == ApplyReport()
    first, second = (await world.load()).products[0].prices
    assert (len(first.tiers), len(second.tiers), second.dollars, second.declared_usd) == (3, 2, None, {})
    turned = "[{service_tier: flex, output: 1}, {service_tier: priority, input: 25}]"
    assert await world.apply(LATER.split("        tiers:")[0] + f"        tiers: {turned}\n") == ApplyReport()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('input: "2.5"', 'input: "2.51"'),
        ("input_tokens_over: 200000, input", "input_tokens_over: 200001, input"),
        ("service_tier: flex", "service_tier: priority"),
        ('"1392.5"', '"1392.6"'),
        ("2026-01-02", "2026-01-03"),
        ("서울외국환중개 매매기준율", "한국은행"),
        ("claude-opus-4-8:", "claude-opus-4-9:"),
        ("        other_models:\n          claude-opus-4-8: {input: 5, output: 25}\n", ""),
        ('"0.000003"', '"0.000004"'),
    ],
)
async def test_nothing_of_an_entry_is_edited(world: World, old: str, new: str) -> None:
    await world.apply(TIERED)
    assert old in TIERED
    reason = "the price from this time has other numbers: it is never edited, add a later one"
    assert (
        await world.refusal(TIERED.replace(old, new, 1)) == f"house.yaml:13: products[0].prices[0]: {reason}"
    )


async def test_the_tables_refuse_changes(world: World) -> None:
    await world.apply(TIERED)
    for change in (b"update price_sheet set input = 1", b"delete from price_sheet", b"truncate price_sheet"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await world.conn.execute(change)


# -- refusals: the price, the path within it, the reason

SAYS = "from: 2026-01-01T00:00:00+09:00, input: 1"
USD = f'{SAYS}, currency: USD, krw_per_usd: "1392.5", rate_on: 2026-01-02'
REFUSED = {
    "a float rate": (USD.replace('"1392.5"', "1392.5"), ".krw_per_usd", "1392.5 is a YAML float"),
    "no rate": (USD.replace('krw_per_usd: "1392.5", ', ""), "", "prices in US dollars need krw_per_usd and"),
    "no day": (USD.replace(", rate_on: 2026-01-02", ""), "", "prices in US dollars need krw_per_usd and"),
    "a rate without dollars": (
        USD.replace("currency: USD, ", ""),
        "",
        "krw_per_usd, rate_on and rate_source",
    ),
    "a source without dollars": (f"{SAYS}, rate_source: x", "", "krw_per_usd, rate_on and rate"),
    "a rate of cents": (USD.replace("1392.5", "13.92"), ".krw_per_usd", "must be the won one US dollar"),
    "a rate of a slip": (USD.replace("1392.5", "139250"), ".krw_per_usd", "must be the won one US dollar"),
    "no rate at all": (USD.replace("1392.5", "0"), ".krw_per_usd", "must be the won one US dollar"),
    "a rate below zero": (USD.replace("1392.5", "-1392"), ".krw_per_usd", "must be an integer or a decimal"),
    "no such day": (USD.replace("2026-01-02", "2026-02-30"), ".rate_on", "is no day of the calendar"),
    "yen": (USD.replace("USD", "JPY"), ".currency", "must be 'KRW' or 'USD'"),
    "too dear at the rate": (
        USD.replace("input: 1,", "input: 1000000000,"),
        "",
        "a price is above 1,000,000,0",
    ),
    "a tier for all": (f"{SAYS}, tiers: [{{input: 1}}]", ".tiers[0]", "input_tokens_over, service_tier or b"),
    "a tier without a price": (f"{SAYS}, tiers: [{{batch: true}}]", ".tiers[0]", "names no price"),
    "a tier of no batch": (f"{SAYS}, tiers: [{{batch: false, input: 1}}]", ".tiers[0].batch", "must be True"),
    "over nothing": (
        f"{SAYS}, tiers: [{{input_tokens_over: 0, input: 1}}]",
        ".tiers[0].input_tokens_over",
        "must be from 1 to",
    ),
    "two for the same": (
        f"{SAYS}, tiers: [{{service_tier: flex, input: 1}}, {{service_tier: flex, output: 2}}]",
        "",
        "2 tiers hold for the same calls: flex",
    ),
    "the ordinary tier": (
        f"{SAYS}, tiers: [{{service_tier: default, input: 1}}]",
        ".tiers[0].service_tier",
        "is what a call costs without a tier",
    ),
    "a batch by another name": (
        f"{SAYS}, tiers: [{{service_tier: batch, input: 1}}]",
        ".tiers[0].service_tier",
        "say `batch: true` instead",
    ),
    "shouted": (
        f"{SAYS}, tiers: [{{service_tier: FLEX, input: 1}}]",
        ".tiers[0].service_tier",
        "must be the vendor's word in small letters",
    ),
    "a float in a tier": (
        f"{SAYS}, tiers: [{{batch: true, input: 0.5}}]",
        ".tiers[0].input",
        "0.5 is a YAML float",
    ),
    "a model by the piece": (
        f"{SAYS}, other_models: {{m: {{per_search: 1}}}}",
        ".other_models.m.per_search",
        "unknown field",
    ),
    "a model for nothing": (f"{SAYS}, other_models: {{m: {{}}}}", ".other_models.m", "names no price"),
    "models too much alike": (
        f"{SAYS}, other_models: {{m-1: {{input: 1}}, m.1: {{input: 1}}}}",
        "",
        "two of other_models have names too much alike",
    ),
    "a model that reads as another's class": (
        f"{SAYS}, other_models: {{m: {{input: 1}}, m-cached: {{input: 1}}}}",
        "",
        "two of other_models have names too much alike",
    ),
    "no price of its own": (
        "from: 2026-01-01T00:00:00+09:00, tiers: [{batch: true, input: 1}]",
        "",
        "input or a unit price is required",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    price, path, reason = REFUSED[name]
    text = f"{HEAD}    prices:\n      - {{{price}}}\n"
    try:
        found = read_declaration(text, source="house.yaml", environment=ENVIRONMENT).findings
    except DeclarationRefused as refused:
        found = list(refused.findings)
    (fault,) = [fault for fault in found if fault.path.startswith(f"products[0].prices[0]{path}")]
    assert (fault.line, fault.reason[: len(reason)]) == (13, reason)


async def test_a_price_of_the_version_before_is_its_own_only_sheet(postgres_url: str) -> None:
    """Nothing that was declared or charged changes, and new entries stand beside it."""
    upgrade_to(postgres_url, BEFORE)
    with psycopg.connect(postgres_url) as old:
        old.execute(OLD_ROWS)
    upgrade(postgres_url)
    async with await connect(postgres_url) as conn:
        world = World(conn)
        (entry,) = (await world.load()).products[0].prices
        assert entry == PriceEntry(
            "nuri-x1@2026-01-01T00:00:00+09:00", "2026-01-01T00:00:00+09:00", 1_767_193_200_000, *range(1, 13)
        )
        assert await world.apply(LATER) == ApplyReport(changed=("provider/nuri", "product/nuri-x1"))
        assert await world.apply(LATER) == ApplyReport()
        before, after = (await world.load()).products[0].prices
        assert (before, len(after.tiers)) == (entry, 2)
        cursor = await conn.execute("select count(*) from change where kind = 'price_sheet'")
        assert await cursor.fetchone() == (2,)
