"""How we call the events that we send to a vendor, so that its refusals are known for what they are.

Who knows such a name could give it to an event of its own and have it refused: that would look like the
refusal of a request whose response runs. So nobody can guess one, and none is ever shown to a client.
"""

from __future__ import annotations

import secrets
from collections import deque
from typing import Final

NAMES_KEPT: Final = 256  # of requests whose refusal may still come


class VendorNames:
    """Of one session."""

    def __init__(self) -> None:
        self._secret = secrets.token_hex(16)
        self._count = 0
        self._given: deque[tuple[str, str | None]] = deque(maxlen=NAMES_KEPT)
        self.limit = self.give(None)  # of the event that sets the session's limit

    def give(self, event_id: str | None) -> str:
        """A new name, in the place of the client's own."""
        self._count += 1
        name = f"{self._secret}{self._count}"
        self._given.append((name, event_id))
        return name

    def are(self, name: str | None) -> bool:
        """Is it one of ours?"""
        return name is not None and name.startswith(self._secret)

    def client_of(self, name: str | None) -> str | None:
        return next((event_id for given, event_id in self._given if given == name), None)

    def hide(self, text: str) -> str:
        """What goes to the client, wherever the vendor repeats a name of ours in it."""
        return text.replace(self._secret, "event_") if self._secret in text else text


def new_event_id() -> str:
    """Of an event that we make for the client."""
    return f"event_{secrets.token_hex(8)}"


__all__ = ["VendorNames", "new_event_id"]
