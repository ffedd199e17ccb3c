"""The page of an invitation: `/c/invite/<token>` says what a carer will be asked and makes them an account, once.

Who has an account already, since they care for somebody else too, logs in and adds this person to it. Opening the
address changes nothing: mail programs and messengers fetch links by themselves.
"""

from __future__ import annotations

import hmac
import re
import secrets
import unicodedata
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from central.access_rules import Role
from central.audit import origin_of
from central.audit_chain import AuditEntry
from central.carers.speaker import called_by
from central.carers.web import carer_page
from central.console import access, coming_back
from central.console.access import Seat
from central.console.pages.file_words import SHARES
from central.console.rights import needs_second_factor, open_door, trail
from central.storage import accounts, invitations, people, rota
from central.storage.carer_links import BY_LINK
from central.storage.invitations import Invited
from central.storage.people import Operator
from central.texts import later, say_day, translator

router = APIRouter()
Public = [Depends(open_door)]
Token = Annotated[str, Path(max_length=64)]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{2,31}")
_NOT_PERSONS: Final = frozenset({"desk", "hub", "carer"})
"""Names by which a case's log means no person."""

_NOT_GOOD: Final = later(
    "This invitation is not good any more: it was used, replaced, or is too old. Ask the centre for another."
)


@router.get("/c/invite/{token}", include_in_schema=False, dependencies=Public)
def show(request: Request, token: Token) -> Response:
    """What they will be asked, and the form."""
    state = request.app.state
    with state.parts.database.read() as conn:
        invited = invitations.find(conn, token, state.clock())
    return _gone(request) if invited is None else _page(request, token, invited, suggested_name(invited.called))


@router.get("/c/invite/{token}/log-in", include_in_schema=False, dependencies=Public)
def log_in_first(request: Request, token: Token) -> Response:
    """To the log-in and from there back here; straight back for who is logged in."""
    if _carer(request) is not None:
        return RedirectResponse(f"/c/invite/{token}", status_code=303)
    answer = RedirectResponse("/login?to=family", status_code=303)
    coming_back.come_back(answer, f"/c/invite/{token}", secure=request.app.state.parts.config.cookie_secure)
    return answer


@router.post("/c/invite/{token}/join", include_in_schema=False, dependencies=Public)
def join(request: Request, token: Token, form: Annotated[str, Form(max_length=64)] = "") -> Response:
    """Adds the person to the account that is logged in here."""
    state = request.app.state
    now: float = state.clock()
    seat = _carer(request)
    if seat is None or not hmac.compare_digest(form.encode(), seat.form_token.encode()):
        return RedirectResponse(f"/c/invite/{token}/log-in", status_code=303)
    account_id = seat.operator.id
    if seat.operator.password_due or (needs_second_factor(request, seat) and not seat.operator.totp_sealed):
        return RedirectResponse("/me", status_code=303)
    with state.parts.database.read() as conn:
        invited = invitations.find(conn, token, now)
    if invited is None:
        return _gone(request)
    try:
        with state.parts.database.begin() as conn:
            _use_up(conn, token, invited.contact_id, account_id, now)
            mine = accounts.contacts_of_account(conn, account_id)
            accounts.link_contacts(conn, account_id, [*mine, invited.contact_id])
    except _UsedMeanwhileError:
        return _gone(request)
    _write_down(request, invited, account_id, f"account {account_id} is now contact {invited.contact_id} too", now)
    return RedirectResponse("/family", status_code=303)


