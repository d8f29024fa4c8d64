"""A provider that signs what was used, and products of each unit, as bodies of requests."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from billing.reports.signing import ALGORITHM, TYPE
from tests.fakes.office_world import OfficeWorld

FROM: Final = "2026-01-01T00:00:00+09:00"
# The provider's product of each unit, with what one costs, by tier.
PRODUCTS: Final[dict[str, dict[str | None, str]]] = {
    "item": {None: "120.5"},
    "month": {"basic": "310000", "pro": "900000"},
    "tflops_month": {"10": "41250", "20": "41250", "40": "40000"},
    "download": {None: "1500"},
    "byte": {None: "80"},
    "milestone": {},
}


def product_id(unit: str) -> str:
    return f"nuri-{unit.replace('_', '-')}"


def public_text(key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes_raw()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def sealed(key: Ed25519PrivateKey, key_id: str, payload: bytes, **header: object) -> str:
    said = {"kid": key_id, "typ": TYPE} | header
    return jwt.PyJWS().encode(payload, key, algorithm=ALGORITHM, headers=said)


@dataclass(slots=True)
class Signer:
    """A provider's program: a key of its own, and reports signed by it."""

    office: OfficeWorld
    who: str = "nuri"
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    key_id: str = ""
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def register(self) -> None:
        made = await self.office.post(self.who, "report_keys", {"public_key": public_text(self.key)})
        self.key_id = made["id"]

    def signed(
        self, lines: Sequence[object], *, report: str = "", at: datetime | None = None, **claims: object
    ) -> str:
        """`claims` replace those of the payload."""
        payload = {
            "iss": self.who,
            "iat": int((at or self.office.now).timestamp()),
            "jti": report or f"{self.key_id}-{next(self.numbers)}",
            "lines": list(lines),
        } | claims
        return self.seal(json.dumps(payload).encode())

    def seal(self, payload: bytes, **header: object) -> str:
        return sealed(self.key, self.key_id, payload, **header)

    async def send(self, signed: str) -> httpx2.Response:
        return await self.office.call(self.who, "POST", "usage_reports", {"signed": signed})

    async def report(self, *lines: object, report: str = "") -> list[dict[str, Any]]:
        """-> what became of each line."""
        answer = await self.send(self.signed(lines, report=report))
        assert answer.status_code == 201, answer.text
        made: list[dict[str, Any]] = answer.json()["lines"]
        return made

    async def taken(self, line: object) -> dict[str, Any]:
        """The one line of a report, which must be taken, as it is then."""
        [one] = await self.report(line)
        assert one["code"] is None, one
        shown: dict[str, Any] = await self.office.get(self.who, f"report_lines/{one['line']}")
        return shown

    async def code(self, line: object) -> str:
        """Why the one line of a report is not taken."""
        [one] = await self.report(line)
        assert one["line"] is None, one
        return str(one["code"])


async def selling(
    office: OfficeWorld, *units: str, key: Ed25519PrivateKey | None = None, **terms: object
) -> Signer:
    """nuri with an approved product of each unit, and a key."""
    for unit in units:
        body = {"id": product_id(unit), "name": f"누리 {unit}", "unit": unit} | terms
        await office.post("nuri", "reported_products", body)
        for tier, price in PRODUCTS[unit].items():
            priced = {"from": FROM, "price_krw": price} | ({} if tier is None else {"tier": tier})
            await office.post("nuri", f"reported_products/{product_id(unit)}/prices", priced)
        await office.post("operator", f"reported_products/{product_id(unit)}/approve")
    signer = Signer(office, key=key or Ed25519PrivateKey.generate())
    await signer.register()
    return signer


def line(unit: str, line_id: str, quantity: object, **said: object) -> dict[str, Any]:
    """Of gaonde's, on the last day of service before the office's now."""
    day = said.pop("day", "2026-03-24")
    return {
        "id": line_id,
        "company": "gaonde",
        "product": product_id(unit),
        "quantity": quantity,
        "from": day,
        "to": day,
        "evidence": "납품확인서 2026-03",
    } | said
