"""Who may use the console: passwords, sessions, lock-out, and the refusal of requests made by other sites.

A session is a random token in a cookie that scripts cannot read and other sites cannot send; the database keeps only
its hash. Every request that changes something must come from this very site (`Origin`, `Sec-Fetch-Site`) and, inside
a session, carry that session's form token.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import logging
import secrets
import threading
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Annotated, Final
from urllib.parse import urlsplit

from argon2.exceptions import InvalidHashError, VerificationError
from fastapi import Depends, Request
from sqlalchemy import Connection
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from central import passwords
from central.access_rules import TABLE, Action, Place, Resource, Role, Rule, Who, decide
from central.audit import origin_of
from central.console.limits import bounded, declared_too_large
from central.console.problem import Problem
from central.storage import accounts, people
from central.storage.database import Database
from central.storage.people import Operator
from central.storage.reach import homes_of_resident
from central.texts import LANGUAGES, later, translator

log = logging.getLogger(__name__)

SESSION_S: Final = 12 * 3600.0
"""Longest session: a shift with its hand-over."""
CARER_SESSION_S: Final = 90 * 86_400.0
"""A carer's telephone stays logged in, idle or not: an alarm at night is no time for a password. What it shows is
little, and every log-in can be ended from another one."""
IDLE_S: Final = 30 * 60.0
"""A session whose console has been closed that long without logging out is over; an open console keeps it alive."""
SEEN_EVERY_S: Final = 60.0
"""How finely use is noted: once a minute costs the database nothing."""
FAILURES_MAX: Final = 5
LOCK_S: Final = 5 * 60.0
"""Five guesses in five minutes make a dictionary useless, and a forgetful operator loses little."""
CODE_S: Final = 5 * 60.0
"""How long the second factor may follow the password."""
PASSWORD_MIN: Final = 10
PASSWORD_MAX: Final = 200
"""Longest password taken: hashing is paid by length."""
HASHING_AT_ONCE: Final = 2
"""Argon2 takes 64 MiB and a core each time: a flood of log-ins must not take the desk's machine."""
HASHING_WAITING: Final = 8
"""Log-ins that may wait for their turn; more are sent away, so that they do not hold the threads that serve alarms."""
SESSION_COOKIE: Final = "llar_session"
FORM_COOKIE: Final = "llar_form"
LANGUAGE_COOKIE: Final = "llar_language"

TOO_LARGE: Final = later("This is too large to be taken.")
OTHER_SITE: Final = later("The request came from another site.")

HASHER: Final = passwords.HASHER
hash_password: Final = passwords.hash_password
_turns = threading.BoundedSemaphore(HASHING_AT_ONCE)
_places = threading.BoundedSemaphore(HASHING_AT_ONCE + HASHING_WAITING)


