"""What ends a command with exit code 2 (bad input, an environment that cannot carry it) or 1 (findings)."""

from __future__ import annotations


class Refused(Exception):
    """The text is one clear sentence for the person at the terminal, who can do something about it."""


class DiedStarting(Refused):
    """It ended while starting, killed or without a word of refusal: another start is worth it."""


class Findings(Exception):
    """Exit code 1; the text is for standard output."""
