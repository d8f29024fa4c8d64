"""What callers ask for: a seeded mixture of short and long, streamed and not, broken and left."""

from __future__ import annotations

import json
import random
from typing import Any, Final

from tests.chaos.answers import Wanted
from tests.chaos.setting import CHAT, EMBED

VENDOR_FAULTS: Final = ("cut_after=6", "error_after=6", "http_500", "429", "no_usage", "error_in_200")


def some(dice: random.Random, company: str) -> Wanted:
    lot = dice.random()
    if lot < 0.12:
        return embed(dice, company)
    if lot < 0.20:
        fault = dice.choice(VENDOR_FAULTS)
        return chat(dice, company, tokens=(10, 60), stream=dice.random() < 0.7, fault=fault)
    if lot < 0.28:
        leave = dice.choice((0, 1, 5, 20))
        return chat(dice, company, tokens=(30, 120), stream=True, leave_after=leave)
    if lot < 0.36:
        return chat(dice, company, tokens=(500, 900), stream=True, token_ms=8)
    return chat(dice, company, tokens=(5, 150), stream=dice.random() < 0.6)


def chat(
    dice: random.Random,
    company: str,
    *,
    tokens: tuple[int, int],
    stream: bool = False,
    fault: str | None = None,
    leave_after: int | None = None,
    token_ms: int | None = None,
) -> Wanted:
    count = dice.randint(*tokens)
    text = f"{dice.getrandbits(48):x} [[tokens={count}]]"
    if fault is not None:
        text += f" [[fault:{fault}]]"
    if token_ms is not None:
        text += f" [[token_ms={token_ms}]]"
    body: dict[str, Any] = {"model": CHAT, "messages": [{"role": "user", "content": text}]}
    if dice.random() < 0.5:
        body["max_tokens"] = count * dice.choice((1, 2, 8))
    if stream:
        body["stream"] = True
    kind = "leave" if leave_after is not None else "stream" if stream else "chat"
    return Wanted(company, kind, CHAT, json.dumps(body).encode(), "/v1/chat/completions", leave_after)


def embed(dice: random.Random, company: str) -> Wanted:
    texts = [f"{dice.getrandbits(64):x}" for _ in range(dice.randint(1, 5))]
    body = {"model": EMBED, "input": texts, "dimensions": 8}
    return Wanted(company, "embed", EMBED, json.dumps(body).encode(), "/v1/embeddings")