@router.post("/c/invite/{token}", include_in_schema=False, dependencies=Public)
def accept(
    request: Request,
    token: Token,
    name: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    """Makes the account and logs in. What cannot be taken is said on the page, and the link stays good."""
    state = request.app.state
    now: float = state.clock()
    name = name.strip().lower()
    with state.parts.database.read() as conn:
        invited = invitations.find(conn, token, now)
        taken = _NAME.fullmatch(name) is not None and people.operator(conn, name) is not None
    if invited is None:
        return _gone(request)
    account = Operator(name, invited.called, "-", Role.CARER, invited.language, municipalities=())
    fault = _fault(account, password)
    if not fault and not taken:
        account = Operator(
            name, invited.called, access.hash_password(password), Role.CARER, invited.language, municipalities=()
        )
        session = _begin(request, token, invited, account, now)
        if session:
            answer = RedirectResponse("/family", status_code=303)
            lasts_s = access.session_s(account)
            access.keep_session(answer, session, secure=state.parts.config.cookie_secure, lasts_s=lasts_s)
            return answer
    return _page(
        request, token, invited, name, fault or later("Somebody has this log-in name already. Choose another.")
    )


def suggested_name(called: str) -> str:
    """A log-in name made of what somebody is called: "Montse Puig" -> "montse-puig". Pure."""
    plain = unicodedata.normalize("NFKD", called).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:32]


def _begin(request: Request, token: str, invited: Invited, account: Operator, now: float) -> str:
    """Account, its contact and a session in one transaction; the session's token, "" when somebody was faster."""
    session = secrets.token_urlsafe(32)
    origin = origin_of(request.client.host if request.client else "")
    browser = access.browser_of(request.headers.get("user-agent", ""))
    until_at = now + access.session_s(account)
    try:
        with request.app.state.parts.database.begin() as conn:
            _use_up(conn, token, invited.contact_id, account.id, now)
            people.add_operator(conn, account)
            accounts.link_contacts(conn, account.id, [invited.contact_id])
            hashed = access.token_hash(session)
            people.start_session(conn, hashed, account.id, now, until_at, origin=origin, browser=browser)
    except (IntegrityError, _UsedMeanwhileError):
        return ""
    what = f"new account {account.id}: carer, by invitation of contact {invited.contact_id}"
    _write_down(request, invited, f"{BY_LINK}{invited.contact_id}"[:32], what, now)
    return session


def _write_down(request: Request, invited: Invited, by: str, what: str, now: float) -> None:
    trail(request).append(
        AuditEntry(
            at=now,
            account_id=by,
            role=Role.CARER.value,
            resource="accounts",
            action="write",
            outcome="allowed",
            home_id=invited.home_id,
            what=what,
            origin=origin_of(request.client.host if request.client else ""),
        )
    )


def _carer(request: Request) -> Seat | None:
    """The account of a carer that is logged in in this browser."""
    state = request.app.state
    cookie = request.cookies.get(access.SESSION_COOKIE, "")
    seat = access.seat_of(state.parts.database, cookie, state.clock())
    return seat if seat is not None and seat.who.role is Role.CARER else None


class _UsedMeanwhileError(Exception):
    """Another request used the invitation, or made the contact an account."""


def _use_up(conn: Connection, token: str, contact_id: str, account_id: str, now: float) -> None:
    if invitations.account_of(conn, contact_id) or not invitations.use(conn, token, account_id, now):
        raise _UsedMeanwhileError


def _fault(account: Operator, password: str) -> str:
    if _NAME.fullmatch(account.id) is None or account.id in _NOT_PERSONS:
        return later("A log-in name has 3 to 32 small letters, digits or hyphens, and begins with a letter or digit.")
    return access.password_fault(password, account)


def _page(request: Request, token: str, invited: Invited, name: str, fault: str = "") -> Response:
    words = translator(invited.language)
    with request.app.state.parts.database.read() as conn:
        resident = called_by(conn, invited.contact_id, invited.home_id, words.language)
        sees = _sees(conn, invited.contact_id)
    answer = carer_page(
        request,
        "invite.html",
        words.language,
        seat=_carer(request),
        status=422 if fault else 200,
        invited=invited,
        resident=resident,
        sees=sees,
        name=name,
        fault=fault,
        until=say_day(invited.expires_at, words.language),
        token=token,
    )
    coming_back.has_come_back(answer)
    return answer


def _sees(conn: Connection, contact_id: str) -> list[str]:
    consent = rota.profile(conn, contact_id).consent
    return [name for share, name in SHARES.items() if share in consent]


def _gone(request: Request) -> Response:
    language = access.language_of(request)
    answer = carer_page(
        request, "carer_message.html", language, status=404, text=translator(language).gettext(_NOT_GOOD)
    )
    coming_back.has_come_back(answer)
    return answer
