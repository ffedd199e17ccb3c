"""The family's page: `/family` for carers with an account. Calm between alarms, and the alarm when there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from central.alarm_cases.rota import Gap, Profile
from central.carers.alert import ETA_CHOICES_MIN, AlertView, withheld
from central.carers.looked import Look, looks
from central.carers.speaker import AnswerBody, Speaker, called_by, look, say, say_plainly
from central.carers.web import carer_page, fragment_answer
from central.console.access import Seat
from central.console.pages.care import say_change
from central.console.problem import Problem
from central.console.rights import admit, allowed, allowed_by_form
from central.reach_watch import gaps_of
from central.storage import accounts, care, carer_cases, people, reach_tests, rota
from central.storage.carer_links import BY_LINK
from central.storage.reach_tests import ReachTest
from central.texts import Words, later, local, say_clock, say_day, say_moment, translator

router = APIRouter()
Own = Annotated[Seat, Depends(allowed("rota", "read"))]
StatusReader = Annotated[Seat, Depends(allowed("status", "read"))]
Helper = Annotated[Seat, Depends(allowed("help", "work"))]
HelperByForm = Annotated[Seat, Depends(allowed_by_form("help", "work"))]
LASTING_WEEKS: Final = 3
"""A slow change is told to a family when it has lasted so long: earlier it is worry without use."""
GAPS_SHOWN: Final = 4
LOOKS_SHOWN: Final = 30


@dataclass(frozen=True, slots=True)
class AlarmLine:
    """An alarm that is open, as the list shows it."""

    case_id: int
    heading: str
    since: str
    note: str
    test: bool
    tone: str


@dataclass(frozen=True, slots=True)
class HomeView:
    """One person whom this carer cares for.

    Attributes:
        contact_id: as whom they do. name: what they call the person.
        day: how the day began, "" without consent. changes: lasting slow changes.
        gaps: times in the coming days when nobody could be reached. reach: when this carer was last reached.
        muted: until when they want to hear nothing, "" for not.
        withheld: what this page does not show, and why.
    """

    home_id: str
    contact_id: str
    name: str
    alarms: list[AlarmLine]
    day: str
    changes: list[str]
    gaps: list[str]
    reach: str
    muted: str
    phone: str
    past: bool
    withheld: list[str]


def contacts_of(conn: sa.Connection, seat: Seat) -> list[people.Contact]:
    """As which contacts an account speaks, by home."""
    mine = set(accounts.contacts_of_account(conn, seat.operator.id))
    return [one for home in sorted(seat.who.homes) for one in people.contacts_of(conn, home) if one.id in mine]


def speaker_for(request: Request, seat: Seat, case_id: int) -> Speaker:
    """As which contact an account speaks about a case.

    Raises:
        Problem: 404 when as none.
    """
    home_id = seat.place.home_id if seat.place else ""
    with request.app.state.parts.database.read() as conn:
        mine = [contact for contact in contacts_of(conn, seat) if contact.home_id == home_id]
    if not mine:
        raise Problem(404, "no_such_case", later("There is no such case."))
    return Speaker(case_id, mine[0].id, seat.operator.language, seat.operator.id)


@router.get("/family", include_in_schema=False)
def show(request: Request, seat: Own) -> Response:
    """The page."""
    return carer_page(
        request, "family.html", seat.operator.language, seat=seat, here="now", views=_views(request, seat)
    )


@router.get("/family/now", include_in_schema=False)
def now(request: Request, seat: Own) -> Response:
    """The changing part of the page; 304 while nothing has changed."""
    return fragment_answer(request, "family_now.html", seat.operator.language, views=_views(request, seat))


@router.get("/api/family", tags=["carers"])
def read(request: Request, seat: Own) -> list[HomeView]:
    """The people whom this carer cares for: open alarms, and how the day began where that is shared."""
    return _views(request, seat)


@router.get("/family/case/{case_id}", include_in_schema=False)
def show_case(request: Request, seat: StatusReader, case_id: int) -> Response:
    """One alarm."""
    speaker = speaker_for(request, seat, case_id)
    view = look(request, speaker)
    return carer_page(
        request,
        "alert.html",
        speaker.language,
        seat=seat,
        here="now",
        view=view,
        acts=_acts(seat, case_id),
        going=ETA_CHOICES_MIN,
    )


@router.get("/family/case/{case_id}/now", include_in_schema=False)
def case_now(request: Request, seat: StatusReader, case_id: int) -> Response:
    """The changing part of an alarm's page; 304 while nothing has changed."""
    speaker = speaker_for(request, seat, case_id)
    view = look(request, speaker)
    return fragment_answer(
        request, "alert_now.html", speaker.language, view=view, acts=_acts(seat, case_id), going=ETA_CHOICES_MIN
    )


