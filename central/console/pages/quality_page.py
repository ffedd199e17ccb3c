"""The quality of the service: answer times, late answers, false alarms, audits of calls, the month's report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from central import service_figures as figures
from central.alarm_cases.priority import MARKS
from central.console import quality_view as view
from central.console import wording
from central.console.access import Seat
from central.console.finding_words import KIND_WORDS
from central.console.pages.installations_page import install_values
from central.console.pages.repairs_page import fault_words, figures_of
from central.console.rights import allowed
from central.console.templating import CENTRE_TIMEZONE, office_page
from central.service_settings import Targets
from central.storage import call_audits, pages, quality, reach, service_quality, settings
from central.storage.service_quality import Scope, scope_of
from central.texts import Words, later, say_duration, translator

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("quality", "read"))]
Text = Annotated[str, Query(max_length=80)]

VIEWS: Final[Mapping[str, str]] = {
    "answers": later("Answer times"),
    "late": later("Late answers"),
    "false": later("False alarms"),
    "repairs": later("Repairs"),
    "installs": later("Installations"),
    "audits": later("Call audits"),
}
PERIOD_WORDS: Final[Mapping[str, str]] = {
    "today": later("Today"),
    "week": later("7 days"),
    "month": later("30 days"),
    "quarter": later("90 days"),
}
RESULTS: Final[Mapping[str, str]] = {
    "good": later("Good"),
    "to_improve": later("To be improved"),
    "poor": later("Not acceptable"),
}
FALSE_SHOWN: Final = 100
"""Homes listed with most false alarms; who works through more looks at a narrower span."""


@router.get("/quality", include_in_schema=False)
def show(
    request: Request,
    seat: Reader,
    show: Text = "answers",
    period: Text = "",
    since: Text = "",
    until: Text = "",
    municipality: Text = "",
    month: Annotated[str, Query(max_length=7)] = "",
) -> Response:
    """The page; each tab reads only what it shows."""
    state = request.app.state
    now: float = state.clock()
    shown = show if show in VIEWS else "answers"
    asked = view.period_of(since, until, now, CENTRE_TIMEZONE, period)
    chosen = municipality.replace("\x00", "")
    words = translator(seat.operator.language)
    with state.parts.database.read() as conn:
        scope = scope_of(seat.who, asked.since_at, asked.until_at, chosen)
        places = reach.municipalities(conn, seat.who)
        values = _values(conn, seat, shown, asked, scope, month, now, words)
    return office_page(
        request,
        seat,
        "quality.html",
        "/quality",
        views={code: words.gettext(text) for code, text in VIEWS.items()},
        periods={code: words.gettext(text) for code, text in PERIOD_WORDS.items()},
        shown=shown,
        asked=asked,
        preset=period if period in PERIOD_WORDS else ("" if since else "month"),
        chosen=chosen,
        places=places,
        may_work=seat.may("quality", "work"),
        may_export=seat.may("quality", "export"),
        me=seat.operator.id,
        marks=MARKS,
        kinds=KIND_WORDS,
        said_fault=lambda fault: fault_words(fault, words),
        share=lambda value, digits=1: view.say_share(value, words.language, digits),
        seconds=lambda value: view.say_seconds(value, words.language),
        span=lambda value: say_duration(abs(value), words.language),
        this_month=datetime.fromtimestamp(now, ZoneInfo(CENTRE_TIMEZONE)).strftime("%Y-%m"),
        **values,
    )


@router.get("/quality/report", include_in_schema=False)
def report(
    request: Request, seat: Reader, month: Annotated[str, Query(max_length=7)] = "", municipality: Text = ""
) -> Response:
    """The month for the city, to be printed: figures of the service and no person's name."""
    state = request.app.state
    now: float = state.clock()
    words = translator(seat.operator.language)
    chosen = municipality.replace("\x00", "")
    this_month = datetime.fromtimestamp(now, ZoneInfo(CENTRE_TIMEZONE)).strftime("%Y-%m")
    month = month if service_quality.month_scope(month, None) else this_month
    span = service_quality.month_scope(month, None)
    assert span is not None  # this month is one
    scope = scope_of(seat.who, span.since_at, span.until_at, chosen)
    with state.parts.database.read() as conn:
        values = _answer_values(conn, scope, now, words, operators=False)
        values |= _late_values(conn, scope, now) | figures_of(conn, scope, now) | install_values(conn, scope, now)
        audits = call_audits.audits_of_month(conn, month)
        kinds = service_quality.kinds_and_outcomes(conn, scope)
    return office_page(
        request,
        seat,
        "quality_report.html",
        "/quality",
        month=month,
        months=view.months_to_choose(this_month, month),
        month_at=(span.since_at + span.until_at) / 2,
        chosen=chosen,
        made_at=now,
        unfinished=span.until_at > now,
        share=lambda value, digits=1: view.say_share(value, words.language, digits),
        seconds=lambda value: view.say_seconds(value, words.language),
        span=lambda value: say_duration(abs(value), words.language),
        marks=MARKS,
        kinds=KIND_WORDS,
        by_kind=Counter(kind for kind, _, _ in kinds.elements()).most_common(),
        by_cause=Counter(cause for _, cause, _ in kinds.elements() if cause).most_common(),
        by_outcome=Counter(outcome for _, _, outcome in kinds.elements() if outcome).most_common(),
        causes=wording.CAUSES,
        outcomes=wording.OUTCOMES,
        audits_done=sum(audit.result != "" for audit in audits),
        audits_all=len(audits),
        audits_good=sum(audit.result == "good" for audit in audits),
        **values,
    )


