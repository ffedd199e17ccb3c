"""Promises of the question after a suspected fall: whoever is well is left in peace, and no fall is ever lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import pytest

from devices.enrolment import EnrolledDevice
from devices.frames import ButtonEvent, Frame, Link
from devices.vocabulary import Reading
from edge.asking import Asking
from edge.clock import Clock, Stamp
from edge.health import Health
from edge.home.presence import Presence
from edge.home.question import ASK_S, ASKED_AGAIN_S, Answer, Dialogue, Question, overdue
from edge.home.stages import SceneName
from edge.intake import ANSWER_GRACE_S, Intake
from edge.outbox import StampedReading, StoredAlarm
from edge.outbox_file import FILE_NAME
from edge.outbox_thread import OutboxThread
from gateway.contract.alarm_kinds import AlarmKind, kind_of
from gateway.contract.messages import Alarm
from tests.edge.conftest import until
from tests.edge.test_outbox_return import failing_disk

BELT = EnrolledDevice("belt", "serial_fall_sensor", Link.SERIAL, "00b3117a", "belt", "", None)
WATCH = EnrolledDevice("watch", "serial_fall_sensor", Link.SERIAL, "00b3117b", "watch", "", None)
PENDANT = EnrolledDevice("button", "button", Link.BUTTON, "cord", "bath", "", None)
GREEN = EnrolledDevice("green", "button", Link.BUTTON, "green", "hall", "", None)
WALL = 1.8e9


class Home:
    """One hub from its intake on; `now` is moved by hand, and `told` is what the centre is told of falls."""

    def __init__(self, folder: Path, boot: str, now: float) -> None:
        self.now = now
        self.clock = Clock(boot, monotonic=lambda: self.now, wall=lambda: WALL + self.now, is_trusted=lambda: True)
        self.folder = folder
        self.alarms: list[StoredAlarm] = []
        self.outbox = OutboxThread(lambda _sentence, _code: None)
        self.presence = Presence(self.clock)
        self.presence.line(connected=True)
        self.asking = asking = Asking(self.clock, self.outbox, self.presence, lambda: "en", fine_buttons=["green"])
        self.intake = Intake(
            {(device.link, device.address): device for device in (BELT, WATCH, PENDANT, GREEN)},
            self.clock,
            self.outbox,
            Health(now),
            asking,
            on_alarms=self._on_alarms,
            on_readings=lambda _prompt: None,
            delivered=list,
            on_fault=lambda *_: False,
        )
        self.presence.on_answer = self.intake.answer

    def _on_alarms(self, stored: list[StoredAlarm]) -> None:
        self.alarms += stored
        for each in stored:
            self.presence.heard(each)

    @property
    def kinds(self) -> list[AlarmKind]:
        return [kind_of(each.alarm.dty, each.alarm.stc) for each in self.alarms]

    @property
    def scene(self) -> SceneName:
        return self.presence.scene().name

    async def says(self, word: str, device: EnrolledDevice = BELT) -> None:
        impact = [Reading(device.id, "impact", 40.1, WALL + self.now)] if word == "suspected" else []
        self.intake.conclude((Reading(device.id, "fall", word, WALL + self.now), *impact))
        await self.settled()

    async def press(self, device: EnrolledDevice) -> None:
        self.intake.take(Frame(device.link, device.address, bytes([ButtonEvent.PRESS]), None, WALL + self.now))
        await self.settled()

    async def answer(self, answer: Answer) -> bool:
        taken = self.presence.answer(self.presence.scene().question, answer)
        await self.settled()
        return taken

    async def settled(self) -> None:
        await until(lambda: self.intake.idle, "all that was heard is worked off")

    async def after(self, seconds: float) -> None:
        self.now += seconds
        # whatever wakes the loop: time is moved by hand here
        self.intake.take(Frame(Link.SERIAL, "nobody", b"", None, WALL + self.now))
        await self.settled()
        self.intake.take(Frame(Link.SERIAL, "nobody", b"", None, WALL + self.now))
        await self.settled()

    async def told(self) -> list[tuple[str, object]]:
        await self.intake.flush()
        found: list[StampedReading] = []
        while pack := await self.outbox.call(lambda box: box.next_pack("b")):
            found += pack.readings
        return [(item.reading.device, item.reading.value) for item in found if item.reading.kind == "fall"]


@asynccontextmanager
async def living(folder: Path, boot: str = "b1", now: float = 1000.0, *, screens: int = 1) -> AsyncIterator[Home]:
    home = Home(folder, boot, now)
    await home.outbox.open(folder, 1000)
    await home.intake.load()
    working = asyncio.create_task(home.intake.run(lambda: None))
    with home.presence.attached() if screens else nullcontext():
        yield home
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await home.outbox.close()


async def test_without_an_answer_it_is_an_alarm_with_its_evidence_that_says_so(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.says("suspected")
        assert (home.alarms, home.scene) == ([], SceneName.ASKING)
        await home.after(ASK_S - 1)
        assert (home.alarms, home.scene) == ([], SceneName.ASKING)
        await home.after(1 + 2 * ANSWER_GRACE_S)
        (stored,) = home.alarms
        assert home.kinds == [AlarmKind.FALL]
        assert "no answer" in stored.alarm.text
        assert {("belt/impact", 40.1), ("belt/fall", "suspected"), ("belt/fall", "unanswered")} <= {
            (record.n, record.v if record.v is not None else record.vs) for record in stored.alarm.evidence
        }
        assert home.scene is SceneName.HEARD
        await home.after(120)
        assert len(home.alarms) == 1


@pytest.mark.parametrize("by_button", [False, True], ids=["screen", "green button"])
async def test_i_am_fine_calls_nobody_and_is_told_to_the_centre(tmp_path: Path, by_button: bool) -> None:
    async with living(tmp_path) as home:
        await home.says("suspected")
        if by_button:
            await home.press(GREEN)
        else:
            assert await home.answer(Answer.FINE)
        assert home.scene is SceneName.GLAD
        await home.after(600)
        assert (home.alarms, home.scene) == ([], SceneName.IDLE)
        assert sorted(await home.told()) == [("belt", "fine"), ("belt", "suspected")]


async def test_whoever_walks_again_is_left_in_peace_and_the_centre_knows(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.says("suspected")
        await home.after(8)
        await home.says("recovered")
        await home.after(600)
        assert home.alarms == []
        assert sorted(await home.told()) == [("belt", "recovered"), ("belt", "suspected")]


async def test_lying_still_is_an_alarm_at_once_and_only_one(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.says("suspected")
        await home.after(12)
        await home.says("confirmed")
        await home.after(600)
        assert home.kinds == [AlarmKind.FALL]
        assert home.scene is SceneName.TRYING


@pytest.mark.parametrize("by", ["pendant", "screen"])
async def test_a_press_during_the_question_means_yes_at_once(tmp_path: Path, by: str) -> None:
    async with living(tmp_path) as home:
        await home.says("suspected")
        if by == "pendant":
            await home.press(PENDANT)
            assert home.kinds == [AlarmKind.HELP, AlarmKind.FALL]
        else:
            await home.answer(Answer.HELP)
            assert home.kinds == [AlarmKind.FALL]
            assert "help is wanted" in home.alarms[0].alarm.text
        assert home.scene is SceneName.HEARD


async def test_the_green_button_calls_nobody_when_nothing_is_asked(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.press(GREEN)
        assert home.alarms == []


async def test_where_nobody_can_be_asked_it_is_an_alarm_at_once(tmp_path: Path) -> None:
    async with living(tmp_path, screens=0) as home:
        await home.says("suspected")
        assert home.kinds == [AlarmKind.FALL]
    async with living(tmp_path / "call", now=1000.0) as home:
        await home.press(PENDANT)
        await home.says("suspected")
        assert home.kinds == [AlarmKind.HELP, AlarmKind.FALL], "the screen shows a call that is under way"


async def test_a_second_person_who_falls_meanwhile_is_an_alarm_for_both(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.says("suspected")
        await home.says("suspected", WATCH)
        assert sorted(each.alarm.did for each in home.alarms) == ["belt", "watch"]


async def test_a_fall_right_after_i_am_fine_is_asked_about_anew(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.says("suspected")
        first = home.presence.scene().question
        await home.answer(Answer.FINE)
        await home.after(4)
        await home.says("suspected")
        assert home.scene is SceneName.ASKING
        assert not home.presence.answer(first, Answer.FINE), "an answer to the first question is none to the second"
        await home.after(ASK_S + 2 * ANSWER_GRACE_S)
        assert home.kinds == [AlarmKind.FALL]


async def test_sitting_still_after_i_am_fine_asks_once_more_and_later_calls(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.says("suspected")
        await home.answer(Answer.FINE)
        await home.after(20)
        await home.says("confirmed")
        assert (home.alarms, home.scene) == ([], SceneName.ASKING)
        await home.answer(Answer.FINE)
        await home.after(ASKED_AGAIN_S + 1)
        await home.says("confirmed")
        assert home.kinds == [AlarmKind.FALL]


async def test_after_a_power_cut_the_open_question_is_an_alarm(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.says("suspected")
    async with living(tmp_path, boot="b2", now=5.0) as home:
        await until(lambda: home.alarms, "the question becomes an alarm")
        assert home.kinds == [AlarmKind.FALL]
        assert home.alarms[0].alarm.tim == WALL + 1000.0, "it says when the fall was, not when the power came back"
    async with living(tmp_path, boot="b3", now=5.0) as home:
        await home.after(1)
        assert home.alarms == [], "once"


@pytest.mark.parametrize("boot", ["b1", "b2"])
async def test_a_hub_that_stops_right_after_a_hard_blow_asks_when_it_is_back(tmp_path: Path, boot: str) -> None:
    async with living(tmp_path) as home:
        home.intake.felt("belt")
        await home.settled()
        assert (home.alarms, home.scene) == ([], SceneName.IDLE), "nobody is asked before it is known what it was"
    async with living(tmp_path, boot, now=1100.0) as home:
        await home.after(ASK_S - 1)
        assert (home.alarms, home.scene) == ([], SceneName.ASKING), "there is time for an answer"
    async with living(tmp_path, boot, now=1100.0 + ASK_S) as home:
        await home.after(2 * ANSWER_GRACE_S)
        assert home.kinds == [AlarmKind.FALL], "another stop takes none of that time"
        assert "right after a hard blow" in home.alarms[0].alarm.text
        assert "no answer" in home.alarms[0].alarm.text
    async with living(tmp_path, boot, now=1200.0) as home:
        await home.after(60)
        assert home.alarms == [], "once"


async def test_a_blow_that_has_been_judged_is_not_asked_about_after_a_stop(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        home.intake.felt("belt")
        home.intake.felt("")
        await home.settled()
    async with living(tmp_path / "fall") as home:
        home.intake.felt("belt")
        await home.says("suspected")
        await home.answer(Answer.FINE)
        home.intake.felt("")
        await home.settled()
    for folder in (tmp_path, tmp_path / "fall"):
        async with living(folder, boot="b2") as home:
            await home.after(60)
            assert (home.alarms, home.scene) == ([], SceneName.IDLE)


async def test_a_restart_of_the_program_goes_on_asking_as_long_as_there_is_time(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.says("suspected")
    async with living(tmp_path, now=1010.0) as home:
        assert (home.alarms, home.scene) == ([], SceneName.ASKING)
        await home.answer(Answer.FINE)
    async with living(tmp_path, now=1030.0) as home:
        await home.after(60)
        assert home.alarms == []
        await home.says("suspected")
    async with living(tmp_path, now=1300.0) as home:
        await until(lambda: home.alarms, "the time was over while the program was away")


async def test_a_question_that_the_disk_has_damaged_is_still_a_call(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.says("suspected")
    with sqlite3.connect(tmp_path / FILE_NAME) as db:
        db.execute("UPDATE meta SET value = 'x' || value WHERE name = 'question'")
    db.close()
    async with living(tmp_path) as home:
        await until(lambda: home.alarms, "that something was asked is known")
        assert home.kinds == [AlarmKind.FALL]


async def test_a_question_in_a_file_that_is_moved_aside_is_taken_along(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.says("suspected")
    with sqlite3.connect(tmp_path / FILE_NAME) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    async with living(tmp_path, boot="b2") as home:
        await until(lambda: home.alarms, "the call is rescued")
        assert home.kinds == [AlarmKind.FALL]


async def test_an_answer_in_time_counts_though_it_waits_behind_what_was_heard_before_it(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.says("suspected")
        home.intake.take(Frame(Link.SERIAL, "nobody", b"", None, WALL + home.now))
        home.presence.answer(home.presence.scene().question, Answer.FINE)
        home.now += ASK_S + ANSWER_GRACE_S / 2
        await home.settled()
        assert (home.alarms, home.scene) == ([], SceneName.GLAD)


async def test_a_disk_that_fails_while_it_is_asked_makes_it_an_alarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.outbox_file.BUSY_WAIT_S", 0.0)
    async with living(tmp_path) as home:
        await home.says("suspected")
        with failing_disk(tmp_path):
            await home.outbox.call(lambda box: box.next_pack("b1"))
            await home.after(0.1)
            assert home.kinds == [AlarmKind.FALL], "a power cut would take the question with it"


async def test_what_was_answered_while_the_disk_was_away_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.outbox_file.BUSY_WAIT_S", 0.0)
    monkeypatch.setattr("edge.outbox_thread.DISK_AGAIN_S", 0.0)
    async with living(tmp_path) as home:
        await home.says("suspected")
        with failing_disk(tmp_path):
            await home.answer(Answer.FINE)
            assert not home.outbox.durable
        await home.says("recovered", WATCH)
        await home.intake.flush()
        assert home.outbox.durable
    async with living(tmp_path, boot="b2") as home:
        await home.after(60)
        assert home.alarms == []


def test_where_the_clock_is_not_right_the_alarm_keeps_the_moment_of_the_fall() -> None:
    suspected = Stamp("b1", 1000.0, 5.0, trusted=False)
    asked = Dialogue(Question("q", Alarm("0", 5, 5.0, 9, did="belt"), suspected))
    for moment in (Stamp("b1", 1025.0, WALL, trusted=True), Stamp("b2", 3.0, WALL, trusted=True)):
        ((alarm, stamp),) = overdue(asked, moment).alarms
        assert (alarm.tim, stamp) == (5.0, suspected), "from which its age is told"


async def test_without_a_disk_nobody_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    async with living(tmp_path / "file" / "store") as home:
        await home.says("suspected")
        assert home.kinds == [AlarmKind.FALL], "a power cut would take the question with it"
