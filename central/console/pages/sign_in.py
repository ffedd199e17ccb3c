"""Logging in and out."""

from __future__ import annotations

import hmac
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from central.console import access, coming_back
from central.console.access import LoginRefused, Seat
from central.console.problem import Problem
from central.console.rights import allowed, open_door
from central.console.templating import page
from central.storage import people
from central.texts import LANGUAGES, later, say_clock, translator

router = APIRouter()
Public = [Depends(open_door)]
Own = Annotated[Seat, Depends(allowed("me", "read"))]
OwnChange = Annotated[Seat, Depends(allowed("me", "write"))]


@router.get("/login", include_in_schema=False, dependencies=Public)
def show(request: Request) -> Response:
    """The log-in page; somebody with a session is sent to the console. `?to=family` greets carers and residents."""
    state = request.app.state
    token = request.cookies.get(access.SESSION_COOKIE, "")
    if access.seat_of(state.parts.database, token, state.clock()) is not None:
        return RedirectResponse("/", status_code=303)
    return _form(request, "", "")


@router.post("/login", include_in_schema=False, dependencies=Public)
def log_in(
    request: Request,
    name: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form()] = "",
    form: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Checks name and password. The form's token must be the one that this browser was given with the page."""
    state = request.app.state
    given = request.cookies.get(access.FORM_COOKIE, "")
    words = translator(access.language_of(request))
    if not given or not hmac.compare_digest(given.encode(), form.encode()):
        return _form(request, name, words.gettext(later("The page was too old. Please try again.")), 403)
    now = state.clock()
    result = access.log_in(
        state.parts.database,
        name.strip().lower(),
        password,
        now,
        address=request.client.host if request.client else "",
        browser=request.headers.get("user-agent", ""),
    )
    if isinstance(result, LoginRefused):
        return _form(request, name, _why(result, words.language), 403)
    token, operator = result
    answer = RedirectResponse("/login/code" if operator.totp_sealed else coming_back.way_back(request), status_code=303)
    lasts_s = access.session_s(operator)
    access.keep_session(answer, token, secure=state.parts.config.cookie_secure, lasts_s=lasts_s)
    answer.delete_cookie(access.FORM_COOKIE)
    _keep_language(answer, operator.language, secure=state.parts.config.cookie_secure)
    return answer


@router.post("/language", include_in_schema=False, dependencies=Public)
def choose_language(request: Request, language: Annotated[str, Form(max_length=5)]) -> Response:
    """The language of the log-in page on this machine; worth nothing to anybody else, so it needs no token."""
    answer = RedirectResponse("/login", status_code=303)
    if language in LANGUAGES:
        _keep_language(answer, language, secure=request.app.state.parts.config.cookie_secure)
    return answer


class Me(BaseModel):
    """The operator who asks."""

    id: str
    called: str
    role: str
    language: str
    session_ends_at: float


class LanguageChoice(BaseModel):
    """A language code: ca, es or en."""

    language: str


@router.get("/api/me", tags=["me"])
def me(seat: Own) -> Me:
    """Who is logged in, and until when at most."""
    person = seat.operator
    return Me(
        id=person.id,
        called=person.called,
        role=person.role,
        language=person.language,
        session_ends_at=seat.expires_at,
    )


@router.post("/api/me/language", tags=["me"], status_code=204)
def set_language(request: Request, seat: OwnChange, choice: LanguageChoice) -> Response:
    """The language in which this operator reads the console."""
    if choice.language not in LANGUAGES:
        raise Problem(422, "unknown_language", later("This language is not spoken here."))
    parts = request.app.state.parts
    with parts.database.begin() as conn:
        people.set_language(conn, seat.operator.id, choice.language)
    answer = Response(status_code=204)
    _keep_language(answer, choice.language, secure=parts.config.cookie_secure)
    return answer


@router.post("/api/logout", tags=["me"], status_code=204)
def log_out(request: Request, seat: OwnChange) -> Response:
    """Ends the session everywhere it is open."""
    parts = request.app.state.parts
    with parts.database.begin() as conn:
        people.end_session(conn, seat.session)
    parts.live.close_session(seat.session)
    answer = Response(status_code=204)
    answer.delete_cookie(access.SESSION_COOKIE, path="/")
    return answer


def _form(request: Request, name: str, fault: str, status: int = 200) -> Response:
    family = request.query_params.get("to") == "family"
    token = request.cookies.get(access.FORM_COOKIE, "") or secrets.token_urlsafe(24)
    answer = page("login.html", access.language_of(request), status, form=token, name=name, fault=fault, family=family)
    answer.set_cookie(
        access.FORM_COOKIE,
        token,
        max_age=24 * 3600,
        httponly=True,
        secure=request.app.state.parts.config.cookie_secure,
        samesite="strict",
    )
    return answer


def _keep_language(answer: Response, language: str, *, secure: bool) -> None:
    answer.set_cookie(
        access.LANGUAGE_COOKIE, language, max_age=365 * 86400, httponly=True, secure=secure, samesite="lax"
    )


def _why(refused: LoginRefused, language: str) -> str:
    words = translator(language)
    if refused.reason == "locked":
        until = say_clock(refused.locked_until_at, language)
        return words.say(later("Too many wrong passwords. Try again after {time}, or ask your supervisor."), time=until)
    if refused.reason == "busy":
        return words.gettext(later("Too many people are logging in. Please try again in a moment."))
    if refused.reason == "disabled":
        return words.gettext(later("This name may not log in any more. Ask your supervisor."))
    return words.gettext(later("Name or password is wrong."))