def _values(
    conn: Connection, seat: Seat, shown: str, asked: view.Period, scope: Scope, month: str, now: float, words: Words
) -> dict[str, Any]:
    if shown == "late":
        return _late_values(conn, scope, now)
    if shown == "false":
        return _false_values(conn, asked, scope)
    if shown == "repairs":
        return figures_of(conn, scope, now)
    if shown == "installs":
        return install_values(conn, scope, now)
    if shown == "audits":
        return _audit_values(conn, seat, month, scope, now)
    return _answer_values(conn, scope, now, words, operators=view.sees_operators(seat))


def _answer_values(conn: Connection, scope: Scope, now: float, words: Words, *, operators: bool) -> dict[str, Any]:
    targets = settings.current(conn).targets
    calls = service_quality.calls(conn, scope, CENTRE_TIMEZONE)
    total = figures.answers(calls, now)
    closed, without = service_quality.life_without_outcome(conn, scope)
    return {
        "answers": total,
        "targets": targets,
        "tiles": _tiles(total, targets, words),
        "curve": view.curve_of(total, words, figures.TARGETS_S),
        "hours": view.hour_bars(figures.by_hour(calls, now)),
        "priorities": {
            priority: figures.answers((call for call in calls if call.priority == priority), now)
            for priority in (1, 2, 3)
        },
        "operators": figures.by_operator(calls, now) if operators else None,
        "names": pages.operator_names(conn),
        "help": figures.help_times(calls),
        "help_sent": figures.help_times_from_sending(calls),
        "inside": figures.inside_times(calls),
        "channels": service_quality.channel_figures(conn, scope),
        "channel_words": wording.CHANNELS,
        "late_steps": service_quality.late_steps(conn, scope),
        "said_step": lambda step: view.say_step(step, words),
        "life_closed": closed,
        "life_without": without,
    }


def _tiles(total: figures.Answers, targets: Targets, words: Words) -> list[dict[str, str]]:
    aims = ((50, targets.share_50), (60, targets.share_60), (180, targets.share_180))
    tiles = []
    for seconds, aim in aims:
        share = total.share(seconds)
        kind = "" if share is None else "good" if share * 100 >= aim - 1e-9 else "bad"
        said = words.say(later("answered within {seconds} s, aim {aim}"), seconds=seconds,
                         aim=view.say_share(aim / 100, words.language))  # fmt: skip
        tiles.append({"kind": kind, "value": view.say_share(share, words.language, 2), "text": said})
    return tiles


def _late_values(conn: Connection, scope: Scope, now: float) -> dict[str, Any]:
    late = service_quality.late_answers(conn, scope, now)
    return {
        "late": late,
        "unexplained": sum(one.reason == "" for one in late),
        "names": pages.operator_names(conn),
        "late_most": service_quality.LATE_SHOWN,
    }


def _false_values(conn: Connection, asked: view.Period, scope: Scope) -> dict[str, Any]:
    span = view.narrowed(asked, view.FALSE_DAYS_MAX, CENTRE_TIMEZONE)
    rows = quality.false_alarms_by_week(conn, span.since_at, span.until_at)
    allowed_homes = service_quality.homes_in(conn, scope)
    if allowed_homes is not None:
        rows = [row for row in rows if row.home_id in allowed_homes]
    homes: dict[str, Counter[str]] = {}
    detectors: dict[str, Counter[str]] = {}
    weeks: dict[str, Counter[str]] = {}
    for row in rows:
        for counts, key in ((homes, row.home_id), (detectors, row.detector), (weeks, row.week)):
            counts.setdefault(key, Counter()).update(
                false=row.false_alarms, right=row.right, unknown=row.unknown, weeks=0
            )
        if row.false_alarms:
            homes[row.home_id]["weeks"] += 1
    worst = sorted(homes.items(), key=lambda item: (-item[1]["false"], item[0]))
    worst = [item for item in worst if item[1]["false"]][:FALSE_SHOWN]
    home_count = service_quality.count_homes(conn, scope)
    false = sum(counts["false"] for counts in detectors.values())
    return {
        "narrowed": span,
        "worst": worst,
        "addresses": pages.home_names(conn, [home_id for home_id, _ in worst]),
        "detectors": sorted(detectors.items(), key=lambda item: -item[1]["false"]),
        "weeks": sorted(weeks.items()),
        "home_count": home_count,
        "false_total": false,
        "per_home_week": false / home_count / (span.days / 7) if home_count else None,
    }


def _audit_values(conn: Connection, seat: Seat, month: str, scope: Scope, now: float) -> dict[str, Any]:
    this_month = datetime.fromtimestamp(now, ZoneInfo(CENTRE_TIMEZONE)).strftime("%Y-%m")
    month = month if service_quality.month_scope(month, None) else this_month
    audits = call_audits.audits_of_month(conn, month) if view.sees_operators(seat) else []
    return {
        "month": month,
        "months": view.months_to_choose(this_month, month),
        "audits": audits,
        "sees_operators": view.sees_operators(seat),
        "names": pages.operator_names(conn),
        "results": RESULTS,
        "wanted": call_audits.AUDITS_PER_OPERATOR,
        "scope": scope,
    }
