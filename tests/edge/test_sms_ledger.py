"""What was sent by SMS is remembered over restarts, damaged files and an older version of the file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from edge.clock import Stamp
from edge.outbox_file import FILE_NAME, open_outbox
from edge.sms_ledger import SmsState, least_ages_s
from gateway.contract.messages import Alarm

NOW = Stamp("b1", 50.0, 1.8e9, trusted=True)


def test_what_became_of_each_sms_outlives_a_restart(tmp_path: Path) -> None:
    outbox, _ = open_outbox(tmp_path, "e1", 1000)
    outbox.sms.begin("e11", (3, 10), "+34600", NOW)
    outbox.sms.begin("e11", (3, 10), "+34601", NOW)
    outbox.sms.settle("e11", "+34600", SmsState.TAKEN, 17)
    outbox.sms.settle("e11", "+34601", SmsState.FAILED_FOR_NOW)
    outbox.sms.settle("e11", "+34600", SmsState.DELIVERED)
    outbox.sms.settle("e12", "+34600", SmsState.FAILED)
    outbox.close()
    outbox, faults = open_outbox(tmp_path, "e2", 1000)
    assert faults == []
    found = [(a.ref, a.kind, a.recipient, a.state, a.network_id, a.stamp) for a in outbox.sms.attempts()]
    assert found == [
        ("e11", (3, 10), "+34600", SmsState.DELIVERED, 17, NOW),
        ("e11", (3, 10), "+34601", SmsState.FAILED_FOR_NOW, None, NOW),
    ]
    outbox.sms.answered("e11")
    assert [a.state for a in outbox.sms.attempts()] == [SmsState.ANSWERED, SmsState.FAILED_FOR_NOW]
    outbox.close()


def test_a_file_of_the_first_version_is_taken_up(tmp_path: Path) -> None:
    outbox, _ = open_outbox(tmp_path, "e1", 1000)
    [stored] = outbox.keep([(Alarm("0", 3, 1.8e9), NOW)])
    outbox.close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db:
        db.executescript("DROP TABLE sms; PRAGMA user_version = 1;")
    outbox, faults = open_outbox(tmp_path, "e2", 1000)
    assert faults == []
    assert [a.alarm.ref for a in outbox.waiting_alarms()] == [stored.alarm.ref]
    outbox.sms.begin(stored.alarm.ref, (3, 10), "+34600", NOW)
    outbox.close()


def test_a_damaged_file_does_not_make_us_write_to_the_family_again(tmp_path: Path) -> None:
    outbox, _ = open_outbox(tmp_path, "e1", 1000)
    [stored] = outbox.keep([(Alarm("0", 3, 1.8e9), NOW)])
    outbox.sms.begin(stored.alarm.ref, (3, 10), "+34600", NOW)
    outbox.sms.settle(stored.alarm.ref, "+34600", SmsState.TAKEN)
    outbox.close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db:
        db.executescript("DELETE FROM meta WHERE name = 'epoch'")
    outbox, faults = open_outbox(tmp_path, "e2", 1000)
    assert "moved aside" in faults[0]
    assert [(a.ref, a.state) for a in outbox.sms.attempts()] == [(stored.alarm.ref, SmsState.TAKEN)]
    outbox.close()


def test_a_refused_alarm_gives_its_place_to_a_plainer_one(tmp_path: Path) -> None:
    outbox, _ = open_outbox(tmp_path, "e1", 1000)
    [stored] = outbox.keep([(Alarm("0", 3, 1.8e9, text="too much"), NOW)])
    plain = outbox.replace(stored.alarm.ref, Alarm("0", 3, 1.8e9))
    assert plain is not None
    assert (plain.alarm.ref, plain.alarm.text, plain.stamp) != (stored.alarm.ref, "too much", NOW)
    assert [a.alarm for a in outbox.waiting_alarms()] == [plain.alarm]
    assert outbox.replace(stored.alarm.ref, Alarm("0", 3, 1.8e9)) is None
    outbox.close()


def test_how_old_an_sms_is_at_least_is_known_without_the_time_of_day() -> None:
    now = Stamp("b3", 20.0, 5.0, trusted=False)
    stamps = [
        Stamp("b1", 1_000.0, 1.8e9, trusted=True),
        Stamp("b1", 9_000.0, 1.8e9, trusted=True),
        Stamp("b2", 100.0, 1.0, trusted=False),
        Stamp("b2", 700.0, 1.0, trusted=False),
        Stamp("b3", 5.0, 5.0, trusted=False),
    ]
    assert least_ages_s(stamps, now) == [8_720.0, 720.0, 620.0, 20.0, 15.0]
    right = Stamp("b3", 20.0, 1.8e9 + 50_000, trusted=True)
    assert least_ages_s(stamps[:2], right) == [58_000.0, 50_000.0]
