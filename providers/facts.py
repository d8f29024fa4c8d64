"""A request as the meter and the router see it: facts, nothing of what it says. Alike for every dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

CHOICES_MAX: Final = 128
TOKENS_LIMIT_MAX: Final = 100_000_000
# Vendors count tiles, not bytes. The dearest small picture known: one tile of a small OpenAI model.
IMAGE_TOKENS_MIN: Final = 8_500


class BadRequest(Exception):
    """A request that cannot be metered as it stands. Both messages are one sentence that says what to do."""

    def __init__(self, message_en: str, message_ko: str, param: str | None = None) -> None:
        super().__init__(message_en)
        self.message_en = message_en
        self.message_ko = message_ko
        self.param = param


class Spoken(msgspec.Struct, frozen=True):
    """What a request says beside its body, in its path, query and head. None: the body says it."""

    model: str | None = None
    stream: bool | None = None
    as_array: bool = False  # streamed as one JSON array


IN_BODY: Final = Spoken()


class RequestFacts(msgspec.Struct, frozen=True):
    """What metering and routing need to know of a request. Nothing of what it says."""

    purpose: str  # chat | completion | embedding | ...: the product must serve it
    model: str
    body_bytes: int
    stream: bool = False
    include_usage: bool = False  # the caller wants to see the usage of a stream
    n: int = 1
    output_limit: int | None = None  # per choice
    takes_whole_context: bool = False
    parts: int = 0  # tools, pictures, sounds, documents to be ranked
    image_allowance_tokens: int = 0  # what small pictures may cost beyond their bytes
    inputs: int = 1  # texts of an embeddings call, documents of a rerank: each may fill the context
    as_array: bool = False
    packed: bool = False  # vectors in base64
    searches_max: int = 0  # of the vendor's own tools, or of a rerank; each with a price
    searches_estimate: int = 0  # of a rerank, where the vendor does not say
    repeated_bytes: int = 0  # that the vendor reads again: query and instruction, with each document
    include_thoughts: bool = True  # a caller of another dialect than the vendor's gets what is thought aloud
    is_free: bool = False  # the vendor bills nothing for it: counting
    stores: bool = False  # the vendor keeps what it answers, under an id of its own
    background: bool = False  # it goes on at the vendor after the answer
    follows: str | None = None  # the vendor's id of what it goes on from
    approves: tuple[str, ...] = ()  # items of that
    container_id: str | None = None  # the vendor's id of where it is to run code
    lines: int = 0  # of a batch
    files: tuple[str, ...] = ()  # that it names by a vendor's id
    images: int = 0  # asked for
    picture_tokens: int = 0  # of each of them, where its size and quality say so; 0: nobody knows
    characters: int = 0  # of the text to be spoken, exactly
    seconds_max: int = 0  # of the sound that was sent
    seconds_estimate: int = 0  # the same, where the vendor does not say
    input_estimate_tokens: int | None = None  # where the body's bytes are no measure of it
    service_tier: str | None = None  # asked for by name (service_tiers.py); None: the vendor chooses
    answer_kind: str = ""  # the content type the caller expects of a whole answer that is no JSON
    op: str = ""  # of a translated call: its answer is known by that where its vendor gives it no id
    began_s: int = 0  # and by that moment, where it says none
    repeats: bytes = b""  # what an answer says again of its request (JSON), where its vendor cannot

    @property
    def units_max(self) -> dict[str, int]:
        return {
            "images": self.images,
            "seconds": self.seconds_max,
            "characters": self.characters,
            "searches": self.searches_max,
        }

    @property
    def units_estimate(self) -> dict[str, int]:
        """Of what was sent: it is billed, whatever is answered."""
        known = {
            "seconds": self.seconds_estimate,
            "characters": self.characters,
            "searches": self.searches_estimate,
        }
        return {name: count for name, count in known.items() if count}


# (facts, the caller's body, the call's id, when it began in s) -> facts with what an answer tells of them
Remember = Callable[[RequestFacts, dict[str, Any], str, int], RequestFacts]


def bad(param: str, en: str, ko: str) -> BadRequest:
    """`param` is a field of the body; the rest is what it must be."""
    return BadRequest(f"`{param}` {en}.", f"`{param}` 값: {ko}.", param)


def not_followed() -> BadRequest:
    """Only the vendor that has kept an answer goes on from it."""
    name = "previous_response_id"
    return BadRequest(
        f"`{name}` cannot be used with this product, whose answers are not kept; "
        "send the items of the conversation in `input`.",
        f"`{name}`: 이 상품의 응답은 보관되지 않습니다. 대화의 항목을 `input`에 직접 담아 주세요.",
        name,
    )


def model_of(body: dict[str, Any]) -> str:
    model = body.get("model")
    if type(model) is not str or not model:
        raise bad("model", "must name a product", "상품 이름이어야 합니다")
    return model


def flag(body: dict[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and type(value) is not bool:
        raise bad(name, "must be true or false", "true 또는 false여야 합니다")
    return value is True


def tokens_limit(body: dict[str, Any], name: str) -> int | None:
    """A limit of tokens the caller set, or None."""
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= TOKENS_LIMIT_MAX:
        raise bad(name, "must be a positive integer", "1 이상의 정수여야 합니다")
    return value


def number(body: dict[str, Any], name: str) -> float | None:
    value = body.get(name)
    if value is not None and type(value) not in (int, float):
        raise bad(name, "must be a number", "숫자여야 합니다")
    return value


def integer(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is not None and type(value) is not int:
        raise bad(name, "must be an integer", "정수여야 합니다")
    return value


def text(said: dict[str, Any], name: str, where: str = "") -> str | None:
    value = said.get(name)
    if value is not None and type(value) is not str:
        raise bad(where + name, "must be a text", "텍스트여야 합니다")
    return value


def flag_or_none(said: dict[str, Any], name: str, where: str = "") -> bool | None:
    """As `flag`, where saying false is more than saying nothing."""
    value = said.get(name)
    if value is not None and type(value) is not bool:
        raise bad(where + name, "must be true or false", "true 또는 false여야 합니다")
    return value


def read_messages(
    messages: list[Any], read_part: Callable[[Any], tuple[int, int, bool]]
) -> tuple[int, int, bool]:
    """(parts, image allowance, takes the whole context) of a chat; `read_part` says the same of one part."""
    parts = allowance = 0
    whole = False
    for message in messages:
        if type(message) is not dict:
            raise bad("messages", "must hold objects only", "객체만 담아야 합니다")
        content = message.get("content")
        if type(content) is list:
            for part in content:
                counted, allowed, unbounded = read_part(part)
                parts += counted
                allowance += allowed
                whole = whole or unbounded
        elif content is not None and type(content) is not str:
            raise bad("messages", "must have text or parts as content", "content 형식이 다릅니다")
    return parts, allowance, whole
