"""The entries that steps ask for, with what is known beforehand in them. Rules are the API's models alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from billing.alerts.kinds import kinds_of
from billing.casework.rows import row_of, rows_of
from portal.web import words
from portal.web.forms import Choice, Field
from portal.web.operations import Shown
from portal.web.visit import Visit


def plainly(*fields: Field) -> Callable[[Visit, Shown], Awaitable[tuple[Field, ...]]]:
    async def given(_: Visit, __: Shown) -> tuple[Field, ...]:
        return fields

    return given


def choices(visit: Visit, name: str, *values: str) -> tuple[Choice, ...]:
    return tuple(Choice(value, words.text(f"{name}.{value}", visit.language)) for value in values)


async def products(visit: Visit) -> tuple[Choice, ...]:
    """What is, or was, on sale. A draft is its provider's own: nobody else may read that there is one."""
    found = await rows_of(
        visit.desk.conn,
        "select p.id, v.name from product p join provider v on v.id = p.provider_id"
        " join product_now n on n.product_id = p.id where p.active and n.on_sale_at is not null"
        " order by p.id",
    )
    return tuple(Choice(row["id"], f"{row['id']} ({row['name']})") for row in found)


def _named(values: list[Mapping[str, Any]]) -> tuple[Choice, ...]:
    return tuple(Choice(one["id"], one["name"]) for one in values)


async def round_fields(visit: Visit, _: Shown) -> tuple[Field, ...]:
    def numbered(letter: str) -> Callable[[Any], list[dict[str, Any]]]:
        return lambda rows: [{"id": f"{letter}{n}", **row} for n, row in enumerate(rows, 1)]

    name = Field("name", required=True)
    points = Field("max_points", "points", required=True)
    return (
        Field("id", required=True, help="help.id", characters_max=64),
        Field("name", required=True),
        Field(
            "budget_kind",
            "choice",
            choices=choices(visit, "budget_kind", "regular", "supplementary"),
            initial="regular",
        ),
        Field("budget_krw", "won", required=True),
        Field("cap_krw", "won", required=True),
        Field("opens_at", "instant", required=True),
        Field("closes_at", "instant", required=True),
        Field("quota", "count"),
        Field("tracks", "rows", parts=(name, Field("quota", "count")), rows=3, made_of=numbered("t")),
        Field("criteria", "rows", required=True, parts=(name, points), rows=5, made_of=numbered("c")),
        Field(
            "bonuses",
            "rows",
            parts=(name, Field("points", "points", required=True)),
            rows=3,
            made_of=numbered("b"),
        ),
        Field("bonus_points_max", "points"),
        Field("evaluators_min", "count", initial="1"),
        Field("mean", "choice", choices=choices(visit, "mean", "plain", "trimmed"), initial="plain"),
        Field("pass_mark", "points", initial="0"),
        Field(
            "beyond_budget", "choice", choices=choices(visit, "beyond_budget", "stop", "skip"), initial="stop"
        ),
    )


def programme_fields(visit: Visit) -> tuple[Field, ...]:
    class_ = Field("class", required=True)
    return (
        Field("id", required=True, help="help.id", characters_max=64),
        Field("name", required=True),
        Field("legal_basis", "choice", choices=(Choice("보조금", "보조금"), Choice("출연금", "출연금"))),
        Field("budget_krw", "won", required=True),
        Field("max_voucher_krw", "won", required=True),
        Field("company_year_cap_krw", "won"),
        Field("starts_on", "day", required=True),
        Field("ends_on", "day", required=True),
        Field(
            "shares",
            "rows",
            required=True,
            help="help.shares",
            parts=(class_, Field("share", "share", required=True, text="share_percent")),
            rows=4,
            made_of=lambda rows: {row["class"]: row["share"] for row in rows},
        ),
        Field(
            "deposit_rule",
            "choice",
            choices=choices(visit, "deposit_rule", "rolling", "full"),
            initial="rolling",
        ),
    )


