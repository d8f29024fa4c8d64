"""A database and a master secret, and declarations applied to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from billing.database import Connection
from billing.declaration import ApplyReport, DeclarationRefused, apply_file
from billing.directory_store import DirectoryDelta, load_directory
from billing.secrets import Secrets
from metering.purse import Purse

NOW: Final = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ENVIRONMENT: Final = {"VENDOR_KEY": "vendor-secret-4711", "PASSWORD": "correct horse battery"}

PROGRAMME: Final = """\
programmes:
  - id: ai-2026
    name: 초거대 AI API 활용 지원
    budget_krw: 1000000
    max_voucher_krw: 600000
    starts_on: 2026-01-01
    ends_on: 2026-12-31
    shares: {sme: "0.75", startup: "0.9"}
"""
PRODUCT: Final = """\
providers:
  - {id: nuri, name: 누리모델, brn: "1118111112"}
products:
  - id: nuri-x1
    provider: nuri
    scale: large
    purposes: [chat]
    context_tokens: 128000
    max_output_tokens: 4096
    upstream:
      - {dialect: openai, base_url: "https://api.nuri.example/v1/", model: x1, api_key: "${VENDOR_KEY}"}
    prices:
      - {from: 2026-01-01T00:00:00+09:00, input: 1250, output: "5000.5"}
"""
COMPANY: Final = """\
companies:
  - {id: gaonde, name: 가온데이터, brn: "1111111119", class: sme}
"""
VOUCHER: Final = """\
vouchers:
  - id: gaonde-2026
    company: gaonde
    programme: ai-2026
    government_krw: 300000
    self_deposit_krw: 100000
"""
API_KEY: Final = """\
api_keys:
  - {company: gaonde, name: backend, key: vg_test_gaonde_backend_0000}
"""
WHOLE: Final = PROGRAMME + PRODUCT + COMPANY + VOUCHER + API_KEY


@dataclass(frozen=True, slots=True)
class Bad:
    why: str
    text: str
    line: int
    path: str
    reason: str


def edited(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


@dataclass
class World:
    conn: Connection
    secrets: Secrets = field(default_factory=lambda: Secrets(b"a master secret of the tests"))

    async def apply(
        self,
        text: str,
        *,
        environment: Mapping[str, str] = ENVIRONMENT,
        allow_private: bool = False,
        now: datetime = NOW,
        purse: Purse | None = None,
    ) -> ApplyReport:
        return await apply_file(
            self.conn,
            text,
            source="house.yaml",
            environment=environment,
            secrets=self.secrets,
            allow_private=allow_private,
            now=now,
            purse=purse,
        )

    async def refusal(self, text: str, *, purse: Purse | None = None) -> str:
        try:
            report = await self.apply(text, purse=purse)
        except DeclarationRefused as refused:
            return str(refused)
        raise AssertionError(f"taken: {report}")

    async def load(self, since_revision: int = 0) -> DirectoryDelta:
        return await load_directory(self.conn, secrets=self.secrets, since_revision=since_revision)
