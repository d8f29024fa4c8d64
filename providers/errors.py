"""What can go wrong between us and a vendor. Foreign exceptions become these once, in `upstream`.

    UpstreamError
    ├── NotSent                  the vendor has not seen the call: safe to try elsewhere
    │   ├── ConnectRefused       refused, unreachable, name unknown, TLS failed
    │   ├── ConnectTimeout       no connection within connect_timeout_s
    │   └── AddressRefused       the address is private and private addresses are not allowed
    ├── FirstByteTimeout         sent, and no answer began within first_byte_timeout_s
    ├── IdleTimeout              the answer began, then nothing came for idle_timeout_s
    ├── UpstreamBroken           the connection was lost before the answer was whole, or it is no HTTP
    └── AnswerTooLarge           more bytes than we are ready to keep

`VendorError` is a value, not an exception: what the vendor itself said was wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


class UpstreamError(Exception):
    """A call to a vendor failed on the way. The message names no credential and no address of ours."""


class NotSent(UpstreamError):
    """The vendor has not seen the call."""


class ConnectRefused(NotSent):
    pass


class ConnectTimeout(NotSent):
    pass


class AddressRefused(NotSent):
    pass


class FirstByteTimeout(UpstreamError):
    pass


class IdleTimeout(UpstreamError):
    pass


class UpstreamBroken(UpstreamError):
    pass


class AnswerTooLarge(UpstreamError):
    pass


@dataclass(frozen=True, slots=True)
class VendorError:
    """What a vendor said was wrong. `status` is 200 for an error inside an answer or a stream.

    Where a vendor blames the call (400) and means our credential or our account, `status` is what it means:
    401 or 402.
    """

    status: int
    message: str
    type: str | None = None
    code: str | None = None
    param: str | None = None


def unreadable(message: str) -> VendorError:
    """An answer with a good status that says nothing we could pass on."""
    return VendorError(status=200, message=message, code="unreadable_answer")


# Of what was put together: it was made, so it is billed, and nobody gets it.
TOO_LARGE: Final = unreadable("The vendor's answer is too large.")
