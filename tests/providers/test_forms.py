"""Forms: what is read is what every reader sees, what is odd is refused, what is written is read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.facts import BadRequest
from providers.forms import (
    FIELD_BYTES_MAX,
    PARTS_MAX,
    Part,
    content_type_of,
    fingerprint,
    read_form,
    write_form,
)
from tests.fakes.sounds import BOUNDARY, field, file, form, form_type

HELLO = field("a", "hello")
GOOD = form(HELLO)

TYPES = [
    f"multipart/form-data; boundary={BOUNDARY}",
    f"multipart/form-data;boundary={BOUNDARY}",
    f'Multipart/Form-Data; Boundary="{BOUNDARY}"',
    f"multipart/form-data; boundary={BOUNDARY}; charset=utf-8",
]


@pytest.mark.parametrize("content_type", TYPES)
def test_a_form_is_read(content_type: str) -> None:
    assert read_form(content_type, GOOD) == {"a": [Part(name="a", data=b"hello")]}


BAD_TYPES = [
    None,
    "",
    "application/json",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/mixed; boundary=" + BOUNDARY,
    f"multipart/form-data; boundary={BOUNDARY}; boundary=other",
    f"multipart/form-data; boundary=other; boundary={BOUNDARY}",
    f'multipart/form-data; boundary="{BOUNDARY}',
    f'multipart/form-data; boundary="{BOUNDARY}\\""',
    f"multipart/form-data; boundary*=utf-8''{BOUNDARY}",
    f"multipart/form-data; boundary={BOUNDARY}; charset=utf-16",
    "multipart/form-data; boundary=" + "x" * 71,
    f"multipart/form-data; boundary={BOUNDARY}, multipart/form-data; boundary=b",
]


@pytest.mark.parametrize("content_type", BAD_TYPES)
def test_a_form_whose_boundary_is_not_plain(content_type: str | None) -> None:
    with pytest.raises(BadRequest, match="with one boundary"):
        read_form(content_type, GOOD)


LINE = b"--" + BOUNDARY.encode()
HEAD = b"Content-Disposition: form-data; name="
ODD_BODIES = {
    "nothing": b"",
    "no parts": LINE + b"--\r\n--" + BOUNDARY.encode() + b"--x",
    "no end": GOOD.removesuffix(b"--\r\n"),
    "cut in the head": LINE + b"\r\nContent-Dispos",
    "text before": b"hello\r\n" + GOOD,
    "text behind": GOOD + b"hello",
    "a second form behind": GOOD + GOOD,
    "line feeds alone": GOOD.replace(b"\r\n", b"\n"),
    "no name": form(b"Content-Disposition: form-data\r\n\r\nx"),
    "an empty name": form(HEAD + b'""\r\n\r\nx'),
    "no disposition": form(b"Content-Type: text/plain\r\n\r\nx"),
    "another disposition": form(b'Content-Disposition: attachment; name="a"\r\n\r\nx'),
    "two dispositions": form(HEAD + b'"a"\r\n' + HEAD + b'"b"\r\n\r\nx'),
    "two types": form(HEAD + b'"a"\r\nContent-Type: a/b\r\ncontent-type: c/d\r\n\r\nx'),
    "base64": form(HEAD + b'"a"\r\nContent-Transfer-Encoding: base64\r\n\r\nx'),
    "a folded head": form(HEAD + b'"a";\r\n filename="b"\r\n\r\nx'),
    "a line end in a name": form(HEAD + b'"a%0D%0Ab"\r\n\r\nx'),
    "a backslash in a name": form(HEAD + b'"a\\b"\r\n\r\nx'),
    "a long name": form(HEAD + b'"' + b"a" * 256 + b'"\r\n\r\nx'),
    "a long head": form(HEAD + b'"a"\r\nX-Long: ' + b"a" * 3000 + b"\r\n\r\nx"),
    "many heads": form(HEAD + b'"a"' + b"".join(b"\r\nX-%d: a" % n for n in range(5)) + b"\r\n\r\nx"),
    "another charset": form(HEAD + b'"a"\r\nContent-Type: text/plain; charset=utf-16\r\n\r\nx'),
    "a head that is no UTF-8": form(HEAD + b'"\xff"\r\n\r\nx'),
    "a long field": form(field("a", b"x" * (FIELD_BYTES_MAX + 1))),
    "many parts": form(*[field(f"a{n}", "x") for n in range(PARTS_MAX + 1)]),
    "a length that is wrong": form(HEAD + b'"a"\r\nContent-Length: 2\r\n\r\nx'),
}


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES.keys())
def test_a_form_that_is_odd(body: bytes) -> None:
    with pytest.raises(BadRequest, match="The form is not accepted"):
        read_form(form_type(), body)


def test_the_most_a_form_may_hold() -> None:
    assert len(read_form(form_type(), form(*[field(f"a{n}", "x") for n in range(PARTS_MAX)]))) == PARTS_MAX
    read_form(form_type(), form(field("a", b"x" * FIELD_BYTES_MAX)))
    read_form(form_type(), form(file(b"x" * (FIELD_BYTES_MAX + 1))))


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("audio/wav", "audio/wav"), ("AUDIO/WAV; a=b", "audio/wav"), ("é", None), ("a b/c", None)],
)
def test_the_kind_of_a_file(kind: str, kept: str | None) -> None:
    (part,) = read_form(form_type(), form(file(b"x", kind=kind)))["file"]
    assert (part.kind, part.filename) == (kept, "a.wav")
    assert b"Content-Type: " + (kept or "application/octet-stream").encode() in write_form([part])


names = st.text('ab[]"=; é값', min_size=1, max_size=8)
values = st.binary(max_size=50) | st.sampled_from([b"\r\n--voucher-gateway-", b"--", b"\r\n"])
fields = st.builds(Part, name=names, data=values)
files = st.builds(Part, name=names, data=values, filename=names, kind=st.just("audio/wav"))


@given(st.lists(fields | files, min_size=1, max_size=5))
def test_what_is_written_is_read_again(parts: list[Part]) -> None:
    written = write_form(parts)
    read = read_form(content_type_of(written), written)
    order = [part.name for part in parts]
    assert [part for given in read.values() for part in given] == sorted(
        parts, key=lambda part: order.index(part.name)
    )


@given(st.binary(max_size=300), st.sampled_from([b"", GOOD[:-6], LINE, LINE + b"\r\n" + HEAD]))
def test_whatever_comes_is_read_or_refused(tail: bytes, head: bytes) -> None:
    for body in (head + tail, head + tail + b"\r\n" + LINE + b"--\r\n"):
        try:
            form_read = read_form(form_type(), body)
        except BadRequest:
            continue
        written = write_form([part for parts in form_read.values() for part in parts])
        assert fingerprint(read_form(content_type_of(written), written)) == fingerprint(form_read)


def test_a_fingerprint_is_of_the_parts_alone() -> None:
    one = read_form(form_type("b1"), form(HELLO, file(b"x"), boundary="b1"))
    same = read_form(form_type("b2"), form(HELLO, file(b"x"), boundary="b2"))
    others = [
        form(HELLO, file(b"y")),
        form(HELLO, file(b"x", "files")),
        form(HELLO, file(b"x", filename="b.wav")),
        form(HELLO, file(b"x", kind="audio/mpeg")),
        form(field("a", "hell"), field("o", ""), file(b"x")),
        form(HELLO, HELLO, file(b"x")),
    ]
    assert fingerprint(one) == fingerprint(same)
    assert len({fingerprint(one), *(fingerprint(read_form(form_type(), body)) for body in others)}) == 7
