"""Embeddings: the same request in every caller's words, the same answer in every vendor's."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson

from providers.clova import dialect as clova
from providers.dialect import Answer, Operation
from providers.facts import IN_BODY, Spoken
from providers.gemini import dialect as gemini
from providers.openai import dialect as openai
from providers.quirks import NO_QUIRKS
from providers.translation.sides import operation_for

VENDORS: Final = ("openai", "gemini", "clova", "cohere", "ollama")
CALLERS: Final[dict[str, Operation]] = {
    "openai": openai.EMBEDDINGS,
    "gemini": gemini.EMBED,
    "gemini batch": gemini.BATCH_EMBED,
    "clova": clova.EMBEDDINGS,
}
BATCHES: Final = ("openai", "gemini batch")  # of several texts
PAIRS: Final = [(c, v) for c in CALLERS for v in VENDORS if c.split()[0] != v]

WHOLE: Final = [[0.5, -1.0], [2, 0.25]]


def request(caller: str, *texts: str, **more: Any) -> dict[str, Any]:
    """`more`: fields of the body, or of each request of a batch."""
    match caller:
        case "openai":
            return {"model": "p", "input": texts[0] if len(texts) == 1 else list(texts), **more}
        case "gemini":
            return {"content": {"parts": [{"text": texts[0]}]}, **more}
        case "gemini batch":
            return {"requests": [request("gemini", text, **more) for text in texts]}
    return {"text": texts[0], **more}


def made_by(caller: str, vendor: str) -> Operation:
    made = operation_for(caller.split()[0], CALLERS[caller], vendor)
    assert made is not None
    return made


def spoken(caller: str) -> Spoken:
    return IN_BODY if caller == "openai" else Spoken(model="p")


def asked(caller: str, vendor: str, body: dict[str, Any]) -> dict[str, Any]:
    made = made_by(caller, vendor)
    written = made.encode(
        body,
        facts=made.read(body, 100, spoken(caller)),
        upstream_model="m",
        stream=False,
        output_limit=None,
        quirks=NO_QUIRKS,
    )
    said: dict[str, Any] = json.loads(written)
    return said


def said(vendor: str, vectors: list[Any], count: int | None = 4) -> dict[str, Any]:
    """An answer of the vendor's."""
    match vendor:
        case "openai":
            data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]
            usage = {} if count is None else {"usage": {"prompt_tokens": count, "total_tokens": count}}
            return {"id": "e1", "object": "list", "data": data, "model": "m", **usage}
        case "gemini":
            counted = {} if count is None else {"usageMetadata": {"promptTokenCount": count}}
            return {"embeddings": [{"values": vector} for vector in vectors], **counted}
        case "clova":
            told = {} if count is None else {"inputTokens": count}
            ok = {"code": "20000", "message": "OK"}
            return {"status": ok, "result": {"embedding": vectors[0] if vectors else None, **told}}
        case "cohere":
            meta = {} if count is None else {"billed_units": {"input_tokens": count}}
            return {"id": "e1", "embeddings": {"float": vectors}, "meta": meta}
    return {"model": "m", "embeddings": vectors, **({} if count is None else {"prompt_eval_count": count})}


def read(caller: str, vendor: str, answer: Any, body: dict[str, Any]) -> Answer:
    made = made_by(caller, vendor)
    assert made.answer_to is not None
    facts = made.read(body, 100, spoken(caller))
    answer = answer if type(answer) is bytes else orjson.dumps(answer)
    return made.answer_to(facts)(answer, product_id="p", quirks=NO_QUIRKS)
