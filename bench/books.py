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
    calls: int
    expected_micro_krw: int
    spent_micro_krw: int
    held_micro_krw: int

    @property
    def agrees(self) -> bool:
        return self.spent_micro_krw == self.expected_micro_krw and self.held_micro_krw == 0


class CompanyClient:
    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)

    def get(self, path: str) -> tuple[int, dict[str, object]]:
        self._connection.request("GET", path, headers={"Authorization": f"Bearer {API_KEY}"})
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    def call(self, request: Path) -> str:
        """Sends one unary request and returns the id of its usage record."""
        body = request.read_bytes().split(b"\r\n\r\n", 1)[1]
        headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
        self._connection.request("POST", "/v1/chat/completions", body=body, headers=headers)
        response = self._connection.getresponse()
        answer = response.read()
        usage_id = response.getheader("X-Voucher-Usage-Id")
        if response.status != 200 or usage_id is None:
            raise RigError(f"the gateway answered {response.status}: {answer[:300]!r}")
        return usage_id

    def wait_until_posted(self, usage_id: str, *, poll_s: float) -> None:
        """A lane is posted in the order of its stream, so the last call of a company is posted last."""
        limit = time.monotonic() + POSTED_WITHIN_S
        while time.monotonic() < limit:
            status, record = self.get(f"/v1/usage/{usage_id}")
            if status == 200 and record["posted"] is True:
                return
            time.sleep(poll_s)
        raise RigError(f"call {usage_id} was not posted within {POSTED_WITHIN_S:.0f} s")

    def close(self) -> None:
        self._connection.close()


def audit(client: CompanyClient, *, served: Served) -> Audit:
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
        calls=served.unary + served.streams,
        expected_micro_krw=charge_micro_krw(served),
        spent_micro_krw=spent,
        held_micro_krw=held,
    )


def _micro_krw(amount: str) -> int:
    return int(Decimal(amount) * 1_000_000)
