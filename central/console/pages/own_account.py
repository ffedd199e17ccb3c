"""One's own account: password, second factor, sessions, language; and the second step of logging in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from central.console import access, coming_back, second_factor
from central.console.access import PASSWORD_MAX, LoginRefused, Seat
from central.console.pages.account_words import ORIGINS, ROLES
from central.console.problem import Problem
from central.console.rights import allowed, first_page, needs_second_factor, open_door
from central.console.templating import office_page, page
from central.storage import accounts, people
from central.texts import later, say_clock, translator

router = APIRouter()
Own = Annotated[Seat, Depends(allowed("me", "read"))]
OwnChange = Annotated[Seat, Depends(allowed("me", "write"))]
Public = [Depends(open_door)]
Password = Annotated[str, Field(max_length=PASSWORD_MAX)]


class PasswordBody(BaseModel):
    """The password that holds, and the one that shall."""

    old: Password
    new: Password


class ProofBody(BaseModel):
    """The password, to be sure that it is the owner who asks."""

    password: Password


class EnrolBody(BaseModel):
    """The secret that the telephone was given, its first code, and the password."""

    password: Password
    secret: Annotated[str, Field(pattern=r"^[A-Z2-7]{32}$")]
    code: Annotated[str, Field(max_length=20)]


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret for a telephone: as letters, and as a picture to be read by its camera."""

    secret: str
    picture: str


@dataclass(frozen=True, slots=True)
class RecoveryCodes:
    """Shown once; each opens the account once in place of the telephone."""

    codes: list[str]


@router.get("/me", include_in_schema=False)
def show(request: Request, seat: Own) -> Response:
    """The page."""
    state = request.app.state
    account = seat.operator
    open_sessions = read_sessions(request, seat)
    with state.parts.database.read() as conn:
        codes_left = accounts.recovery_codes_left(conn, account.id)
    words = translator(account.language)
    return office_page(
        request,
        seat,
        "me.html",
        "/me",
        sessions=open_sessions,
        here=seat.session[:16],
        origins={code: words.gettext(text) for code, text in ORIGINS.items()},
        codes_left=codes_left,
        role=words.gettext(ROLES[seat.who.role]),
        factor_due=needs_second_factor(request, seat) and not account.totp_sealed,
        beginning=first_page(seat, state.served) if not seat.may("station", "read") else "/",
    )


@router.get("/api/me/sessions", tags=["me"])
def read_sessions(request: Request, seat: Own) -> list[accounts.OpenSession]:
    """Where this account is logged in; `id` is that by which a session is ended."""
    state = request.app.state
    with state.parts.database.read() as conn:
        return accounts.sessions_of(conn, seat.operator.id, state.clock())


@router.post("/api/me/password", tags=["me"], status_code=204)
def set_password(request: Request, seat: OwnChange, body: PasswordBody) -> Response:
    """Changes the password; every other session of the account ends."""
    _prove(request, seat, body.old)
    if body.new == body.old:
        raise Problem(422, "same_password", later("This is the password that you have already."))
    if fault := access.password_fault(body.new, seat.operator):
        raise Problem(422, "weak_password", fault)
    hashed = access.hash_password(body.new)
    parts = request.app.state.parts
    with parts.database.begin() as conn:
        people.set_password(conn, seat.operator.id, hashed)
        accounts.change(conn, seat.operator.id, password_due=False)
        ended = accounts.end_sessions(conn, seat.operator.id, keep=seat.session, keys_too=False)
    _close(request, ended)
    return Response(status_code=204)


@router.post("/api/me/second-factor/new", tags=["me"])
def new_secret(seat: OwnChange) -> NewSecret:
    """A secret for a telephone. Nothing changes until its first code has come back."""
    secret = second_factor.new_secret()
    return NewSecret(secret, second_factor.picture_of(secret, seat.operator))


@router.post("/api/me/second-factor", tags=["me"])
def enrol(request: Request, seat: OwnChange, body: EnrolBody) -> RecoveryCodes:
    """Takes the telephone into use; gives recovery codes, which are never shown again."""
    _prove(request, seat, body.password)
    state = request.app.state
    parts = state.parts
    now = state.clock() - parts.health().ahead_s  # telephones go by the true time
    codes = second_factor.enrol(parts.database, parts.sealer, seat.operator, body.secret, body.code, now)
    if codes is None:
        raise Problem(422, "wrong_code", later("This code is not right. Is the telephone's clock right?"))
    return RecoveryCodes(codes)


