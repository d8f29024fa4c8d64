"""Recorded requests that are refused here: the field in which each names what its vendor keeps."""

from __future__ import annotations

from typing import Final

# Files.
ANTHROPIC: Final = {
    "anthropic.messages.anthropic.unary.04cb43f238": "messages",
    "anthropic.messages.anthropic.unary.0a27579583": "messages",
    "anthropic.messages.anthropic.unary.65f0f3c74e": "messages",
    "anthropic.messages.anthropic.unary.77b8bf5d64": "messages",
    "anthropic.messages.anthropic.unary.83414594a6": "messages",
    "anthropic.messages.anthropic.unary.cf9796ad45": "messages",
    "anthropic.messages.anthropic.unary.e5f09c9fa4": "messages",
    "anthropic.messages.anthropic.unary.ec56c21c2e": "messages",
}
# Files and file search stores.
GEMINI: Final = {
    "gemini.generate.google.stream.917285d439": "tools",
    "gemini.generate.google.unary.1f4aa5ef10": "contents",
    "gemini.generate.google.unary.29d1329ce4": "tools",
    "gemini.generate.google.unary.639d62130c": "contents",
    "gemini.generate.google.unary.7512576576": "tools",
    "gemini.generate.google.unary.855d0275e1": "contents",
    "gemini.generate.google.unary.8bf75b6fc3": "contents",
    "gemini.generate.google.unary.a1e6aff55d": "contents",
    "gemini.generate.google.unary.e53266462e": "contents",
    "gemini.generate.google.unary.e71caac3f1": "contents",
    "gemini.generate.google.unary.e8a4dafecf": "contents",
    "gemini.generate.google.unary.fb4062b883": "contents",
}