@router.post("/family/case/{case_id}", include_in_schema=False)
def answer_without_script(
    request: Request, seat: HelperByForm, case_id: int, answer: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    """An answer from a browser in which no script runs, or not yet; shows the page anew."""
    say_plainly(request, speaker_for(request, seat, case_id), answer)
    return RedirectResponse(f"/family/case/{case_id}", status_code=303)


@router.get("/api/family/cases/{case_id}", tags=["carers"])
def read_case(request: Request, seat: StatusReader, case_id: int) -> AlertView:
    """One alarm as this carer may see it."""
    return look(request, speaker_for(request, seat, case_id))


@router.post("/api/family/cases/{case_id}/answers", tags=["carers"])
def answer(request: Request, seat: Helper, case_id: int, body: AnswerBody) -> AlertView:
    """What the carer says; the alarm as it stands then. 409 `already_going` when somebody else goes already."""
    speaker = speaker_for(request, seat, case_id)
    say(request, speaker, body)
    return look(request, speaker)


@router.get("/family/looked/{home_id}", include_in_schema=False)
def show_looked(
    request: Request, seat: Annotated[Seat, Depends(allowed("who_looked", "read"))], home_id: str
) -> Response:
    """Who opened the person's file, in plain words; with consent to history."""
    language = seat.operator.language
    with request.app.state.parts.database.read() as conn:
        mine = [contact for contact in contacts_of(conn, seat) if contact.home_id == home_id]
        shared = bool(mine) and "history" in rota.profile(conn, mine[0].id).consent
        name = called_by(conn, mine[0].id, home_id, language) if mine else ""
        found: list[Look] = []
        if shared:
            own = {seat.operator.id, *(BY_LINK + contact.id for contact in mine)}
            every = looks(conn, home_id, "", request.app.state.clock(), translator(language))
            found = [one for one in every if one.account_id not in own][:LOOKS_SHOWN]
    return carer_page(request, "looked.html", language, seat=seat, here="now", looks=found, name=name, shared=shared)


def _acts(seat: Seat, case_id: int) -> dict[str, str]:
    return {
        "token": seat.form_token,
        "api": f"/api/family/cases/{case_id}/answers",
        "form": f"/family/case/{case_id}",
        "now": f"/family/case/{case_id}/now",
    }


def _views(request: Request, seat: Seat) -> list[HomeView]:
    with request.app.state.parts.database.read() as conn:
        mine = contacts_of(conn, seat)
    seen: set[str] = set()
    views = []
    for contact in mine:
        if contact.home_id not in seen:
            seen.add(contact.home_id)
            admit(request, seat, "status", "read", home_id=contact.home_id)
            views.append(_view(request, seat, contact))
    return views


def _view(request: Request, seat: Seat, contact: people.Contact) -> HomeView:
    state = request.app.state
    now_at: float = state.clock()
    home_id, words = contact.home_id, translator(seat.operator.language)
    with state.parts.database.read() as conn:
        profile = rota.profile(conn, contact.id)
        timezone = rota.timezone_of(conn, home_id)
        name = called_by(conn, contact.id, home_id, words.language)
        phone = carer_cases.phone_of(conn, home_id)
        open_ids = carer_cases.open_alarms(conn, home_id)
        changes = care.changes_of(conn, home_id, now_at) if "readings" in profile.consent else []
        gaps = gaps_of(conn, home_id, state.parts.desk.channels, now_at)
        test = reach_tests.latest_of(conn, contact.id)
        away_until_at = carer_cases.away_until(conn, home_id)
    alarms = [_line(request, Speaker(case_id, contact.id, words.language, seat.operator.id)) for case_id in open_ids]
    return HomeView(
        home_id=home_id,
        contact_id=contact.id,
        name=name,
        alarms=[line for line in alarms if line is not None] if "alarms" in profile.consent else [],
        day=_day(state, home_id, timezone, profile, away_until_at, now_at, words),
        changes=[say_change(one, words) for one in changes if one.weeks >= LASTING_WEEKS],
        gaps=[_gap(gap, timezone, words) for gap in gaps[:GAPS_SHOWN]],
        reach=say_reach(test, now_at, words),
        muted=say_muted(profile, timezone, now_at, words),
        phone=phone,
        past="history" in profile.consent,
        withheld=withheld(profile.consent, words, name),
    )


def _line(request: Request, speaker: Speaker) -> AlarmLine | None:
    try:
        view = look(request, speaker)
    except Problem:  # it ended between two reads
        return None
    return AlarmLine(view.case_id, view.heading, view.since, view.note, view.test, view.tone)


def _day(
    state: object, home_id: str, timezone: str, profile: Profile, away_until_at: float, now_at: float, words: Words
) -> str:
    if "daily_line" not in profile.consent:
        return ""
    if away_until_at > now_at:
        return words.say(later("Away until {day}."), day=say_day(away_until_at, words.language, timezone))
    line: str = state.mornings.line(home_id, timezone, now_at, words)  # type: ignore[attr-defined]
    return line


def _gap(gap: Gap, timezone: str, words: Words) -> str:
    begin, end = local(gap.from_at, timezone), local(gap.until_at, timezone)
    day = say_day(gap.from_at, words.language, timezone)
    if begin.date() != end.date():
        until = (
            f"{say_day(gap.until_at, words.language, timezone)}, {say_clock(gap.until_at, words.language, timezone)}"
        )
    else:
        until = say_clock(gap.until_at, words.language, timezone)
    return words.say(
        later("{day}, from {begin} until {end}"),
        day=day,
        begin=say_clock(gap.from_at, words.language, timezone),
        end=until,
    )


def say_reach(test: ReachTest | None, now_at: float, words: Words) -> str:
    """When somebody was last reached by a test message, in one sentence."""
    if test is None:
        return words.gettext(later("No test message has been sent yet."))
    day = say_day(test.answered_at or test.failed_at or test.sent_at or test.queued_at, words.language)
    if test.answered_at is not None:
        return words.say(later("Reached by a test message on {day}."), day=day)
    if test.failed_at is not None:
        return words.say(
            later("The test message of {day} could not be delivered. Check how we can reach you."), day=day
        )
    if now_at - test.queued_at > reach_tests.ANSWER_WITHIN_S:
        return words.say(later("The test message of {day} was not answered."), day=day)
    return words.gettext(later("A test message is on its way to you: please answer it."))


def say_muted(profile: Profile, timezone: str, now_at: float, words: Words) -> str:
    """Until when somebody wants to hear nothing; "" when they may be asked."""
    until_at = profile.muted_until_at
    return say_moment(until_at, now_at, words.language, timezone) if until_at > now_at else ""
