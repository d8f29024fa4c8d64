"""What every dialect offers: the port between what vendors and callers say and what the gateway does with it.

A dialect is a wire format: routes, requests, answers, streams, errors. Each has a package of pure modules,
and in it one `Dialect` value that names them; `providers/dialects.py` lists them all. The relay knows this
page and none of the packages.

    request   Operation.read      body, what path and head say -> RequestFacts, or BadRequest
              Operation.encode    the caller's body -> the body for the vendor
              Operation.path      where the vendor wants it, behind its base URL
    answer    Operation.reader    -> Answer: the client's body, usage, the vendor's error inside a 200
    stream    Operation.fold      -> Fold: vendor events in, client frames out, usage at the end
              Operation.assembler -> Assembler: the same events, and one whole answer at the end
    failures  Dialect.read_error  a vendor's answer that is not 2xx -> VendorError
              Dialect.refusal     our own refusal, as a body in the client's words
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from metering.usage import Usage
from providers.errors import VendorError
from providers.facts import Remember, RequestFacts, Spoken
from providers.progress import Listening
from providers.quirks import Quirks

JSON_KIND: Final = "application/json"


class Answer(msgspec.Struct, frozen=True):
    """A whole answer (not streamed)."""

    usage: Usage | None
    body: bytes  # for the client: with the product's id as the model
    upstream_id: str | None = None
    error: VendorError | None = None  # an error object inside a 200, or nothing that can be read
    text_bytes: int = 0  # of generated text: for an estimate where usage is None
    kind: str = JSON_KIND  # the content type of `body`
    units: dict[str, int] = {}  # counted by us in the answer; what `usage` says of units goes before
    units_are_estimated: bool = False
    is_running: bool = False  # the vendor goes on with it, and says more when it is asked again
    container_id: str | None = None  # of the place where the vendor ran code: it may be named again


class Refusal(msgspec.Struct, frozen=True):
    """A refusal of ours, before a dialect gives it its shape."""

    status: int  # of HTTP; inside a stream the one it would have had
    code: str  # the contract's
    message: str  # one sentence, in the caller's language
    openai_type: str
    param: str | None = None
    request_id: str | None = None


class Fold(Listening, Protocol):
    """Vendor events in, client frames out. One per stream.

    The terminal frame is withheld until the call is settled: `terminal` gives it. So is a vendor's error
    event (`error` is set): it is said in the contract's words with `failure`.
    """

    def feed(self, event: bytes) -> bytes:
        """One whole event of the vendor -> what goes to the client now, perhaps nothing."""

    def owed_frames(self) -> bytes:
        """After a whole stream: what the client asked for and the vendor did not send."""

    def graceful_end(self, usage: Usage | None) -> bytes:
        """The balance has ended: the client's own frames for length, up to the terminal one."""

    def terminal(self) -> bytes:
        """What ends the stream for the client: the vendor's own last frame, or after `graceful_end` ours."""

    def comment(self, text: bytes) -> bytes:
        """The frame that tells the charge, directly before the terminal one; b"" where none can stand."""

    def failure(self, refusal: Refusal) -> bytes:
        """The dialect's error inside a stream that has begun, and the end of it."""


class Assembler(Listening, Protocol):
    """The same events, for a caller who asked for no stream where the gateway asked for one."""

    def feed(self, event: bytes) -> None: ...

    def answer(self, usage: Usage | None = None) -> bytes:
        """As the vendor would have given it whole. `usage` is used where the vendor said none."""

    def graceful_end(self, usage: Usage | None) -> bytes:
        """The same where the gateway ended the stream: by length."""


class Splitter(Protocol):
    """Cuts what the network brings into whole events."""

    def feed(self, chunk: bytes) -> list[bytes]: ...

    def flush(self) -> bytes:
        """The unterminated last event at the end of the stream; b"" when there is none."""


class Read(Protocol):
    def __call__(self, body: dict[str, Any], body_bytes: int, spoken: Spoken, /) -> RequestFacts:
        """Raises BadRequest."""


class Encode(Protocol):
    def __call__(
        self,
        body: dict[str, Any],
        *,
        facts: RequestFacts,
        upstream_model: str,
        stream: bool,
        output_limit: int | None,
        quirks: Quirks,
    ) -> bytes:
        """`output_limit` is per choice and only ever lowers the caller's own. Raises BadRequest."""


class ReadAnswer(Protocol):
    def __call__(self, body: bytes, /, *, product_id: str, quirks: Quirks) -> Answer: ...


