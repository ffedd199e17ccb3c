"""Where somebody was going who must log in first: kept in their browser for a while, and gone to after the log-in."""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

AFTER_COOKIE: Final = "llar_after"
AFTER_S: Final = 1_800
_COME_BACK_TO: Final = re.compile(r"/c/invite/[A-Za-z0-9_-]{1,64}")
"""Only to invitations: no other page asks who is logged out to log in for its sake."""


def come_back(response: Response, path: str, *, secure: bool) -> None:
    """Notes in the browser where somebody was going who must log in first."""
    if not _COME_BACK_TO.fullmatch(path):
        return
    response.set_cookie(AFTER_COOKIE, path, AFTER_S, httponly=True, secure=secure, samesite="strict")


def has_come_back(response: Response) -> None:
    """They are where they were going."""
    response.delete_cookie(AFTER_COOKIE, path="/")


def way_back(request: Request) -> str:
    """Where somebody was going who has logged in; "/" for nowhere in particular."""
    path = request.cookies.get(AFTER_COOKIE, "")
    return path if _COME_BACK_TO.fullmatch(path) else "/"
