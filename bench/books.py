"""The audit after the load: do the books say what the vendor's count times the price says, to the micro-won?

Figures with money off would be worthless, and so would figures of a gateway that loses a call in a thousand.
It asks over the public routes only, as a company with its key would.
"""

import json
import time
from dataclasses import dataclass
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path

from bench.rig import RigError, Served
from bench.setting import API_KEY, charge_micro_krw

POSTED_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Audit:
    """Count times price, and what the books say.

    An overloaded subject does not end its streams in time; the load cuts them, and they are charged as
    estimates of what was delivered. Then the two sums say nothing about each other.
    """

    when: str
    calls: int
    cut: int
    expected_micro_krw: int
    spent_micro_krw: int
    held_micro_krw: int

    @property
    def is_comparable(self) -> bool:
        return self.cut == 0

    @property
    def agrees(self) -> bool:
        return self.spent_micro_krw == self.expected_micro_krw and self.held_micro_krw == 0


class CompanyClient:
    """A connection per request: minutes may lie between two, and a server does not keep an idle one."""

    def __init__(self, port: int) -> None:
        self._port = port

    def get(self, path: str) -> tuple[int, dict[str, object]]:
        status, _, answer = self._exchange("GET", path, None)
        return status, json.loads(answer)

    def call(self, request: Path) -> str:
        """Sends one unary request and returns the id of its usage record."""
        body = request.read_bytes().split(b"\r\n\r\n", 1)[1]
        status, usage_id, answer = self._exchange("POST", "/v1/chat/completions", body)
        if status != 200 or usage_id is None:
            raise RigError(f"the gateway answered {status}: {answer[:300]!r}")
        return usage_id

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, str | None, bytes]:
        headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, response.getheader("X-Voucher-Usage-Id"), response.read()
        finally:
            connection.close()

    def wait_until_posted(self, usage_id: str, *, poll_s: float) -> None:
        """A lane is posted in the order of its stream, so the last call of a company is posted last."""
        limit = time.monotonic() + POSTED_WITHIN_S
        while time.monotonic() < limit:
            status, record = self.get(f"/v1/usage/{usage_id}")
            if status == 200 and record["posted"] is True:
                return
            time.sleep(poll_s)
        raise RigError(f"call {usage_id} was not posted within {POSTED_WITHIN_S:.0f} s")


def audit(client: CompanyClient, *, when: str, served: Served, cut: int) -> Audit:
    status, answer = client.get("/v1/voucher")
    vouchers = answer["vouchers"]
    if status != 200 or not isinstance(vouchers, list):
        raise RigError(f"/v1/voucher answered {status}: {answer}")
    spent, held = 0, 0
    for voucher in vouchers:
        for source in ("government", "self"):
            spent += _micro_krw(voucher[source]["spent_krw"])
            held += _micro_krw(voucher[source]["held_krw"])
    return Audit(
        when=when,
        cut=cut,
        calls=served.unary + served.streams,
        expected_micro_krw=charge_micro_krw(served),
        spent_micro_krw=spent,
        held_micro_krw=held,
    )


def _micro_krw(amount: str) -> int:
    return int(Decimal(amount) * 1_000_000)
