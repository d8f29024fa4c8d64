"""Where alerts go: what a person wants by mail; webhooks of companies, providers and the agency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from billing.alerts import outbox, signing
from billing.alerts.finding import tell_test
from billing.alerts.kinds import kinds_of, not_of, usual
from billing.alerts.posting import sealed_as, takes_address
from billing.casework.deeds import Deed, take_step
from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from billing.lifecycle import delivery, webhook
from billing.lifecycle.table import Refused
from billing.secrets import Secrets

_TESTS_WAITING: Final = (
    "(select count(*) from delivery d join alert a on a.id = d.alert_id"
    " where d.state = 'waiting' and a.kind = 'test' and {})"
)
HOOKS: Final = f"select w.*, {_TESTS_WAITING.format('d.webhook_id = w.id')} as tests_waiting from webhook w"  # noqa: S608 - constants
DELIVERIES: Final = (
    "select d.*, a.kind, a.about, a.detail, a.at, coalesce(d.email, split_part(w.url, '?', 1)) as address"
    " from delivery d join alert a on a.id = d.alert_id left join webhook w on w.id = d.webhook_id"
)
_PLACE_THERE: Final = (
    "select coalesce(p.disabled_at is null, w.state <> 'ended') as there from delivery d"
    " left join person p on p.email = d.email left join webhook w on w.id = d.webhook_id where d.id = %s"
)


# -- mail


async def choice_of(conn: Connection, deed: Deed) -> Row:
    """What this person gets by mail: as chosen, or as is usual."""
    found = await rows_of(
        conn, "select kinds, language from mail_choice where email = %s", [deed.actor.person]
    )
    kinds = found[0]["kinds"] if found else None
    return {
        "id": deed.actor.person,
        "kinds": list(usual(deed.actor.role)) if kinds is None else kinds,
        "language": found[0]["language"] if found else "ko",
        "may_choose": list(kinds_of(deed.actor.role)),
    }


async def choose(conn: Connection, deed: Deed, *, kinds: Sequence[str], language: str) -> None:
    _must_be_of(deed, kinds)
    await conn.execute(
        "insert into mail_choice (email, kinds, language) values (%s, %s, %s)"
        " on conflict (email) do update set kinds = excluded.kinds, language = excluded.language",
        [deed.actor.person, sorted(set(kinds)), language],
    )


async def mail_test(conn: Connection, deed: Deed) -> str:
    """-> the delivery"""
    actor = deed.actor
    [sent] = await rows_of(conn, f"select {_TESTS_WAITING.format('d.email = %s')} as tests", [actor.person])
    if sent["tests"]:
        raise webhook.ONE_TEST.refusal()
    alert_id = await tell_test(
        conn, deed.request_id, company=actor.company, provider=actor.provider, now=deed.now
    )
    to = {"email": actor.person, "company_id": actor.company, "provider_id": actor.provider}
    return await outbox.make(conn, alert_id, to=to, now=deed.now)


def _must_be_of(deed: Deed, kinds: Sequence[str] | None) -> None:
    unknown = not_of(deed.actor.role, kinds or ())
    if unknown:
        raise Refused(
            "kind_unknown",
            f"No such alert for you: {unknown[0]}.",
            f"선택할 수 없는 알림입니다: {unknown[0]}",
        )


# -- webhooks


async def find_hook(conn: Connection, webhook_id: str) -> Row:
    return await row_of(conn, f"{HOOKS} where id = %s", [webhook_id])


async def make_hook(
    conn: Connection,
    secrets: Secrets,
    url: str,
    kinds: Sequence[str] | None,
    *,
    deed: Deed,
    allow_private: bool,
) -> tuple[str, str]:
    """-> its id, and the secret, which is nowhere else to be read."""
    _must_be_of(deed, kinds)
    actor = deed.actor
    whose = [actor.company, actor.provider]
    # Of two who make one at once the second waits here, and is counted.
    await conn.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"webhook/{whose}"])
    [there] = await rows_of(
        conn,
        "select count(*) from webhook where state <> 'ended'"
        " and (company_id, provider_id) is not distinct from (%s::text, %s::text)",
        whose,
    )
    [number] = await rows_of(conn, "select nextval('webhook_number') as n")
    webhook_id = f"wh-{number['n']:06}"
    facts = webhook.Facts(
        others=there["count"], is_address_taken=takes_address(url, allow_private=allow_private)
    )
    state = await take_step(
        conn,
        webhook.TABLE,
        "make",
        deed=deed,
        thing_id=webhook_id,
        state=None,
        company=actor.company,
        provider=actor.provider,
        facts=facts,
    )
    secret = signing.new_secret()
    await conn.execute(
        "insert into webhook (id, company_id, provider_id, url, kinds, state, sealed, created_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            webhook_id,
            *whose,
            url,
            None if kinds is None else sorted(set(kinds)),
            state,
            secrets.seal(secret, row=sealed_as(webhook_id)),
            deed.now,
        ],
    )
    return webhook_id, secret


async def change_hook(
    conn: Connection, webhook_id: str, given: Mapping[str, Any], *, deed: Deed, allow_private: bool
) -> None:
    """`given`: url and kinds, as far as they change."""
    _must_be_of(deed, given.get("kinds"))
    row = await _locked(conn, webhook_id)
    url = given.get("url") or row["url"]
    is_taken = takes_address(url, allow_private=allow_private)
    await _take(conn, row, "change", deed, is_address_taken=is_taken, fields=sorted(given))
    await conn.execute(
        "update webhook set url = %s, kinds = %s where id = %s",
        [url, given.get("kinds", row["kinds"]), webhook_id],
    )


async def rotate_hook(conn: Connection, secrets: Secrets, webhook_id: str, *, deed: Deed) -> str:
    """-> the new secret. The one before signs too for a day; one before that no longer."""
    row = await _locked(conn, webhook_id)
    await _take(conn, row, "rotate", deed)
    secret = signing.new_secret()
    await conn.execute(
        "update webhook set sealed_former = sealed, former_until = %s, sealed = %s where id = %s",
        [deed.now + webhook.OVERLAP, secrets.seal(secret, row=sealed_as(webhook_id)), webhook_id],
    )
    return secret


async def move_hook(conn: Connection, webhook_id: str, action: str, *, deed: Deed) -> None:
    """Pause, resume or end it, or send it a test message."""
    row = await _locked(conn, webhook_id)
    after = await _take(conn, row, action, deed)
    if action == "test":
        alert_id = await tell_test(
            conn, deed.request_id, company=row["company_id"], provider=row["provider_id"], now=deed.now
        )
        to = {"webhook_id": webhook_id, "company_id": row["company_id"], "provider_id": row["provider_id"]}
        await outbox.make(conn, alert_id, to=to, now=deed.now)
        return
    kept = "" if after != "ended" else ", sealed = null, sealed_former = null, former_until = null"
    query = f"update webhook set state = %s{kept} where id = %s"  # noqa: S608 - one of two constants
    await conn.execute(query.encode(), [after, webhook_id])


async def _locked(conn: Connection, webhook_id: str) -> Row:
    return await row_of(conn, f"{HOOKS} where id = %s for update", [webhook_id])


async def _take(
    conn: Connection,
    row: Row,
    action: str,
    deed: Deed,
    *,
    is_address_taken: bool = True,
    fields: Sequence[str] = (),
) -> str:
    return await take_step(
        conn,
        webhook.TABLE,
        action,
        deed=deed,
        thing_id=row["id"],
        state=row["state"],
        company=row["company_id"],
        provider=row["provider_id"],
        facts=hook_facts(row, deed, is_address_taken=is_address_taken),
        detail={"fields": list(fields)} if fields else None,
    )


def hook_facts(row: Row, deed: Deed, *, is_address_taken: bool = True) -> webhook.Facts:
    whose = (row["company_id"], row["provider_id"])
    is_own = whose == (deed.actor.company, deed.actor.provider)
    return webhook.Facts(is_own=is_own, is_address_taken=is_address_taken, tests_waiting=row["tests_waiting"])


# -- deliveries


async def find_delivery(conn: Connection, delivery_id: str) -> Row:
    return await row_of(conn, f"select * from ({DELIVERIES}) d where id = %s", [delivery_id])  # noqa: S608


async def delivery_facts(conn: Connection, delivery_id: str) -> delivery.Facts:
    return delivery.Facts((await row_of(conn, _PLACE_THERE, [delivery_id]))["there"])


async def resend(conn: Connection, delivery_id: str, *, deed: Deed) -> None:
    """Under the same id, with all its attempts before it."""
    row = await row_of(conn, "select * from delivery where id = %s for update", [delivery_id])
    after = await take_step(
        conn,
        delivery.TABLE,
        "resend",
        deed=deed,
        thing_id=delivery_id,
        state=row["state"],
        company=row["company_id"],
        provider=row["provider_id"],
        facts=await delivery_facts(conn, delivery_id),
    )
    await conn.execute(
        "update delivery set state = %s, attempts = 0, due_at = %s where id = %s",
        [after, deed.now, delivery_id],
    )
