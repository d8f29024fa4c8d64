"""The setting: the company, voucher, product and prices of the benchmark, and the requests that are sent.

Money is on: every call is authenticated, held, settled and posted, on a voucher too large to run dry. A call
costs a whole number of micro-won at these prices, which makes the audit of the books a multiplication.
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from bench.rig import Served

API_KEY = "vg_bench_company_loader_000000000000"
PRODUCT = "bench-1"
REQUEST_BYTES = 1077

INPUT_KRW_PER_MILLION = 1000
OUTPUT_KRW_PER_MILLION = 4000
INPUT_TOKENS = 250  # what vendor.c reports for every call
UNARY_OUTPUT_TOKENS = 25
STREAM_OUTPUT_TOKENS = 100


def charge_micro_krw(served: Served) -> int:
    """What these calls cost: won per million tokens times tokens is micro-won."""
    calls = served.unary + served.streams
    output_tokens = served.unary * UNARY_OUTPUT_TOKENS + served.streams * STREAM_OUTPUT_TOKENS
    return calls * INPUT_TOKENS * INPUT_KRW_PER_MILLION + output_tokens * OUTPUT_KRW_PER_MILLION


def declaration(*, vendor_port: int, today: date) -> str:
    first, last = today - timedelta(days=60), today + timedelta(days=300)
    return f"""\
programmes:
  - id: bench
    name: 성능 측정 사업
    legal_basis: 보조금
    budget_krw: 900000000
    max_voucher_krw: 900000000
    starts_on: {first}
    ends_on: {last}
    shares: {{sme: "0.75"}}
providers:
  - id: bench-vendor
    name: 측정용 공급기업
    brn: "1118111112"
products:
  - id: {PRODUCT}
    provider: bench-vendor
    scale: small
    purposes: [chat]
    context_tokens: 16000
    max_output_tokens: 1024
    upstream:
      - dialect: openai
        base_url: http://127.0.0.1:{vendor_port}/v1
        model: bench-vendor-1
        api_key: bench-vendor-key
    prices:
      - from: {first}T00:00:00+09:00
        input: {INPUT_KRW_PER_MILLION}
        output: {OUTPUT_KRW_PER_MILLION}
companies:
  - id: bench-company
    name: 측정용 수요기업
    brn: "1111111119"
    class: sme
vouchers:
  - id: bench-voucher
    company: bench-company
    programme: bench
    government_krw: 600000000
    self_deposit_krw: 200000000
    products: ["*"]
api_keys:
  - company: bench-company
    name: loader
    key: {API_KEY}
    products: ["*"]
"""


@dataclass(frozen=True, slots=True)
class Requests:
    unary: Path
    stream: Path


def write_requests(folder: Path) -> Requests:
    unary, stream = folder / "unary.http", folder / "stream.http"
    unary.write_bytes(_request({}))
    stream.write_bytes(_request({"stream": True, "stream_options": {"include_usage": True}}))
    return Requests(unary=unary, stream=stream)


def _request(more: dict[str, object]) -> bytes:
    """A request of REQUEST_BYTES in all, head and body, filled up in the user's message."""
    filler = ""
    while True:
        messages = [
            {"role": "system", "content": "You answer in one short paragraph."},
            {"role": "user", "content": "Please summarise: " + filler},
        ]
        body = json.dumps(
            {"model": PRODUCT, "messages": messages, "max_tokens": 256, "temperature": 0.2} | more
        ).encode()
        head = (
            "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n"
            f"Authorization: Bearer {API_KEY}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        missing = REQUEST_BYTES - len(head) - len(body)
        if missing <= 0:
            return head + body
        filler = ("the quick brown fox jumps over the lazy dog " * 40)[: len(filler) + max(1, missing - 1)]
