"""A company's API keys: made here and shown once, with a line that works; revoked for good."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from billing.casework.rows import rows_of
from billing.lifecycle.table import OWN_COMPANY
from portal.api.answers import etag_of
from portal.web import entries, formats, forms, words
from portal.web.facts import Fact, lines
from portal.web.forms import Field
from portal.web.operations import Operations, Shown
from portal.web.serving import Page
from portal.web.visit import Go, Html, Reply, Visit

_LIMITS = ("requests_per_minute", "tokens_per_minute", "krw_per_day", "concurrent")
_FACTS = (
    *(Fact("last_characters"), Fact("products"), Fact("limits"), Fact("allowed_ips")),
    *(Fact("created_at"), Fact("expires_at"), Fact("revoked")),
)


def pages(operations: Operations, data_plane: str) -> list[Page]:
    role = OWN_COMPANY.role
    return [
        Page("/company/keys/new", (role,), _new, partial(_make, operations, data_plane)),
        Page("/company/keys/{name}", (role,), partial(_show, operations)),
        Page(
            "/company/keys/{name}/revoke",
            (role,),
            partial(_show_revoking, operations),
            partial(_revoke, operations),
        ),
    ]


async def _fields(visit: Visit) -> tuple[Field, ...]:
    return (
        Field("name", required=True, characters_max=64, help="help.key_name"),
        Field("products", "products", choices=await entries.products(visit), help="help.products"),
        Field("expires_at", "instant"),
        Field("krw_per_day", "won", help="help.limit"),
        Field("requests_per_minute", "count", help="help.limit"),
        Field("concurrent", "count", help="help.limit"),
    )


async def _new(visit: Visit) -> Reply:
    fields = await _fields(visit)
    title = words.text("do.api_key.make", visit.language)
    return Html(
        "entry.html",
        {
            "title": title,
            "fields": fields,
            "entered": forms.entered(fields, visit.form),
            "back": "/company/keys",
            "once": "",  # shown once means: a repeated form finds that there is one of this name
            "trail": (("/company/keys", words.text("nav.keys", visit.language)), (None, title)),
        },
    )


async def _make(operations: Operations, data_plane: str, visit: Visit) -> Reply:
    values = forms.values_of(await _fields(visit), visit.form)
    limits = {name: values.pop(name) for name in _LIMITS if name in values}
    if limits:
        values["limits"] = limits
    made = await operations.call(visit.desk, "POST /api_keys", values)
    model = await _a_model(visit, made)
    return Html(
        "key_made.html",
        {
            "made": made,
            "curl": curl_line(data_plane, made["key"], model),
            "trail": _trail(visit, made["name"]),
        },
    )


async def _a_model(visit: Visit, made: Shown) -> str:
    """A chat product that the key may call."""
    found = await rows_of(
        visit.desk.conn,
        "select p.id from product p join product_now n on n.product_id = p.id where n.is_served"
        " and 'chat' = any(p.purposes) and (%s::text[] is null or p.id = any(%s)) order by p.id limit 1",
        [None if made["products"] == ["*"] else made["products"]] * 2,
    )
    return found[0]["id"] if found else "MODEL"


def curl_line(address: str, key: str, model: str) -> str:
    """One line that works when pasted into a shell."""
    body = json.dumps(
        {"model": model, "messages": [{"role": "user", "content": "안녕하세요"}]}, ensure_ascii=False
    )
    return (
        f"curl -s {address}/v1/chat/completions -H 'Authorization: Bearer {key}'"
        f" -H 'Content-Type: application/json' -d '{body}'"
    )


def _id(visit: Visit) -> str:
    return f"{visit.desk.actor.company}/{visit.part('name')}"


def _trail(visit: Visit, name: str) -> tuple[tuple[str | None, str], ...]:
    return (("/company/keys", words.text("nav.keys", visit.language)), (None, name))


async def _shown(operations: Operations, visit: Visit) -> dict[str, Any]:
    shown = await operations.call(visit.desk, "GET /api_keys/{id}", id=_id(visit))
    day = shown["limits"].get("krw_per_day")
    limits = shown["limits"] | ({} if day is None else {"krw_per_day": formats.amount(formats.micro_of(day))})
    return {
        "name": shown["name"],
        "thing": "api_key",
        "shown": shown,
        "etag": etag_of(shown),
        "lines": lines(_FACTS, {**shown, "limits": limits}, visit.language),
        "trail": _trail(visit, shown["name"]),
    }


async def _show(operations: Operations, visit: Visit) -> Reply:
    return Html("key.html", {**await _shown(operations, visit), "done": None})


async def _show_revoking(operations: Operations, visit: Visit) -> Reply:
    return Html(
        "step.html",
        {
            **await _shown(operations, visit),
            "title": words.text("do.api_key.revoke", visit.language),
            "fields": (),
            "entered": {},
            "is_risky": True,
            "back": f"/company/keys/{visit.part('name')}",
        },
    )


async def _revoke(operations: Operations, visit: Visit) -> Reply:
    etag = visit.form.one("etag")
    await operations.call(visit.desk, "PATCH /api_keys/{id}", {"revoked": True}, id=_id(visit), etag=etag)
    return Go(f"/company/keys/{visit.part('name')}")