async def application_fields(visit: Visit, shown: Shown) -> tuple[Field, ...]:
    """`shown` is the round's, or the application's as it is."""
    of_round = shown
    if "round" in shown:
        of_round = await row_of(
            visit.desk.conn, "select tracks, bonuses from round where id = %s", [shown["round"]]
        )
    now = shown if "round" in shown else {}
    tracks, bonuses = _named(of_round["tracks"]), _named(of_round["bonuses"])
    named = now.get("products")
    return (
        Field("title", required=True, initial=now.get("title", "")),
        Field("plan", "area", initial=now.get("plan", ""), characters_max=20_000),
        *((Field("track", "choice", choices=tracks, initial=now.get("track") or ""),) if tracks else ()),
        Field("government_krw", "won", initial=now.get("government_krw", ""), help="help.won"),
        Field("self_cash_krw", "won", initial=now.get("self_cash_krw", "")),
        Field("self_in_kind_krw", "won", initial=now.get("self_in_kind_krw", "")),
        Field(
            "products",
            "products",
            choices=await products(visit),
            help="help.products",
            initial=[] if named == ["*"] else named or [],
        ),
        *((Field("bonuses", "checks", choices=bonuses, initial=now.get("bonuses", [])),) if bonuses else ()),
    )


async def screening_fields(visit: Visit, shown: Shown) -> tuple[Field, ...]:
    of_round = await row_of(visit.desk.conn, "select bonuses from round where id = %s", [shown["round"]])
    claimed = [one for one in of_round["bonuses"] if one["id"] in shown["bonuses"]]
    return (Field("bonuses", "checks", choices=_named(claimed), help="help.bonuses"),) if claimed else ()


async def score_fields(visit: Visit, shown: Shown) -> tuple[Field, ...]:
    of_round = await row_of(visit.desk.conn, "select criteria from round where id = %s", [shown["round"]])
    return (
        Field(
            "points",
            "parts",
            required=True,
            parts=tuple(
                Field(
                    one["id"], "points", required=True, help=f"{one['name']} (0–{one['max_milli'] / 1000:g})"
                )
                for one in of_round["criteria"]
            ),
        ),
        Field("comment", "area", characters_max=20_000),
    )


async def terms_fields(visit: Visit, shown: Shown) -> tuple[Field, ...]:
    period = await row_of(
        visit.desk.conn,
        "select p.starts_on, p.ends_on from round r join programme p on p.id = r.programme_id"
        " where r.id = %s",
        [shown["round"]],
    )
    first = max(period["starts_on"], visit.desk.deed().today)
    return (
        Field("starts_on", "day", required=True, initial=first.isoformat()),
        Field("ends_on", "day", required=True, initial=period["ends_on"].isoformat()),
        Field("government_krw", "won", initial=shown["award_krw"] or ""),
        Field("self_cash_krw", "won", help="help.self_cash"),
        Field(
            "products",
            "products",
            choices=await products(visit),
            help="help.products",
            initial=[] if shown["products"] == ["*"] else shown["products"],
        ),
    )


async def issue_fields(_: Visit, shown: Shown) -> tuple[Field, ...]:
    return (
        Field("id", help="help.voucher_id", characters_max=64),
        Field("self_deposit_krw", "won", initial=shown["self_cash_krw"], help="help.deposit"),
    )


async def amendment_fields(visit: Visit, shown: Shown) -> tuple[Field, ...]:
    return (
        Field("starts_on", "day", help="help.amendment"),
        Field("ends_on", "day"),
        Field("government_krw", "won"),
        Field(
            "products",
            "products",
            choices=await products(visit),
            help="help.products_added",
            initial=[] if shown["products"] == ["*"] else shown["products"],
        ),
    )


async def verification_fields(visit: Visit, shown: Shown) -> tuple[Field, ...]:
    return (
        Field(
            "kind",
            "choice",
            choices=choices(visit, "verification", "external", "audit"),
            initial=shown["verification_needed"] or "",
            text="verification",
        ),
        Field("reference", help="help.verification", text="verification_reference"),
        Field("by", text="verified_by"),
    )


async def finding_fields(_: Visit, __: Shown) -> tuple[Field, ...]:
    """Each row one line: a call, a product and a month, or an amount."""
    parts = (Field("call"), Field("product"), Field("month"), Field("amount_krw", "won"))
    return (
        Field("lines", "rows", required=True, text="disallowed", parts=parts, rows=5, help="help.finding"),
    )


async def webhook_fields(visit: Visit, shown: Shown) -> tuple[Field, ...]:
    """`shown` is the webhook as it is, or nothing."""
    return (
        Field(
            "url", required=True, characters_max=2_000, help="help.webhook_url", initial=shown.get("url", "")
        ),
        Field(
            "kinds",
            "checks",
            choices=choices(visit, "kinds", *kinds_of(visit.role)),
            help="help.webhook_kinds",
            initial=shown.get("kinds") or [],
        ),
    )
