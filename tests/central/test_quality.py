"""What people said of alarms when they closed them is counted, told the receiver, and kept there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from central.alarm_cases.closing import Action, Cause, Closing, Label, Outcome
from central.alarm_cases.verdict import Verdict, verdict
from central.detection.finding import Finding
from central.detection.labels import HOSPITAL_S, Labels, unusual_times
from central.detection.labels import Label as Told
from central.detection.profile import Limits
from central.internal import decode_labels, labels_topic
from central.label_book import LabelBook
from central.label_desk import LabelDesk
from central.storage.quality import FalseAlarms, false_alarms_by_week
from gateway.contract.alarm_kinds import AlarmKind

from .conftest import NOON, Town, alarm_of

DAY = 86_400.0
K = AlarmKind


@pytest.mark.parametrize(
    ("kind", "among", "cause", "label", "expected"),
    [
        (K.INACTIVITY, {K.INACTIVITY}, Cause.HELP_NEEDED, Label.NOT_SAID, Verdict.TRUE),
        (K.INACTIVITY, {K.INACTIVITY}, Cause.MISTAKE, Label.NOT_SAID, Verdict.FALSE),
        (K.INACTIVITY, {K.INACTIVITY}, Cause.MISTAKE, Label.TRUE, Verdict.TRUE),
        (K.INACTIVITY, {K.INACTIVITY}, Cause.UNWELL, Label.FALSE, Verdict.FALSE),
        (K.INACTIVITY, {K.INACTIVITY}, Cause.LONELY, Label.NOT_SAID, Verdict.UNKNOWN),
        (K.INACTIVITY, {K.INACTIVITY}, Cause.TEST, Label.NOT_SAID, Verdict.UNKNOWN),
        (K.HELP, {K.HELP}, Cause.LONELY, Label.NOT_SAID, Verdict.TRUE),
        (K.HUB_SILENT, {K.HUB_SILENT}, Cause.EQUIPMENT, Label.NOT_SAID, Verdict.TRUE),
        (K.INACTIVITY, {K.INACTIVITY}, Cause.EQUIPMENT, Label.NOT_SAID, Verdict.FALSE),
        # a press by mistake says nothing of the silence beside it, and a fall nothing of the sensor
        (K.INACTIVITY, {K.INACTIVITY, K.HELP}, Cause.MISTAKE, Label.NOT_SAID, Verdict.UNKNOWN),
        (K.SENSOR_SILENT, {K.SENSOR_SILENT, K.FALL}, Cause.FALL, Label.TRUE, Verdict.UNKNOWN),
    ],
)
def test_the_closing_says_whether_an_alarm_was_right(
    kind: AlarmKind, among: set[AlarmKind], cause: Cause, label: Label, expected: Verdict
) -> None:
    assert verdict(kind, among, cause.value, label.value) is expected


def found(town: Town, at: float, home: str = "home-1", kind: AlarmKind = K.INACTIVITY) -> None:
    detector = kind.value
    key = f"{home}:{detector}:home:{int(at)}+3600"
    town.desk.receive_finding(Finding(key, home, kind, at - 3600, at, "quiet_too_long"), at)


def closed(town: Town, at: float, cause: Cause, *, label: Label = Label.NOT_SAID, hospital: bool = False) -> None:
    opened = max(town.changes, key=lambda change: change.case_id)
    town.desk.take(opened.case_id, "ana", opened.at + 5)
    town.desk.talk(opened.case_id, "ana", opened.at + 10)
    outcome = Outcome.HOSPITAL if hospital else Outcome.RESOLVED_BY_TALK
    town.desk.close(opened.case_id, "ana", Closing(cause, Action.TALKED, outcome, label=label), at)
    assert town.changes[-1].event_type == "closed"


def counted(town: Town, since_at: float, until_at: float, home: str = "") -> list[tuple[str, str, str, int, int, int]]:
    with town.database.read() as connection:
        lines = false_alarms_by_week(connection, since_at, until_at, home)
    assert all(isinstance(line, FalseAlarms) for line in lines)
    return [(line.home_id, line.week, line.detector, line.false_alarms, line.right, line.unknown) for line in lines]


def test_false_alarms_are_counted_by_home_week_and_detector(town: Town) -> None:
    """NOON is Saturday, 21 November 2026."""
    for day, cause in ((-8, Cause.MISTAKE), (-1, Cause.SENSOR_FALSE), (0, Cause.UNWELL), (1, Cause.LONELY)):
        found(town, NOON + day * DAY)
        closed(town, NOON + day * DAY + 600, cause)
    town.receive(alarm_of(K.HELP, "A1"), NOON, "hub-2")
    closed(town, NOON + 60, Cause.MISTAKE)
    town.receive(alarm_of(K.TEST, "A2"), NOON + 3600, "hub-2")
    closed(town, NOON + 3660, Cause.TEST)
    found(town, NOON + 2 * DAY)  # still open
    assert counted(town, NOON - 28 * DAY, NOON + 7 * DAY) == [
        ("home-1", "2026-11-09", "inactivity", 1, 0, 0),
        ("home-1", "2026-11-16", "inactivity", 1, 1, 1),
        ("home-2", "2026-11-16", "help", 1, 0, 0),
    ]
    assert [line[0] for line in counted(town, NOON - 3600, NOON + 7 * DAY, "home-2")] == ["home-2"]
    assert counted(town, NOON - DAY - 60, NOON - 60) == [("home-1", "2026-11-16", "inactivity", 1, 0, 0)]


class Broker:
    """Keeps what is published under a topic, when it takes anything."""

    def __init__(self) -> None:
        self.up = True
        self.confirms = True
        self.kept: dict[str, bytes] = {}
        self.published = 0

    def publish(self, to: str, payload: bytes, on_done: Callable[[bool], None]) -> bool:
        if not self.up:
            return False
        self.published += 1
        if self.confirms:
            self.kept[to] = payload
        on_done(self.confirms)
        return True

    def labels(self, home: str) -> Labels:
        told = decode_labels(self.kept[labels_topic(home)])
        assert isinstance(told, Labels)
        return told


def test_a_label_is_told_however_often_broker_and_desk_fail(town: Town) -> None:
    broker = Broker()
    desk = LabelDesk(town.database, broker.publish)
    assert desk.work(NOON - DAY) is None
    found(town, NOON)
    closed(town, NOON + 600, Cause.UNWELL)
    desk.on_change(town.changes[-1])
    broker.up = False
    assert desk.work(NOON + 601) is not None, "it must look again soon"
    broker.up, broker.confirms = True, False
    desk.work(NOON + 602)
    assert broker.kept == {}
    broker.confirms = True
    assert desk.work(NOON + 603) is None
    assert [label.verdict for label in broker.labels("home-1").labels] == ["true"]
    desk.work(NOON + 604)
    assert broker.published == 2, "what is confirmed is not said again at once"
    # a desk that is started anew, and a broker that has forgotten
    broker.kept.clear()
    LabelDesk(town.database, broker.publish).work(NOON + DAY)
    assert [label.detector for label in broker.labels("home-1").labels] == ["inactivity"]


def told(key: str, verdict: Verdict = Verdict.TRUE, at: float = NOON, *, hospital: bool = False) -> Told:
    return Told(key, "inactivity", K.INACTIVITY, verdict.value, at - 7200, at, hospital)


def test_the_receiver_keeps_labels_over_a_restart_in_any_order_and_number(tmp_path: Path) -> None:
    one, two, three = told("1"), told("2", Verdict.FALSE, NOON + DAY), told("3", Verdict.UNKNOWN, NOON + 2 * DAY)
    book = LabelBook(tmp_path / "labels.sqlite")
    assert book.take(Labels("home-1", [three, two]))
    assert book.take(Labels("home-1", [one, two]))
    assert not book.take(Labels("home-1", [one]))
    book.close()
    again = LabelBook(tmp_path / "labels.sqlite")
    assert again.counts() == {"inactivity": {"true": 1, "false": 1, "unknown": 1}}
    assert again.unusual("home-1") == ((NOON - 7200, NOON),)
    again.close()


def test_only_confirmed_events_about_a_person_are_not_learned_from_and_a_hospital_a_day_longer() -> None:
    sensor = Told("s", "sensor_silent", K.SENSOR_SILENT, "true", NOON, NOON + 60)
    labels = [told("1", hospital=True), told("2", Verdict.FALSE), sensor]
    assert unusual_times(labels) == ((NOON - 7200, NOON + HOSPITAL_S),)
    assert Limits(unusual=unusual_times(labels)).unusual


def test_a_damaged_book_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "labels.sqlite").write_bytes(b"no database at all" * 100)
    book = LabelBook(tmp_path / "labels.sqlite")
    assert book.counts() == {}
    book.close()
