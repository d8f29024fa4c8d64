"""Alerts: what a person wants by mail, webhooks and their secrets, what was sent and what was not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from billing.alerts import places
from billing.alerts.posting import URL_CHARACTERS_MAX
from billing.lifecycle import delivery, webhook
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY, OWN_PROVIDER, Allow, Refused
from portal.api import answers, bodies, show_alerts, shown_alerts
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import Scope, add_list
from portal.api.part import Part
from portal.api.route import allow
from portal.api.steps import IdPath, add_change, add_log, add_one, add_step

_READ: Final = (OPERATOR, AUDITOR, OWN_COMPANY, OWN_PROVIDER)
_PERSONS: Final = (OPERATOR, Allow("company"), Allow("provider"))
_MINE: Final = shown_alerts.MyAlertsShown
_HOOK: Final = shown_alerts.WebhookShown
_DELIVERY: Final = shown_alerts.DeliveryShown

KindName = Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
Kinds = Annotated[list[KindName], Field(max_length=50)]
Url = Annotated[str, Field(min_length=1, max_length=URL_CHARACTERS_MAX)]


class AlertChoice(bodies.Body):
    """The kinds that come by mail: none of them is a choice too."""

    kinds: Kinds
    language: Literal["ko", "en"] = "ko"


class NewWebhook(bodies.Body):
    """`kinds` left out: all."""

    url: Url
    kinds: Kinds | None = None


class WebhookChange(bodies.Body):
    """What is named changes."""

    url: Url | None = None
    kinds: Kinds | None = None


def router() -> APIRouter:
    made = Part("alerts")
    _add_mine(made)
    _add_webhooks(made)
    _add_deliveries(made)
    return made


def _own(desk: Desk) -> Scope:
    return answers.own(desk, company="company_id", provider="provider_id")


# -- a person's own


async def _mine(desk: Desk) -> Shown:
    row = await places.choice_of(desk.conn, desk.deed())
    return show_alerts.my_alerts(row, has_mail=desk.api.has_mail)


def _add_mine(made: APIRouter) -> None:
    @made.get("/my_alerts", summary="What comes to me by mail", **allow(*_PERSONS, answer=_MINE))
    async def read_my_alerts(desk: AtDesk) -> JSONResponse:
        return answers.one(await _mine(desk))

    @made.patch(
        "/my_alerts",
        summary="Choose what comes to me by mail",
        **allow(*_PERSONS, answer=_MINE, method="PATCH"),
    )
    async def choose_my_alerts(request: Request, desk: AtDesk, body: AlertChoice) -> JSONResponse:
        answers.must_match(request, await _mine(desk))
        await places.choose(desk.conn, desk.deed(), kinds=body.kinds, language=body.language)
        return answers.one(await _mine(desk))

    @made.post(
        "/my_alerts/test",
        summary="Send me a test mail",
        **allow(*_PERSONS, answer=_DELIVERY, method="POST", status=201),
    )
    async def test_my_alerts(desk: AtDesk) -> JSONResponse:
        if not desk.api.has_mail:
            raise Refused(
                "mail_off",
                "This installation sends no mail: it has no relay.",
                "메일 발송이 설정되지 않았습니다.",
            )
        delivery_id = await places.mail_test(desk.conn, desk.deed())
        return _made(await _load_delivery(desk, delivery_id), "deliveries")


def _made(shown: Mapping[str, Any], kind: str) -> JSONResponse:
    return answers.one(dict(shown), status=201, location=f"/api/{kind}/{shown['id']}")


# -- webhooks


def _show_hook(desk: Desk, row: Mapping[str, Any]) -> Shown:
    is_own = (row["company_id"], row["provider_id"]) == (desk.actor.company, desk.actor.provider)
    return show_alerts.webhook(row, is_own=is_own and desk.actor.role != "auditor")


async def _load_hook(desk: Desk, webhook_id: str) -> Shown:
    row = await places.find_hook(desk.conn, webhook_id)
    desk.must_see(company=row["company_id"], provider=row["provider_id"])
    return _show_hook(desk, row)


def _add_webhooks(made: APIRouter) -> None:
    add_list(
        made,
        "/webhooks",
        places.HOOKS,
        _show_hook,
        _READ,
        _HOOK,
        scope=_own,
        filters={"company": "company_id", "provider": "provider_id", "state": "state"},
    )
    table = webhook.TABLE

    @made.post(
        "/webhooks",
        summary="Make a webhook",
        **allow(*table.step("make").allow, answer=shown_alerts.MadeWebhook, method="POST", status=201),
    )
    async def make_webhook(desk: AtDesk, body: NewWebhook) -> JSONResponse:
        made_id, secret = await places.make_hook(
            desk.conn,
            desk.api.secrets,
            body.url,
            body.kinds,
            deed=desk.deed(),
            allow_private=desk.api.allow_private,
        )
        return _made({**await _load_hook(desk, made_id), "secret": secret}, "webhooks")

    add_one(made, "/webhooks", "Read a webhook", _load_hook, _READ, _HOOK)
    add_change(
        made,
        "/webhooks",
        "Change a webhook",
        WebhookChange,
        _change_hook,
        _load_hook,
        table.step("change").allow,
        _HOOK,
    )

    @made.post(
        "/webhooks/{id}/rotate",
        summary="Webhook: rotate",
        **allow(*table.step("rotate").allow, answer=shown_alerts.MadeWebhook, method="POST"),
    )
    async def rotate_webhook(desk: AtDesk, id: IdPath, body: bodies.Nothing) -> JSONResponse:
        await _load_hook(desk, id)
        secret = await places.rotate_hook(desk.conn, desk.api.secrets, id, deed=desk.deed())
        return answers.one({**await _load_hook(desk, id), "secret": secret})

    for action in ("test", "pause", "resume", "end"):
        add_step(made, "/webhooks", table, action, bodies.Nothing, _mover(action), _load_hook, _HOOK)
    add_log(made, "/webhooks", table, _load_hook, _READ)


async def _change_hook(desk: Desk, webhook_id: str, body: WebhookChange) -> None:
    await places.change_hook(
        desk.conn,
        webhook_id,
        bodies.given(body),
        deed=desk.deed(),
        allow_private=desk.api.allow_private,
    )


def _mover(action: str) -> Any:
    async def run(desk: Desk, webhook_id: str, _: bodies.Nothing) -> None:
        await places.move_hook(desk.conn, webhook_id, action, deed=desk.deed())

    return run


# -- deliveries


async def _load_delivery(desk: Desk, delivery_id: str) -> Shown:
    row = await places.find_delivery(desk.conn, delivery_id)
    desk.must_see(company=row["company_id"], provider=row["provider_id"])
    return show_alerts.delivery(row)


async def _resend(desk: Desk, delivery_id: str, _: bodies.Nothing) -> None:
    await places.resend(desk.conn, delivery_id, deed=desk.deed())


def _add_deliveries(made: APIRouter) -> None:
    add_list(
        made,
        "/deliveries",
        places.DELIVERIES,
        lambda _, row: show_alerts.delivery(row),
        _READ,
        _DELIVERY,
        scope=_own,
        filters={
            "state": "state",
            "channel": "channel",
            "kind": "kind",
            "webhook": "webhook_id",
            "company": "company_id",
            "provider": "provider_id",
        },
    )
    add_one(made, "/deliveries", "Read a delivery", _load_delivery, _READ, _DELIVERY)
    add_step(
        made,
        "/deliveries",
        delivery.TABLE,
        "resend",
        bodies.Nothing,
        _resend,
        _load_delivery,
        _DELIVERY,
    )
    add_log(made, "/deliveries", delivery.TABLE, _load_delivery, _READ)
