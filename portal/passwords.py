"""Passwords: argon2id, and the same work for a mail address nobody has, so that time tells nothing.

Hashing takes tens of milliseconds on purpose; callers on an event loop use a thread.
"""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

PASSWORD_CHARACTERS_MIN: Final = 12
PASSWORD_CHARACTERS_MAX: Final = 256

_hasher: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's smallest setting
# A hash nobody knows the password of; verified against where there is no person.
_NOBODY: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$SIg/w5/zOMPRPJAH1mF/5A$LAOZjwKsD10Arjn+jkIwNoyub+LWVX6JB1ai8LKw61A"
)


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """False for a person without a password, after the same work."""
    try:
        _hasher.verify(password_hash if password_hash is not None else _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def weakness(password: str) -> str | None:
    """Why a new password is refused."""
    if not PASSWORD_CHARACTERS_MIN <= len(password) <= PASSWORD_CHARACTERS_MAX:
        return f"a password has {PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX} characters"
    if len(set(password)) < 5:
        return "a password of so few different characters is too easy"
    return None
