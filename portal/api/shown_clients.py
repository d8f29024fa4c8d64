"""The answers of the API on programs of the office, as models."""

from __future__ import annotations

from portal.api.shown import Shown


class ClientShown(Shown):
    id: str
    name: str
    person: str
    revoked: bool
    created_at: str


class MadeClient(ClientShown):
    """The only answer that ever shows the secret."""

    client_id: str
    client_secret: str
