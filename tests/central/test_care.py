"""What the care team reads: slow changes once each, weeks only by consent, and false alarms of a home."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from central.alarm_cases.closing import Action, Cause, Closing, Outcome
from central.care_intake import CareIntake
from central.detection.drift import CareNote
from central.detection.routine import RoutineWeek
from central.internal import encode, note_topic, routine_topic
from central.storage import care, homes
from central.storage.care import ROUTINE, give_consent, withdraw_consent
from central.storage.people import residents_of
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.conftest import NOON
from tests.central.console_setting import Setting
from tests.central.desk_people import log_in

DAY = 86_400.0
"""NOON is of a day in November 2026; the notes are of its week."""


@pytest.fixture
def intake(setting: Setting) -> CareIntake:
    return CareIntake(setting.database, setting.refusals)


def view(setting: Setting, name: str = "marc") -> Any:
    with TestClient(setting.app(), base_url="http://desk.test", follow_redirects=False) as client:
        assert log_in(client, name).status_code == 303
        answer = client.get("/api/homes/carme/care")
        assert answer.status_code == 200, answer.text
        return answer.json()


def note(measure: str = "night_bathroom", day: str = "2026-11-15") -> CareNote:
    return CareNote(f"carme:drift:{measure}:more:{day}", "carme", day, measure, 1.1, 2.3, 3)


def week(home: str = "carme", monday: str = "2026-11-09", **changes: Any) -> RoutineWeek:
    return RoutineWeek(**{"home": home, "week": monday, "days": 7, "outings": 5, "days_in": 2, "visits": 1, **changes})


def test_a_change_is_read_once_with_its_numbers_however_often_it_came(setting: Setting, intake: CareIntake) -> None:
    for _ in range(3):
        assert intake.take(note_topic("carme"), encode(note()))
    assert [line["text"] for line in view(setting)["changes"]] == [
        "Night bathroom visits: 1.1 → 2.3 a night, for 3 weeks."
    ]
    assert view(setting)["changes"][0]["day"] == "15 Nov"
    assert (
        view(setting, "ana")["changes"][0]["text"] == "Anades al bany de nit: 1,1 → 2,3 per nit, des de fa 3 setmanes."
    )
    with setting.database.read() as conn:
        assert care.changes_of(conn, "carme", NOON + 100 * DAY) == []


def test_a_change_is_no_case(setting: Setting, intake: CareIntake) -> None:
    intake.take(note_topic("carme"), encode(note()))
    assert setting.desk.standing(NOON) == []


def test_notes_that_cannot_be_read_or_belong_nowhere_are_counted(setting: Setting, intake: CareIntake) -> None:
    assert intake.take(note_topic("x"), b"{")
    assert intake.take(note_topic("x"), encode(CareNote("k", "nowhere", "2026-11-15", "active", 1, 2, 3)))
    assert intake.take(routine_topic("carme"), encode(week()))
    assert setting.refused() == {("care", "bad_note"): 1, ("care", "no_such_home"): 1, ("care", "no_consent"): 1}


def people_of(setting: Setting) -> list[str]:
    with setting.database.read() as conn:
        return [person.id for person in residents_of(conn, "carme")]


def test_weeks_are_kept_and_shown_only_while_all_agree(setting: Setting, intake: CareIntake) -> None:
    ids = people_of(setting)
    assert ids
    assert view(setting)["weeks"] is None
    for number, resident in enumerate(ids):
        with setting.database.begin() as conn:
            give_consent(conn, resident, ROUTINE, NOON - 30 * DAY + number, "ana")
            give_consent(conn, resident, ROUTINE, NOON, "ana")
    with setting.database.read() as conn:
        assert homes.routine_since(conn, "carme") == NOON - 30 * DAY + len(ids) - 1
        enrolled = next(home for home in homes.list_enrolled(conn) if home.home_id == "carme")
        assert (enrolled.routine_since_at, enrolled.residents) == (NOON - 30 * DAY + len(ids) - 1, len(ids))
    intake.take(routine_topic("carme"), encode(week(outings=4)))
    intake.take(routine_topic("carme"), encode(week()))
    intake.take(routine_topic("carme"), encode(week(monday="2026-11-02", visits=None)))
    texts = [line["text"] for line in view(setting)["weeks"]]
    assert len(texts) == 2
    assert "Outings 5 · days in 2 of 7 · visits 1 (a guess)" in texts[0]
    assert "visits" not in texts[1]
    with setting.database.begin() as conn:
        withdraw_consent(conn, ids[0], ROUTINE, NOON, "carme herself")
        assert [one.withdrawn_by for one in care.consents_of(conn, ids[0])] == ["carme herself"]
    assert view(setting)["weeks"] is None
    intake.take(routine_topic("carme"), encode(week()))
    with setting.database.begin() as conn:
        give_consent(conn, ids[0], ROUTINE, NOON, "ana")
    assert view(setting)["weeks"] == [], "what was told before was deleted"


def test_calls_and_helpers_of_the_week_are_counted_with_it(setting: Setting, intake: CareIntake) -> None:
    for resident in people_of(setting):
        with setting.database.begin() as conn:
            give_consent(conn, resident, ROUTINE, NOON - 60 * DAY, "ana")
    monday = "2026-11-09"
    at = 1_794_398_400.0  # Wednesday of that week
    case = setting.alarm("carme", at=at)
    setting.desk.take(case, "ana", at + 5)
    setting.desk.talk(case, "ana", at + 10)
    setting.desk.close(case, "ana", Closing(Cause.LONELY, Action.TALKED, Outcome.RESOLVED_BY_TALK), at + 60)
    intake.take(routine_topic("carme"), encode(week(monday=monday)))
    with setting.database.read() as conn:
        (shown,) = care.weeks_shown(conn, "carme") or []
    assert (shown.calls_from_home, shown.calls_to_home, shown.helpers_came, shown.contacts) == (1, 0, 0, 2)


def test_the_card_says_how_many_alarms_were_false(setting: Setting) -> None:
    for number, cause in enumerate((Cause.MISTAKE, Cause.MISTAKE, Cause.HELP_NEEDED)):
        at = NOON - (3 - number) * DAY
        case = setting.alarm("carme", ref=f"B{number}", at=at)
        setting.desk.take(case, "ana", at + 5)
        setting.desk.talk(case, "ana", at + 10)
        setting.desk.close(case, "ana", Closing(cause, Action.TALKED, Outcome.RESOLVED_BY_TALK), at + 60)
    setting.finding("carme", AlarmKind.INACTIVITY, "quiet_too_long", {}, at=NOON - 3600)
    shown = view(setting)
    assert (shown["false_alarms"], shown["weeks_counted"]) == (2, 4)
    assert shown["by_kind"] == ["Help button: 2 false, 1 right, 0 not said"]
