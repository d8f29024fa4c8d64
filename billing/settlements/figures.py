"""What a voucher came to, read from the entries of the ledger; the sheets show nothing else.

Days and products come from the calls' rows, which the trial balance holds against the same entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, LiteralString

from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from billing.settlements.rules import Rules, rules_of

# By entry kind and account. What an account gives is negative: what was spent is turned round.
_OF_VOUCHERS: Final[LiteralString] = """
    select e.voucher_id,
        coalesce(sum(amount_micro) filter (where e.kind = 'grant' and p.account like 'voucher/%%'), 0)::bigint
            as government_micro,
        coalesce(sum(amount_micro) filter (where e.kind = 'deposit' and p.account like 'voucher/%%'), 0)
            ::bigint as deposit_micro,
        -coalesce(sum(amount_micro) filter (where e.kind in ('usage', 'correction')
            and p.account like '%%/government'), 0)::bigint as spent_government_micro,
        -coalesce(sum(amount_micro) filter (where e.kind in ('usage', 'correction')
            and p.account like 'voucher/%%/self'), 0)::bigint as spent_self_micro,
        coalesce(sum(amount_micro) filter (where e.kind = 'settlement'
            and p.account like 'programme/%%'), 0)::bigint as returned_government_micro,
        coalesce(sum(amount_micro) filter (where e.kind = 'settlement'
            and p.account like 'company/%%'), 0)::bigint as returned_self_micro,
        coalesce(sum(amount_micro) filter (where e.kind = 'interest'
            and p.account like 'programme/%%'), 0)::bigint as interest_micro,
        coalesce(sum(amount_micro) filter (where e.kind = 'claw_back'
            and p.account like 'programme/%%'), 0)::bigint as clawed_back_micro
    from entry e join posting p on p.entry_id = e.id where e.voucher_id = any(%s) group by e.voucher_id"""
_DAYS: Final[LiteralString] = """
    select (date '1970-01-01' + ((u.held_at_ms + 32400000) / 86400000)::integer) as day, u.provider_id,
        u.product_id, sum(u.d_government_micro)::bigint as government_micro,
        sum(u.d_self_micro)::bigint as self_micro
    from usage u where u.company_id = %s and u.voucher_id = %s
    group by 1, 2, 3 having sum(u.d_government_micro) <> 0 or sum(u.d_self_micro) <> 0
    order by 1, u.provider_id collate "C", u.product_id collate "C\""""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one voucher, in micro-won."""

    government_micro: int
    deposit_micro: int
    spent_government_micro: int
    spent_self_micro: int
    returned_government_micro: int
    returned_self_micro: int
    interest_micro: int
    clawed_back_micro: int

    @property
    def left_micro(self) -> int:
        """Of the grant: neither spent nor returned."""
        return self.government_micro - self.spent_government_micro - self.returned_government_micro


NOTHING: Final = Figures(0, 0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one product took on one day, or in one month."""

    day: date
    provider_id: str
    product_id: str
    government_micro: int
    self_micro: int


@dataclass(frozen=True, slots=True)
class Party:
    name: str
    brn: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """Everything the sheets of one settlement are made of."""

    settlement: Row
    programme: str
    company: Party
    starts_on: date
    ends_on: date
    in_kind_micro: int
    figures: Figures
    interest_micro: int
    days: tuple[Spent, ...]
    providers: dict[str, Party]
    rules: Rules


async def figures_of(conn: Connection, voucher_ids: Sequence[str]) -> dict[str, Figures]:
    found = await rows_of(conn, _OF_VOUCHERS, [list(voucher_ids)])
    return {row.pop("voucher_id"): Figures(**row) for row in found}


async def account_of(conn: Connection, settlement: Row) -> Account:
    voucher_id = settlement["voucher_id"]
    around = await row_of(
        conn,
        "select p.name as programme, c.name, c.brn, coalesce(t.ends_on, v.ends_on, p.ends_on) as ends_on,"
        " coalesce(t.starts_on, v.starts_on, p.starts_on) as starts_on,"
        " coalesce(t.self_in_kind_micro, 0) as self_in_kind_micro from voucher v"
        " join company c on c.id = v.company_id join programme p on p.id = v.programme_id"
        " left join agreement g on g.id = %s"
        " left join agreement_terms t on t.agreement_id = g.id and t.version = g.terms_version"
        " where v.id = %s",
        [settlement["agreement_id"], voucher_id],
    )
    days = await rows_of(conn, _DAYS, [settlement["company_id"], voucher_id])
    names = await rows_of(
        conn,
        "select id, name, brn from provider where id = any(%s)",
        [sorted({row["provider_id"] for row in days})],
    )
    return Account(
        settlement=settlement,
        programme=around["programme"],
        company=Party(around["name"], around["brn"]),
        starts_on=around["starts_on"],
        ends_on=around["ends_on"],
        in_kind_micro=around["self_in_kind_micro"],
        figures=(await figures_of(conn, [voucher_id])).get(voucher_id, NOTHING),
        interest_micro=settlement["interest_micro"] or 0,
        days=tuple(Spent(**row) for row in days),
        providers={row["id"]: Party(row["name"], row["brn"]) for row in names},
        rules=await rules_of(conn, settlement["programme_id"], around["ends_on"]),
    )


@dataclass(frozen=True, slots=True)
class Share:
    """A voucher's part in its programme's end. `agreement_id`: None of one that was declared."""

    settlement_id: str | None
    agreement_id: str | None
    voucher_id: str
    company: str
    state: str | None
    figures: Figures


@dataclass(frozen=True, slots=True)
class ProgrammeEnd:
    programme_id: str
    name: str
    budget_micro: int
    shares: tuple[Share, ...]

    def total_micro(self, name: str) -> int:
        return sum(getattr(share.figures, name) for share in self.shares)

    @property
    def spent_micro(self) -> int:
        return self.total_micro("spent_government_micro")

    @property
    def returned_micro(self) -> int:
        return self.total_micro("returned_government_micro")

    @property
    def left_micro(self) -> int:
        """Never granted, or granted and neither spent nor returned."""
        return self.budget_micro - self.total_micro("government_micro") + self.total_micro("left_micro")


async def programme_end(conn: Connection, programme_id: str) -> ProgrammeEnd:
    """budget = spent + returned + left, whatever is settled already."""
    programme = await row_of(conn, "select name, budget_micro from programme where id = %s", [programme_id])
    rows = await rows_of(
        conn,
        "select v.id, g.id as agreement_id, c.name as company, s.id as settlement_id, s.state"
        " from voucher v join company c on c.id = v.company_id left join agreement g on g.voucher_id = v.id"
        " left join settlement s on s.voucher_id = v.id where v.programme_id = %s"
        " order by coalesce(g.id, v.id)",
        [programme_id],
    )
    figures = await figures_of(conn, [row["id"] for row in rows])
    return ProgrammeEnd(
        programme_id,
        programme["name"],
        programme["budget_micro"],
        tuple(
            Share(
                row["settlement_id"],
                row["agreement_id"],
                row["id"],
                row["company"],
                row["state"],
                figures.get(row["id"], NOTHING),
            )
            for row in rows
        ),
    )
