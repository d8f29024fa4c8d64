"""What companies are told of the products they may use: a row for each company, never changed.

A company may use a product by the terms of an agreement that is offered or runs, or by a voucher that was
declared for it. Who comes later reads the product's state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg.types.json import Jsonb

from billing.casework.deeds import Deed
from billing.database import Connection

# Numbers as text, of one length, so that a cursor of text goes through them in order.
FIND: Final = (
    "select lpad(id::text, 20, '0') as id, company_id, provider_id, product_id, kind, detail, reason, at"
    " from notice"
)
_TELL: Final = """
insert into notice (company_id, provider_id, product_id, kind, detail, reason, at)
select c.company_id, p.provider_id, p.id, %(kind)s, %(detail)s, %(reason)s, %(now)s
from product p join product_now n on n.product_id = p.id, lateral (
    select g.company_id from agreement g
        join agreement_terms t on t.agreement_id = g.id and t.version = g.terms_version
        where g.state in ('offered', 'signed') and t.ends_on >= %(today)s
            and (t.products is null or p.id = any(t.products))
    union
    select v.company_id from voucher v join programme m on m.id = v.programme_id
        where v.state <> 'ended' and least(coalesce(v.ends_on, m.ends_on), m.ends_on) >= %(today)s
            and (v.products is null or p.id = any(v.products))
) c
where p.id = any(%(products)s) and n.on_sale_at is not null order by p.id, c.company_id
"""


async def tell(
    conn: Connection,
    products: Sequence[str],
    kind: str,
    *,
    deed: Deed,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Of a draft nobody is told."""
    await conn.execute(
        _TELL.encode(),
        {
            "kind": kind,
            "detail": Jsonb(dict(detail or {})),
            "reason": deed.reason,
            "now": deed.now,
            "today": deed.today,
            "products": list(products),
        },
    )