@functools.cache
def _nobodys_hash() -> str:
    """Checked when the name is unknown, so that the time taken tells nothing."""
    return HASHER.hash(secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class Seat:
    """Who is asking, within which session, and about what.

    Attributes:
        session: the hash of its token.
        who: as the rules of access see them.
        place: what this request is about, once `central.console.rights` has let it through; None for no home.
        opened: why the home of `place` stands open to them although it is beyond their reach.
    """

    operator: Operator
    session: str
    form_token: str
    expires_at: float
    who: Who
    place: Place | None = None
    opened: str = ""

    def may(self, resource: str, action: str) -> bool:
        """Whether they may do this too, with what the request is about: to leave out what they may not see."""
        wanted = Resource(resource), Action(action)
        return decide(self.who, *wanted, self.place, opened=self.opened != "").granted


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """Why a log-in failed: "wrong", "locked" (until when), "disabled", "busy" (too many at once; nothing counted)."""

    reason: str
    locked_until_at: float = 0.0


def token_hash(token: str) -> str:
    """What the database keeps of a session's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def form_token(token: str) -> str:
    """The token that forms and scripts of a session must carry; known to its own pages only."""
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()


def log_in(
    database: Database, name: str, password: str, now: float, *, address: str = "", browser: str = ""
) -> tuple[str, Operator] | LoginRefused:
    """Checks a password and begins a session; gives its token. Counts failures and locks after too many.

    Where the account has a second factor, the session opens nothing until `second_factor` has let it.
    """
    if not _places.acquire(blocking=False):
        return LoginRefused("busy")
    try:
        return _log_in(database, name, password, now, origin_of(address), browser_of(browser))
    finally:
        _places.release()


def _log_in(
    database: Database, name: str, password: str, now: float, origin: str, browser: str
) -> tuple[str, Operator] | LoginRefused:
    with database.read() as conn:
        operator = people.operator(conn, name)
    if operator is not None and operator.locked_until_at > now:
        return LoginRefused("locked", operator.locked_until_at)
    nobodys = _nobodys_hash()
    if not _matches(nobodys if operator is None else operator.password_hash, password) or operator is None:
        return count_failure(database, operator, now)
    if operator.disabled:
        return LoginRefused("disabled")
    token = secrets.token_urlsafe(32)
    with database.begin() as conn:
        people.clear_failed_logins(conn, operator.id)
        if HASHER.check_needs_rehash(operator.password_hash):
            people.set_password(conn, operator.id, HASHER.hash(password))
        kind, lasts_s = ("code", CODE_S) if operator.totp_sealed else ("full", session_s(operator))
        people.start_session(
            conn, token_hash(token), operator.id, now, now + lasts_s, kind=kind, origin=origin, browser=browser
        )
    log.info("operator %s %s", operator.id, "logged in" if kind == "full" else "gave the right password")
    return token, operator


def seat_of(database: Database, token: str, now: float, kind: str = "full") -> Seat | None:
    """The seat that a session's token stands for; None when it has ended, run out, or its operator is disabled.

    `kind` is that of the session: "full", "code" (waits for the second factor), or "key" (a program's).
    """
    if not token:
        return None
    key = token_hash(token)
    with database.read() as conn:
        session = people.session(conn, key)
        if session is None or session.kind != kind or session.expires_at < now or session.operator.disabled:
            return None
        if kind != "key" and session.operator.role != Role.CARER and session.seen_at + IDLE_S < now:
            return None
        who = who_is(conn, session.operator)
        if kind == "key":
            who = replace(who, scopes=READS_ONLY if session.scopes is None else rules_of(session.scopes))
    if session.seen_at + SEEN_EVERY_S < now:
        with database.begin() as conn:
            people.session_seen(conn, key, now)
    return Seat(session.operator, key, form_token(token), session.expires_at, who)


READS_ONLY: Final = frozenset(rule for rule in TABLE[Role.API].plain if rule.action is Action.READ)
"""What a key opens for which nobody said what: to change anything, a key must name it."""


def rules_of(scopes: Collection[str]) -> frozenset[Rule]:
    """What a key opens, as rules; words that are not known here open nothing."""
    found = set()
    for scope in scopes:
        resource, _, action = scope.partition(":")
        if resource in set(Resource) and action in set(Action):
            found.add(Rule(Resource(resource), Action(action)))
    return frozenset(found)


def session_s(account: Operator) -> float:
    """How long a session of this account lasts."""
    return CARER_SESSION_S if account.role == Role.CARER else SESSION_S


def who_is(conn: Connection, account: Operator) -> Who:
    """An account as the rules of access see it. A role that is not known here opens nothing."""
    role = Role(account.role)
    if role is Role.CARER:
        return Who(account.id, role, frozenset(), accounts.homes_of_carer(conn, account.id))
    if role is Role.RESIDENT:
        home = homes_of_resident(conn, account.resident_id)
        return Who(account.id, role, frozenset(), home, account.resident_id if home else "")
    return Who(account.id, role, frozenset(account.municipalities))


def seat(request: Request, form: str = "") -> Seat:
    """The account that asks: by its session's cookie, or a program by its key as a bearer token.

    Args:
        form: the form token, where it came in a plain form and not as a header.

    Raises:
        Problem: 401 without either, 403 for a change within a session without its form token, 429 for a program
            that asks too often.
    """
    state = request.app.state
    bearer = _bearer(request.headers.get("authorization", ""))
    if bearer:
        found = seat_of(state.parts.database, bearer, state.clock(), "key")
        wait_s = state.pace.wait_s(found.session, state.clock()) if found else 0.0
        if wait_s:
            raise Problem(429, "too_many", later("Too many requests with this key. Slow down."), wait_s=wait_s)
    else:
        found = seat_of(state.parts.database, request.cookies.get(SESSION_COOKIE, ""), state.clock())
    if found is None:
        raise Problem(401, "not_logged_in", later("Please log in."))
    if request.method not in {"GET", "HEAD"} and not bearer:
        sent = form or request.headers.get("x-form-token", "")
        if not hmac.compare_digest(sent.encode(), found.form_token.encode()):
            raise Problem(403, "wrong_form_token", later("This page is out of date. Load it again."))
    return found


SeatNeeded = Annotated[Seat, Depends(seat)]
"""Only says who asks. What they may do is said by `central.console.rights.allowed`, which every route needs."""


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def password_fault(password: str, account: Operator) -> str:
    """Why a password cannot be taken, as a message id; "" when it can."""
    if len(password) < PASSWORD_MIN:
        return later("A password needs at least 10 characters.")
    if len(password) > PASSWORD_MAX:
        return later("This password is too long.")
    if account.id in password.lower() or len(set(password)) < 5:
        return later("This password is too easy to guess.")
    return ""


def is_password_of(account: Operator, password: str) -> bool:
    """Whether a password is the account's; takes its turn like a log-in."""
    if not _places.acquire(blocking=False):
        raise Problem(503, "busy", later("Too many people are logging in. Please try again in a moment."))
    try:
        return _matches(account.password_hash, password)
    finally:
        _places.release()


def language_of(request: Request) -> str:
    """The language of a page without a session: the last one chosen here, else the browser's, else Catalan."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    for part in request.headers.get("accept-language", "")[:200].split(","):
        language = part.split(";")[0].strip()[:2].lower()
        if language in LANGUAGES:
            return language
    return "ca"


def keep_session(response: Response, token: str, *, secure: bool, lasts_s: float = SESSION_S) -> None:
    """Puts the session's token in the browser's keeping."""
    response.set_cookie(
        SESSION_COOKIE, token, max_age=int(lasts_s), httponly=True, secure=secure, samesite="strict", path="/"
    )


def from_this_site(headers: Headers) -> bool:
    """Whether a request that changes something was made by a page of this site (or by no browser at all)."""
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        site = urlsplit(origin).netloc
    except ValueError:
        return False
    return site != "" and site == headers.get("host", "")


_SECURITY_HEADERS: Final[dict[bytes, bytes]] = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; "
    b"base-uri 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=()",
}


class Guard:
    """Refuses changes asked for by other sites and what is too large, before anything reads them.

    Sends the headers that bind browsers.

    Written on ASGI itself, because the framework's middleware holds back streamed answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on, or answers 403."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = b"no-cache" if scope["path"].startswith("/static/") else b"no-store"
                headers = [*message["headers"], *_SECURITY_HEADERS.items(), (b"cache-control", kept)]
                message = {**message, "headers": headers}
            await send(message)

        if scope["method"] not in {"GET", "HEAD"} and not from_this_site(Headers(scope=scope)):
            log.warning("refused a %s made by another site", scope["method"])
            await _refused(scope, 403, "other_site", OTHER_SITE)(scope, receive, send_with_headers)
            return
        if declared_too_large(Headers(scope=scope)):
            await _refused(scope, 413, "too_large", TOO_LARGE)(scope, receive, send_with_headers)
            return
        await self.app(scope, bounded(receive), send_with_headers)


def _refused(scope: Scope, status: int, reason: str, text: str) -> Response:
    return Problem(status, reason, text).answer(translator(language_of(Request(scope))).gettext(text))


def browser_of(user_agent: str) -> str:
    """A browser and its system in two words, by which their owner recognises them; "" for others."""
    # each names those before it too, so the order tells them apart
    browsers = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
    systems = ("Android", "iPhone", "iPad", "Windows", "Macintosh", "Linux")
    browser = next((name for mark, name in browsers if mark in user_agent), "")
    system = next((name for name in systems if name in user_agent), "")
    return ", ".join(filter(None, (browser, system)))


def _matches(password_hash: str, password: str) -> bool:
    if len(password) > PASSWORD_MAX:
        return False
    with _turns:
        try:
            return HASHER.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def count_failure(database: Database, operator: Operator | None, now: float) -> LoginRefused:
    """Counts a wrong password or code, and locks the account at the last one allowed."""
    if operator is None:
        return LoginRefused("wrong")
    with database.begin() as conn:
        locked = people.count_failed_login(conn, operator.id, now + LOCK_S, FAILURES_MAX)
    log.warning("wrong password for operator %s%s", operator.id, ": locked" if locked else "")
    return LoginRefused("locked", now + LOCK_S) if locked else LoginRefused("wrong")
