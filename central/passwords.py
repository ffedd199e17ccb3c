"""Passwords as they are kept: Argon2id with its salt and cost. For the console and for what brings accounts in."""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher

HASHER: Final = PasswordHasher()


def hash_password(password: str) -> str:
    """An Argon2id hash with its salt and cost."""
    return HASHER.hash(password)
