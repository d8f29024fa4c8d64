"""Sounds small enough to stand in a test, and forms that carry them."""

from __future__ import annotations

from typing import Final

BOUNDARY: Final = "a-boundary-of-ours"


def wave(seconds: float = 1.0, *, hertz: int = 8_000, bits: int = 16, channels: int = 1) -> bytes:
    """Silence, uncompressed."""
    block = channels * bits // 8
    data = bytes(int(seconds * hertz) * block)
    head = b"".join(
        [
            b"fmt ",
            (16).to_bytes(4, "little"),
            (1).to_bytes(2, "little"),
            channels.to_bytes(2, "little"),
            hertz.to_bytes(4, "little"),
            (hertz * block).to_bytes(4, "little"),
            block.to_bytes(2, "little"),
            bits.to_bytes(2, "little"),
        ]
    )
    chunks = b"WAVE" + head + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(chunks).to_bytes(4, "little") + chunks


def field(name: str, value: str | bytes) -> bytes:
    said = value.encode() if isinstance(value, str) else value
    return b'Content-Disposition: form-data; name="%b"\r\n\r\n%b' % (name.encode(), said)


def file(data: bytes, name: str = "file", filename: str = "a.wav", kind: str = "audio/wav") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: {kind}'
    return head.encode() + b"\r\n\r\n" + data


def form(*parts: bytes, boundary: str = BOUNDARY, ending: bytes = b"\r\n") -> bytes:
    line = b"--" + boundary.encode()
    return b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--" + ending


def form_type(boundary: str = BOUNDARY) -> str:
    return f"multipart/form-data; boundary={boundary}"


def transcription(sound: bytes, boundary: str = BOUNDARY, **fields: str) -> bytes:
    parts = [field(name, value) for name, value in {"model": "x1", **fields}.items()]
    return form(*parts, file(sound), boundary=boundary)
