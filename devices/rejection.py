"""Refusal by value: what a decoder or parser returns, instead of an exception, for input that it will not take."""

from __future__ import annotations

import msgspec


class Rejection(msgspec.Struct, frozen=True):
    """Why some input from outside was not taken.

    Attributes:
        reason: one of a small fixed set of words, in `snake_case`; rejections are counted by it, so it never
            contains anything that the sender chose.
        detail: a short sentence for a technician, safe to print: what was wrong and what to do.
    """

    reason: str
    detail: str = ""