@router.post("/api/me/second-factor/end", tags=["me"], status_code=204)
def end_second_factor(request: Request, seat: OwnChange, body: ProofBody) -> Response:
    """Gives up the second factor, where the centre does not ask for one."""
    if needs_second_factor(request, seat):
        raise Problem(409, "second_factor_due", later("Your role needs a second factor here."))
    _prove(request, seat, body.password)
    second_factor.end(request.app.state.parts.database, seat.operator.id)
    return Response(status_code=204)


@router.post("/api/me/sessions/end-others", tags=["me"], status_code=204)
def end_others(request: Request, seat: OwnChange) -> Response:
    """Logs out everywhere else."""
    with request.app.state.parts.database.begin() as conn:
        ended = accounts.end_sessions(conn, seat.operator.id, keep=seat.session, keys_too=False)
    _close(request, ended)
    return Response(status_code=204)


@router.post("/api/me/sessions/{session_id}/end", tags=["me"], status_code=204)
def end_one(request: Request, seat: OwnChange, session_id: str) -> Response:
    """Ends one of one's own sessions; somebody else's is not found."""
    with request.app.state.parts.database.begin() as conn:
        ended = accounts.end_sessions(conn, seat.operator.id, only=session_id[:64])
    if not ended:
        raise Problem(404, "no_such_session", later("This session has already ended."))
    _close(request, ended)
    return Response(status_code=204)


@router.get("/login/code", include_in_schema=False, dependencies=Public)
def ask_code(request: Request) -> Response:
    """The second step of logging in."""
    if _half_in(request) is None:
        return RedirectResponse("/login", status_code=303)
    return page("code.html", access.language_of(request), fault="")


@router.post("/login/code", include_in_schema=False, dependencies=Public)
def take_code(request: Request, code: Annotated[str, Form(max_length=40)] = "") -> Response:
    """Checks the code; the session then holds."""
    state = request.app.state
    parts = state.parts
    seat = _half_in(request)
    if seat is None:
        return RedirectResponse("/login", status_code=303)
    now: float = state.clock()
    ahead_s = parts.health().ahead_s
    refused = second_factor.check(parts.database, parts.sealer, seat.operator, code, now, ahead_s)
    if refused is not None:
        if refused.reason == "locked":
            with parts.database.begin() as conn:
                people.end_session(conn, seat.session)
        language = access.language_of(request)
        return page("code.html", language, 403, fault=_why(refused, language))
    with parts.database.begin() as conn:
        accounts.make_session_full(conn, seat.session, now, now + access.session_s(seat.operator))
        people.clear_failed_logins(conn, seat.operator.id)
    return RedirectResponse(coming_back.way_back(request), status_code=303)


def _half_in(request: Request) -> Seat | None:
    state = request.app.state
    return access.seat_of(state.parts.database, request.cookies.get(access.SESSION_COOKIE, ""), state.clock(), "code")


def _why(refused: LoginRefused, language: str) -> str:
    words = translator(language)
    if refused.reason == "locked":
        until = say_clock(refused.locked_until_at, language)
        return words.say(later("Too many wrong codes. Try again after {time}, or ask your supervisor."), time=until)
    return words.gettext(later("This code is not right, or was used before. Wait for the next one."))


def _prove(request: Request, seat: Seat, password: str) -> None:
    """Raises Problem 403 unless it is the account's password; wrong ones count, as when logging in."""
    state = request.app.state
    now: float = state.clock()
    if seat.operator.locked_until_at > now:
        raise Problem(403, "locked", later("Too many wrong passwords. Wait some minutes."))
    if not access.is_password_of(seat.operator, password):
        access.count_failure(state.parts.database, seat.operator, now)
        raise Problem(403, "wrong_password", later("This is not your password."))


def _close(request: Request, ended: list[str]) -> None:
    for session in ended:
        request.app.state.parts.live.close_session(session)
