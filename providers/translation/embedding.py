"""What a call for embeddings says, in no dialect's words, and what a dialect offers to translation. Pure.

Small beside a chat: texts go there, vectors come back. A dialect's sides stand in its `embed.py`, and a pair
is made of one of each (`embedding_pair.py`):

    the caller's dialect   hear        its request -> Embedding
                           say         vectors and their count -> its answer
    the vendor's dialect   ask         Embedding -> its request
                           understand  its answer -> Vectors

What a vendor's dialect has words for stands beside its `ask`, so that the pair refuses the rest by the name
that the caller knows. Vectors are always asked for as numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from metering.usage import Usage
from providers.dialect import Operation
from providers.errors import VendorError
from providers.quirks import Quirks

# What the texts are for, as far as more than one dialect can say it.
Purpose = Literal["document", "query", "classification", "clustering"]


class Embedding(msgspec.Struct, frozen=True):
    """A request. None: the caller did not say."""

    texts: tuple[str, ...]
    dimensions: int | None = None
    purpose: Purpose | None = None


class Vectors(msgspec.Struct, frozen=True):
    """An answer, as the vendor gave it: whatever stands in `vectors`."""

    vectors: Any
    usage: Usage | None
    error: VendorError | None = None
    upstream_id: str | None = None


class Told(msgspec.Struct, frozen=True):
    """An answer for the caller: one vector for each text, in their order."""

    vectors: list[list[float]]
    usage: Usage | None
    product_id: str
    packed: bool  # the caller wants them in base64, where its dialect has that


class Names(msgspec.Struct, frozen=True):
    """Of fields, as the caller knows them: a refusal names what was said."""

    texts: str
    dimensions: str = ""
    purpose: str = ""


@dataclass(frozen=True, kw_only=True)
class EmbeddingCaller:
    dialect: str
    operation: Operation
    names: Names
    hear: Callable[[dict[str, Any], str], Embedding]  # (body, the vendor's dialect). Raises BadRequest
    say: Callable[[Told], dict[str, Any] | None]  # None: a number is too large for the caller's form


@dataclass(frozen=True, kw_only=True)
class EmbeddingVendor:
    dialect: str
    path: Callable[[str, bool], str]  # as an Operation's
    ask: Callable[[Embedding, str], dict[str, Any]]  # (what is asked, the vendor's model)
    understand: Callable[[dict[str, Any], Quirks], Vectors]
    purposes: Mapping[Purpose, str] = field(default_factory=dict, hash=False)  # its words for them
    has_dimensions: bool = True  # how long a vector is to be can be said
    takes_many: bool = True  # texts in one call
