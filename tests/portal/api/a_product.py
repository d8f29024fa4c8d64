"""A provider's product, as bodies of requests."""

from __future__ import annotations

from typing import Any, Final

SECRET: Final = "vendor-secret-first-0815"
PRODUCT: Final[dict[str, Any]] = {
    "id": "nuri-draft",
    "scale": "medium",
    "purposes": ["chat"],
    "context_tokens": 32_000,
    "max_output_tokens": 4_096,
    "input_overhead_tokens": 0,
    "data_location": "KR",
    "trains_on_input": False,
    "retention_days": 0,
    "upstream": [
        {"dialect": "openai", "base_url": "https://api.nuri.example/v1", "model": "m", "api_key": SECRET}
    ],
    "prices": [{"from": "2026-01-01T00:00:00+09:00", "input": 1_000, "output": "4000"}],
}
