"""What the books say that somebody is to be told: read again and again, and told once by its key.

Nothing here is asked while a call is served or posted: the worker looks every few seconds. What is found
twice, by two workers or after a kill, meets its own key. Of several thresholds that were passed between two
looks the last alone is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.types.json import Jsonb

from billing.alerts.kinds import OF_NOTICES
from billing.casework.rows import rows_of
from billing.database import Connection
from billing.directory_time import SEOUL, instant_ms

PERCENTS: Final = (80, 95, 100)
# A rest so small that no call fits into it: a thousandth of what was granted.
USED_UP_PER_MILLE: Final = 1
# What was written down longer ago than this is no news any more, whoever did not look.
NEWS: Final = timedelta(days=7)

_INSERT: Final = (
    "insert into alert (key, kind, company_id, provider_id, for_agency, about, detail, at)"
    " select key, kind, company_id, provider_id, for_agency, about, detail, %(now)s from ({}) found"
    " where not exists (select from alert a where a.key = found.key) order by key"
    " on conflict (key) do nothing returning id"
)
# The highest threshold that is reached; the last of them where next to nothing is left.
_REACHED: Final = """
    (select max(p) from unnest(%(percents)s::integer[]) p where case when p = 100
        then ({whole} - {spent}) * 1000 <= {whole} * %(rest_per_mille)s
        else {spent} * 100 >= {whole} * p end)"""
_SPENT: Final = "floor(f.charged_micro::numeric * f.share_ppm / 1000000)::numeric"

_VOUCHERS: Final = f"""
    select 'voucher_balance/' || voucher_id || '/' || percent || '/' || whole as key,
        'voucher_balance' as kind, company_id, null::text as provider_id, true as for_agency,
        voucher_id as about, jsonb_build_object('percent', percent, 'granted_micro', whole,
            'spent_micro', spent::bigint) as detail
    from (select f.voucher_id, f.company_id, f.government_micro as whole, {_SPENT} as spent,
        {_REACHED.format(whole="f.government_micro", spent=_SPENT)} as percent
        from funds f where f.government_micro > 0 and f.state <> 'ended' and f.ends_ms > %(now_ms)s) v
    where percent is not null"""  # noqa: S608 - constants
_DEPOSITS: Final = f"""
    select 'deposit_used_up/' || f.voucher_id || '/' || f.self_micro, 'deposit_used_up', f.company_id,
        null::text, true, f.voucher_id,
        jsonb_build_object('deposited_micro', f.self_micro,
            'left_of_grant_micro', (f.government_micro - {_SPENT})::bigint)
    from funds f where f.self_micro > 0 and f.state <> 'ended' and f.ends_ms > %(now_ms)s
        and (f.self_micro - (f.charged_micro - {_SPENT})) * 1000 <= f.self_micro * %(rest_per_mille)s
        and (f.government_micro - {_SPENT}) * 1000 > f.government_micro * %(rest_per_mille)s"""  # noqa: S608 - constants
_PROGRAMMES: Final = f"""
    select 'programme_balance/' || id || '/' || percent || '/' || whole, 'programme_balance', null::text,
        null::text, true, id, jsonb_build_object('percent', percent, 'budget_micro', whole,
            'spent_micro', spent::bigint)
    from (select id, whole, spent, {_REACHED.format(whole="whole", spent="spent")} as percent
        from (select p.id, p.budget_micro as whole, sum({_SPENT}) as spent
            from programme p join funds f on f.programme_id = p.id
            where p.budget_micro > 0 and p.ends_on >= %(today)s group by p.id) spent_of) p
    where percent is not null"""  # noqa: S608 - constants
_AGREEMENTS: Final = """
    select 'agreement_ending/' || id || '/' || days || '/' || ends_on, 'agreement_ending', company_id,
        null::text, true, id, jsonb_build_object('ends_on', ends_on, 'days', ends_on - %(today)s::date)
    from (select g.id, g.company_id, t.ends_on,
        (select min(d) from unnest(%(days)s::integer[]) d where t.ends_on - %(today)s::date <= d) as days
        from agreement g join agreement_terms t on t.agreement_id = g.id and t.version = g.terms_version
        where g.state = 'signed' and t.ends_on >= %(today)s::date) g
    where days is not null"""
# Vouchers that were declared, and have no agreement to end.
_DECLARED: Final = """
    select 'voucher_ending/' || id || '/' || days || '/' || ends_on, 'voucher_ending', company_id,
        null::text, true, id, jsonb_build_object('ends_on', ends_on, 'days', ends_on - %(today)s::date)
    from (select v.id, v.company_id, v.ends_on,
        (select min(d) from unnest(%(days)s::integer[]) d where v.ends_on - %(today)s::date <= d) as days
        from (select v.id, v.company_id, least(v.ends_on, p.ends_on) as ends_on
            from voucher v join programme p on p.id = v.programme_id where v.state <> 'ended'
            and not exists (select from agreement g where g.voucher_id = v.id)) v
        where v.ends_on >= %(today)s::date) v
    where days is not null"""
_KEYS: Final = """
    select 'key_expiring/' || company_id || '/' || name || '/' || days || '/' || expires_at, 'key_expiring',
        company_id, null::text, true, company_id || '/' || name,
        jsonb_build_object('expires_at', expires_at)
    from (select k.company_id, k.name, k.expires_at,
        (select min(d) from unnest(%(days)s::integer[]) d
            where k.expires_at <= %(now)s + make_interval(days => d)) as days
        from api_key k where not k.revoked and k.expires_at > %(now)s) k
    where days is not null"""
_NOTICES: Final = """
    select 'notice/' || n.id, n.kind, n.company_id, null::text, false, n.product_id,
        n.detail || jsonb_strip_nulls(jsonb_build_object('provider', n.provider_id, 'reason', n.reason))
    from notice n where n.at > %(since)s and n.kind = any(%(notices)s)"""
_SUSPENDED: Final = """
    select 'step/' || s.id, s.thing || '_suspended',
        case s.thing when 'company' then s.thing_id when 'api_key' then split_part(s.thing_id, '/', 1)
            when 'voucher' then (select company_id from voucher where id = s.thing_id) end,
        case s.thing when 'provider' then s.thing_id
            when 'product' then (select provider_id from product where id = s.thing_id) end,
        true, s.thing_id, jsonb_strip_nulls(jsonb_build_object('reason', s.reason, 'by', s.role))
    from step s where s.action = 'suspend' and s.at > %(since)s
        and s.thing in ('company', 'api_key', 'voucher', 'product', 'provider')"""

_QUERIES: Final = (*(_VOUCHERS, _DEPOSITS, _PROGRAMMES, _AGREEMENTS, _DECLARED, _KEYS, _NOTICES, _SUSPENDED),)


async def find(conn: Connection, *, now: datetime, days: Sequence[int]) -> list[int]:
    """-> the alerts that are new, in the caller's SQL transaction. `days`: before an end."""
    today = now.astimezone(SEOUL).date()
    asked: Mapping[str, Any] = {
        "now": now,
        "now_ms": instant_ms(now),
        "today": today,
        "since": now - NEWS,
        "days": sorted(days),
        "percents": list(PERCENTS),
        "rest_per_mille": USED_UP_PER_MILLE,
        "notices": list(OF_NOTICES),
    }
    names = "key, kind, company_id, provider_id, for_agency, about, detail"
    found: list[int] = []
    for query in _QUERIES:
        columns = f"select * from ({query}) f ({names})"  # noqa: S608 - constants
        cursor = await conn.execute(_INSERT.format(columns).encode(), asked)
        found += [row[0] for row in await cursor.fetchall()]
    return found


async def payout_made(
    conn: Connection, payout_id: str, provider_id: str, amount_micro: int, *, now: datetime
) -> None:
    """For whoever pays a provider, in the SQL transaction that says so. Sent with the next look."""
    await conn.execute(
        "insert into alert (key, kind, provider_id, for_agency, about, detail, at)"
        " values (%s, 'payout_made', %s, true, %s, %s, %s) on conflict (key) do nothing",
        [
            f"payout_made/{payout_id}",
            provider_id,
            payout_id,
            Jsonb({"amount_micro": amount_micro}),
            now,
        ],
    )


async def tell_test(
    conn: Connection, key: str, *, company: str | None, provider: str | None, now: datetime
) -> int:
    """A test message, for whoever asked: it is nobody else's. -> its id"""
    [row] = await rows_of(
        conn,
        "insert into alert (key, kind, company_id, provider_id, for_agency, about, at)"
        " values (%s, 'test', %s, %s, false, 'test', %s) returning id",
        [f"test/{key}", company, provider, now],
    )
    return int(row["id"])
