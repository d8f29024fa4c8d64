"""Answers about alerts, as models; portal.api.show_alerts makes them."""

from __future__ import annotations

from typing import Any

from portal.api.shown import Shown


class MyAlertsShown(Shown):
    """`mail`: whether this installation sends any. `may_choose`: what there is for somebody of this role."""

    id: str
    kinds: list[str]
    language: str
    may_choose: list[str]
    mail: bool


class WebhookShown(Shown):
    """`kinds` null: all. Its owner sees the whole address, others see it without the query."""

    id: str
    company: str | None
    provider: str | None
    state: str
    url: str
    kinds: list[str] | None
    former_secret_until: str | None
    created_at: str


class MadeWebhook(WebhookShown):
    """The only answer that ever shows the secret."""

    secret: str


class DeliveryShown(Shown):
    """`id` is what the receiver knows a repeat by."""

    id: str
    state: str
    channel: str
    address: str
    company: str | None
    provider: str | None
    kind: str
    about: str
    detail: dict[str, Any]
    at: str
    attempts: int
    next_attempt_at: str | None
    last_error: str | None
    sent_at: str | None
