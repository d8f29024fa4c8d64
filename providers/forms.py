"""Requests that are forms (multipart/form-data): read strictly, and written anew for a vendor. Pure.

What a vendor gets is never the caller's bytes but a form of our own writing, so that no two readers can see
different fields in one body. The syntax is the `multipart` package's (docs/decisions/0021); what is refused
beyond it is refused here.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

import msgspec
from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    content_disposition_quote,
)

from providers.facts import BadRequest

PARTS_MAX: Final = 64
FIELD_BYTES_MAX: Final = 1024 * 1024  # a voice to be recognised stands in a field
NAME_CHARACTERS_MAX: Final = 255  # of a field's or a file's name
_HEADER_BYTES_MAX: Final = 2048  # of one line above a part
_HEADERS_MAX: Final = 4
# What RFC 2046 allows, without the blank. In quotes or not; a second parameter could be a second boundary.
_CONTENT_TYPE: Final = re.compile(
    r"""multipart/form-data; ?boundary=("?)([A-Za-z0-9'()+_,./:=?-]{1,70})\1(; ?charset="?utf-?8"?)?""",
    re.IGNORECASE,
)
_KIND: Final = re.compile(r"[a-z0-9.+-]{1,63}/[a-z0-9.+-]{1,63}")
_PLAIN_ENCODINGS: Final = frozenset({"7bit", "8bit", "binary"})


class Part(msgspec.Struct, frozen=True):
    """A field, or a file: what has a filename."""

    name: str
    data: bytes
    filename: str | None = None
    kind: str | None = None  # of a file: its content type

    @property
    def is_file(self) -> bool:
        return self.filename is not None

    def text(self) -> str:
        """Of a field. Raises BadRequest."""
        try:
            return self.data.decode()
        except UnicodeDecodeError:
            raise BadRequest(
                f"`{self.name}` must be text in UTF-8.",
                f"`{self.name}` 값: UTF-8 텍스트여야 합니다.",
                self.name,
            ) from None


Form = dict[str, list[Part]]  # the parts of each name, in the order of their first


def read_form(content_type: str | None, raw: bytes) -> Form:
    """Raises BadRequest."""
    found = _CONTENT_TYPE.fullmatch(content_type or "")
    if found is None:
        raise BadRequest(
            "Send the request as multipart/form-data with one boundary.",
            "요청을 boundary가 하나인 multipart/form-data로 보내 주세요.",
        )
    boundary = found[2].encode()
    _refuse_what_stands_around(raw, boundary)
    parser = PushMultipartParser(
        boundary,
        content_length=len(raw),
        max_header_size=_HEADER_BYTES_MAX,
        max_header_count=_HEADERS_MAX,
        max_segment_count=PARTS_MAX,
        strict=True,
    )
    form: Form = {}
    try:
        with parser:
            segment: MultipartSegment | None = None
            pieces: list[bytes] = []
            for event in parser.parse(raw):
                if isinstance(event, MultipartSegment):
                    segment, pieces = event, []
                elif event is not None:
                    pieces.append(event)
                elif segment is not None:
                    part = _part(segment, pieces[0] if len(pieces) == 1 else b"".join(pieces))
                    form.setdefault(part.name, []).append(part)
    except ParserLimitReached:
        raise _unreadable(
            "it has too many parts or too long heads", "항목이나 헤더가 너무 많습니다"
        ) from None
    except MultipartError:
        raise _unreadable("it cannot be read", "읽을 수 없습니다") from None
    return form


def write_form(parts: list[Part]) -> bytes:
    """Under a boundary that stands in none of them: the first line of what is returned.

    It is made of what they hold, so that nobody can write it into them beforehand.
    """
    digest = sha256()
    for part in parts:
        digest.update(part.data)
    boundary = b"voucher-gateway-" + digest.hexdigest()[:32].encode()
    pieces = []
    for part in parts:
        head = f"Content-Disposition: form-data; name={content_disposition_quote(part.name)}"
        if part.filename is not None:
            head += f"; filename={content_disposition_quote(part.filename)}"
            head += f"\r\nContent-Type: {part.kind or 'application/octet-stream'}"
        pieces += [b"--", boundary, b"\r\n", head.encode(), b"\r\n\r\n", part.data, b"\r\n"]
    return b"".join([*pieces, b"--", boundary, b"--\r\n"])


def content_type_of(form: bytes) -> str:
    """Of a form that `write_form` wrote."""
    return "multipart/form-data; boundary=" + form[2 : form.index(b"\r\n")].decode("ascii")


def fingerprint(form: Form) -> bytes:
    """Alike for the same parts: an SDK that tries again draws another boundary."""
    digest = sha256()
    for parts in form.values():
        for part in parts:
            for field in (part.name, part.filename or "", part.kind or ""):
                said = field.encode()
                digest.update(b"%d:%b" % (len(said), said))
            digest.update(b"%d:" % len(part.data))
            digest.update(part.data)
    return digest.digest()


def _refuse_what_stands_around(raw: bytes, boundary: bytes) -> None:
    """Nothing may stand before the first boundary or behind the last: some readers would see it."""
    if not raw.startswith(b"--" + boundary + b"\r\n"):
        raise _unreadable("it does not begin with its boundary", "boundary로 시작하지 않습니다")
    ending = b"\r\n--" + boundary + b"--"
    end = raw.find(ending)
    if end >= 0 and raw[end + len(ending) :] not in (b"", b"\r\n"):
        raise _unreadable("something follows its last boundary", "마지막 boundary 뒤에 내용이 있습니다")


def _part(segment: MultipartSegment, data: bytes) -> Part:
    name, filename = segment.name or "", segment.filename
    heads = [head for head, _ in segment.headerlist]
    if len(set(heads)) != len(heads):
        raise _unreadable("a part has the same head line twice", "같은 헤더가 두 번 있습니다")
    if segment.header("Content-Transfer-Encoding", "binary").lower() not in _PLAIN_ENCODINGS:
        raise _unreadable("a part is encoded; send its bytes", "항목이 인코딩되어 있습니다")
    if segment.charset is not None and segment.charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise _unreadable("a part is no UTF-8", "UTF-8이 아닌 항목이 있습니다")
    for said in (name, filename or "-"):
        if not said or len(said) > NAME_CHARACTERS_MAX or not said.isprintable() or "\\" in said:
            raise _unreadable("a part has no name or an odd one", "항목의 이름이 올바르지 않습니다")
    if filename is None and len(data) > FIELD_BYTES_MAX:
        raise _unreadable(f"`{name}` is longer than {FIELD_BYTES_MAX} bytes", f"`{name}` 값이 너무 깁니다")
    kind = segment.content_type
    if filename is None or kind is None or _KIND.fullmatch(kind) is None:
        kind = None
    return Part(name=name, data=data, filename=filename, kind=kind)


def _unreadable(what_en: str, what_ko: str) -> BadRequest:
    return BadRequest(f"The form is not accepted: {what_en}.", f"폼을 처리할 수 없습니다: {what_ko}.")
