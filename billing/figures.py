"""What a copy of the books must agree with: counts, balances and the log's root, of one snapshot."""

from __future__ import annotations

from typing import Final, LiteralString

import msgspec

from billing.audit.sealing import read_tree
from billing.database import Connection

_COUNTS: Final[LiteralString] = (
    "select (select version_num from alembic_version), current_setting('server_version_num')::int,"
    " (select value from house where name = 'secret'),"
    " (select count(*) from usage where step = 0), (select count(*) from entry),"
    " (select encode(sha256(convert_to(coalesce(string_agg(account || E'\\t' || micro, E'\\n'"
    " order by account collate \"C\"), ''), 'UTF8')), 'hex')"
    "  from (select account, sum(amount_micro) as micro from posting group by account) balance)"
)
# Tables of which the schema took from their owner the right to change rows.
_APPEND_ONLY: Final[LiteralString] = (
    "select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'"
    " and c.relacl is not null and not exists (select from aclexplode(c.relacl) a"
    "  where a.grantee = c.relowner and a.privilege_type = 'UPDATE') order by c.relname"
)


class Figures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: str  # the newest migration
    postgres: int  # server_version_num
    secret: str | None  # the fingerprint of the master secret; None: nobody has used the books yet
    calls: int
    entries: int
    balances: str  # SHA-256, hex, of "account TAB micro-won" lines in the order of their bytes
    log_size: int  # batches that have their number
    log_root: str  # hex
    append_only: tuple[str, ...]

    def is_of_the_same_books(self, other: Figures) -> bool:
        """Whatever server they are on."""
        return msgspec.structs.replace(self, postgres=other.postgres) == other


async def read_figures(conn: Connection) -> Figures:
    """Of the caller's snapshot."""
    counts = await (await conn.execute(_COUNTS)).fetchone()
    assert counts is not None, "it has one row"
    tables = await (await conn.execute(_APPEND_ONLY)).fetchall()
    tree, _ = await read_tree(conn)
    schema, postgres, secret, calls, entries, balances = counts
    return Figures(
        schema=schema,
        postgres=postgres,
        secret=secret,
        calls=calls,
        entries=entries,
        balances=balances,
        log_size=tree.size,
        log_root=tree.root().hex(),
        append_only=tuple(row[0] for row in tables),
    )
