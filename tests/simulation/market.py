"""Who may spend what at which price: the companies of a run, their vouchers and keys, and what is sold."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from metering.directory import KeyLimits, Voucher
from metering.prices import PriceEntry
from providers.catalogue import Product, UpstreamTarget
from tests.simulation.world import BEGIN_MS, COMPANIES, FAR_MS, WON, Company, World

NO_LIMITS: Final = KeyLimits()


def open_for(world: World) -> None:
    scarce = world.chance.random() < 0.5
    for name in COMPANIES:
        world.companies.append(_company(world, name, scarce=scarce))
    world.product = _product(world)
    world.hiding = replace(world.product, product_id="nuri-r1")


def _product(world: World) -> Product:
    chance = world.chance
    later_ms = BEGIN_MS + 1_000_000 + int(chance.uniform(2_000, 12_000))
    return Product(
        product_id="nuri-x1",
        provider_id="nuri",
        scale="large",
        purposes=frozenset({"chat"}),
        context_tokens=900,
        max_output_tokens=chance.choice((200, 600, 2000)),
        input_overhead_tokens=0,
        data_location=None,
        on_client_gone=chance.choice(("drain", "cancel")),
        upstreams=(UpstreamTarget("nuri-x1/0", "openai", None, "http://vendor.invalid", "m", None),),
        prices=(
            _price(1, 0, input_won="1.0000005", output_won="5.25", per_request=123_456),
            _price(2, later_ms, input_won="0.7", output_won="7.1234567", per_request=0),
        ),
    )


def _company(world: World, name: str, *, scarce: bool) -> Company:
    chance = world.chance
    vouchers = []
    for index in range(chance.choice((1, 1, 2))):
        share = chance.choice((1_000_000, 750_000, 333_333, 0))
        won = chance.choice((2_000, 20_000) if scarce else (60_000, 250_000, 900_000))
        voucher = Voucher(
            voucher_id=f"{name}-{index}",
            company_id=name,
            programme_id="p1",
            products=None,
            state="active",
            starts_ms=0,
            ends_ms=FAR_MS,
            share_ppm=share,
            stopped_by="government",
            government_granted_micro=0,
            self_granted_micro=0,
        )
        world.fund(voucher, won=won)
        vouchers.append(voucher)
    limits = KeyLimits(
        requests_per_minute=chance.choice((None, 10)),
        tokens_per_minute=chance.choice((None, 60_000)),
        krw_per_day_micro=chance.choice((None, 20_000 * WON)),
        concurrent=chance.choice((None, 3)),
    )
    return Company(name, tuple(vouchers), (("open", NO_LIMITS), ("limited", limits)))


def _price(entry: int, from_ms: int, *, input_won: str, output_won: str, per_request: int = 0) -> PriceEntry:
    """Won per token, as text, so that a fraction of a micro-won is meant where it stands."""

    def micro(won: str) -> int:
        whole, _, part = won.partition(".")
        return int(whole) * 10**12 + int(part.ljust(12, "0")[:12] or 0)

    return PriceEntry(
        entry_id=f"nuri-x1@{entry}",
        valid_from="2026-01-01T00:00:00+09:00",
        valid_from_ms=from_ms,
        input=micro(input_won),
        output=micro(output_won),
        per_request=per_request,
    )