class ReadMedia(Protocol):
    def __call__(
        self, body: bytes, /, *, kind: str, facts: RequestFacts, product_id: str, quirks: Quirks
    ) -> Answer:
        """`kind` is the content type the vendor says, in small letters."""


class StoredRoute(msgspec.Struct, frozen=True):
    """A route on something that a vendor stores, by the vendor's id. Free of charge."""

    kind: str  # which StoredKind
    vendor_id: str
    deed: str  # read | delete | cancel | list
    method: str  # here and at the vendor
    path: str  # at the vendor, behind its base URL, without the query
    name: str  # for labels: of few values, whatever callers ask for


class StoredQuery(msgspec.Struct, frozen=True):
    """What of a client's query goes to the vendor."""

    text: str  # with its question mark, where there is any
    streams: bool = False


@dataclass(frozen=True, slots=True)
class StoredKind:
    """One kind of things that vendors store: how they are asked for, and what they say of themselves."""

    name: str  # "response", "file", ...
    find: Callable[[str], Mapping[str, StoredRoute]]  # path of the client -> routes by method, perhaps none
    query: Callable[[str, bytes], StoredQuery]  # (deed, the client's query). Raises BadRequest
    read_path: Callable[[str], str]  # the vendor's id -> path, behind its base URL
    cancel_path: Callable[[str], str]
    answer: ReadAnswer  # of every deed
    fold: Callable[[str], Fold]  # (product id), where it is read as a stream
    item_ids: Callable[[bytes], frozenset[str]] = lambda body: frozenset()  # of what was read of it


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a dialect's routes do."""

    name: str  # "chat", "embeddings", ...: unique in its dialect; a part of an Idempotency-Key's scope
    read: Read
    encode: Encode
    path: Callable[[str, bool], str]  # (the vendor's model, stream) -> path and query, behind the base URL
    answer: ReadAnswer
    fold: Callable[[str, RequestFacts, Quirks], Fold] | None = None  # None: it has no streams
    assembler: Callable[[str, RequestFacts, Quirks], Assembler] | None = None
    answer_to: Callable[[RequestFacts], ReadAnswer] | None = None  # `answer`, where the request decides it
    needs_limit: bool = False  # the vendor takes no request without an output limit
    has_limit: bool = True  # the output can be limited: by a field, or by ending the stream
    reads_form: bool = False  # the request is a form (providers/forms.py), its body one of parts by name
    content_type: Callable[[bytes], str] | None = None  # of an encoded body that is no JSON
    media: ReadMedia | None = None  # instead of `answer`: what only request and content type explain
    stored: StoredKind | None = None  # what the vendor may keep of it
    counts_in_streams: bool = False  # tokens are reported in a stream and nowhere else
    remember: Remember | None = None  # answers repeat their request, which the vendor's own cannot

    def reader(self, facts: RequestFacts) -> ReadAnswer:
        return self.answer if self.answer_to is None else self.answer_to(facts)


class Found(msgspec.Struct, frozen=True):
    """A costly route, and what it says of the request."""

    operation: Operation
    spoken: Spoken
    name: str  # for labels: of few values, whatever callers ask for


class Outgoing(msgspec.Struct, frozen=True):
    """One call to a vendor as it goes out, for a credential that signs it."""

    method: str
    host: str  # as in its Host line
    path: str  # as in its first line
    body: bytes
    now_s: float


@dataclass(frozen=True, slots=True)
class Dialect:
    name: str  # as in the declarative file and in usage records
    find: Callable[[str, bytes, Mapping[bytes, bytes]], Found | None]  # (path, query, headers of the client)
    credential: Callable[[str], list[str]]  # a vendor's API key -> head lines, the same for every call
    read_error: Callable[[int, bytes], VendorError]
    refusal: Callable[[Refusal], bytes]
    make_splitter: Callable[[int], Splitter]  # (most bytes of one event)
    request_id_header: str = "X-Request-Id"  # under which the vendor is told ours
    upstream_id_headers: tuple[str, ...] = ("x-request-id", "request-id")  # and says its own
    head_lines: tuple[str, ...] = ()  # that the vendor wants with every call
    relayed_headers: frozenset[bytes] = frozenset()  # of the caller's, to the vendor
    accept_stream: str = "text/event-stream"
    sign: Callable[[str, Outgoing], list[str]] | None = None  # API key, call -> head lines of that call alone
    # What the head of an answer that is not 2xx says of the error, beside its body.
    read_error_head: Callable[[VendorError, Mapping[str, str]], VendorError] | None = None
