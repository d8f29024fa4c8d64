"""Whose calls for embeddings are made by whom. A dialect that is not listed has none."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from providers.dialect import Operation
from providers.translation.clova import embed as clova
from providers.translation.cohere import embed as cohere
from providers.translation.embedding import EmbeddingCaller, EmbeddingVendor
from providers.translation.embedding_pair import embedding_pair
from providers.translation.gemini import embed as gemini
from providers.translation.ollama import embed as ollama
from providers.translation.openai import embed as openai

CALLERS: Final[Mapping[tuple[str, str], EmbeddingCaller]] = MappingProxyType(
    {
        (caller.dialect, caller.operation.name): caller
        for caller in (openai.CALLER, gemini.CALLER, gemini.BATCH_CALLER, clova.CALLER)
    }
)

VENDORS: Final[Mapping[str, EmbeddingVendor]] = MappingProxyType(
    {
        vendor.dialect: vendor
        for vendor in (openai.VENDOR, gemini.VENDOR, clova.VENDOR, cohere.VENDOR, ollama.VENDOR)
    }
)


def embeddings_for(dialect: str, operation: Operation, vendor_dialect: str) -> Operation | None:
    """None where the operation makes no embeddings, or the vendor's dialect has none."""
    caller, vendor = CALLERS.get((dialect, operation.name)), VENDORS.get(vendor_dialect)
    if caller is None or vendor is None or caller.operation is not operation:
        return None
    return embedding_pair(caller, vendor)
