"""A press that was a mistake is taken back by a touch, in time; the press goes its way all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from devices.vocabulary import Reading
from edge.config import LANGUAGES
from edge.home.question import About, Answer
from edge.home.stages import AGAIN_S, TRYING_AFTER_S, Scene, SceneName
from edge.home.wording import put_in_words
from edge.taking_back import AGAIN_S as OFFERED_AGAIN_S
from edge.taking_back import TakingBack
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.encoding import decode
from gateway.contract.messages import Alarm, AlarmAnswer, MessageType, Stage
from tests.edge.conftest import until
from tests.edge.test_question import BELT, PENDANT, WALL, Home, living

GRACE_S = 30.0


class Pressed:
    """A home with a time of grace; `said` is what the centre is told, `line` whether it can be told anything."""

    def __init__(self, home: Home) -> None:
        self.home, self.line = home, True
        self.received: set[str] = set()
        self.said: list[Alarm] = []
        home.presence.live_by("", GRACE_S)
        back = TakingBack("h-1", home.clock, lambda ref: ref not in self.received, self._publish)
        home.presence.on_mistake = back.take_back

    def _publish(self, _topic: str, payload: bytes, _on_done: Callable[[bool], None]) -> bool:
        alarm = decode(Alarm, payload)
        assert isinstance(alarm, Alarm)
        if self.line:
            self.said.append(alarm)
        return self.line

    @property
    def scene(self) -> Scene:
        return self.home.presence.scene()

    def hears(self, ref: str, stage: Stage = Stage.RECEIVED, who: str = "") -> None:
        self.received.add(ref)
        self.home.presence.answered(AlarmAnswer(ref, 0, WALL + self.home.now, stage, "7", who))

    async def press(self) -> str:
        await self.home.press(PENDANT)
        return self.home.alarms[-1].alarm.ref


@asynccontextmanager
async def pressed(folder: Path) -> AsyncIterator[Pressed]:
    async with living(folder) as home:
        yield Pressed(home)


async def test_a_touch_in_time_tells_the_centre_and_the_home_is_glad(tmp_path: Path) -> None:
    async with pressed(tmp_path) as at:
        ref = await at.press()
        at.hears(ref)
        await at.home.after(GRACE_S - 1)
        assert (at.scene.name, at.scene.mistake) == (SceneName.RECEIVED, True)
        assert put_in_words(at.scene, "en").mistake == "It was a mistake"
        assert await at.home.answer(Answer.MISTAKE)
        (said,) = at.said
        assert (said.ref, said.mty, (said.dty, said.stc)) == (ref, MessageType.WITHDRAWN, SCAIP_CODES[AlarmKind.HELP])
        shown = put_in_words(at.scene, "en")
        assert (at.scene.name, "may still call" in shown.detail) == (SceneName.GLAD, True)
        await at.home.after(AGAIN_S)
        assert at.scene.name is SceneName.IDLE
        at.hears(ref, Stage.TAKEN, "Ana")
        assert at.scene.name is SceneName.TAKEN, "whoever looks after it all the same is announced"


async def test_a_press_is_stored_and_sent_whatever_is_touched_and_taken_back_after_it_has_arrived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.taking_back.AGAIN_S", OFFERED_AGAIN_S / 100)
    async with pressed(tmp_path) as at:
        ref = await at.press()
        assert at.home.kinds == [AlarmKind.HELP]
        await at.home.answer(Answer.MISTAKE)
        assert at.said == [], "the centre does not know of the press yet"
        at.line = False
        at.hears(ref)
        at.line = True
        await until(lambda: at.said, "it is told when it has the press")
        waiting = await at.home.outbox.call(lambda box: box.waiting_alarms())
        assert [stored.alarm.ref for stored in waiting] == [ref]


async def test_after_the_time_of_grace_nothing_is_offered_nor_taken(tmp_path: Path) -> None:
    async with pressed(tmp_path) as at:
        ref = await at.press()
        await at.home.after(GRACE_S)
        assert (at.scene.name, at.scene.mistake) == (SceneName.TRYING, False)
        assert not at.home.presence.answer(ref, Answer.MISTAKE)
        assert at.said == []


async def test_once_somebody_has_taken_the_call_it_is_for_them_to_hear_it(tmp_path: Path) -> None:
    async with pressed(tmp_path) as at:
        ref = await at.press()
        at.hears(ref, Stage.TAKEN, "Ana")
        assert (at.scene.name, at.scene.mistake) == (SceneName.TAKEN, False)
        assert not at.home.presence.answer(ref, Answer.MISTAKE)


async def test_presses_in_fright_are_taken_back_together(tmp_path: Path) -> None:
    async with pressed(tmp_path) as at:
        refs = []
        for _ in range(3):
            refs.append(await at.press())
            at.hears(refs[-1])
            await at.home.after(GRACE_S - 10)
        assert len(set(refs)) == 3
        await at.home.answer(Answer.MISTAKE)
        assert [alarm.ref for alarm in at.said] == refs
        await at.home.after(60)
        assert at.scene.name is SceneName.IDLE


async def test_a_new_press_after_a_mistake_calls_as_ever(tmp_path: Path) -> None:
    async with pressed(tmp_path) as at:
        await at.press()
        await at.home.answer(Answer.MISTAKE)
        await at.home.after(TRYING_AFTER_S + 1)
        await at.press()
        assert (at.scene.name, len(at.home.alarms)) == (SceneName.HEARD, 2)


async def test_falls_and_smoke_are_no_mistakes_of_a_thumb_and_without_a_time_of_grace_nothing_is(
    tmp_path: Path,
) -> None:
    async with pressed(tmp_path) as at:
        await at.home.says("confirmed", BELT)
        assert (at.home.kinds, at.scene.mistake) == ([AlarmKind.FALL], False)
    async with pressed(tmp_path / "smoke") as at:
        at.home.intake.conclude((Reading("belt", "smoke", True, WALL),))
        await at.home.settled()
        assert (at.home.kinds, at.scene.mistake) == ([AlarmKind.SMOKE], False)
    async with pressed(tmp_path / "none") as at:
        at.home.presence.live_by("", 0.0)
        ref = await at.press()
        assert not at.scene.mistake
        assert not at.home.presence.answer(ref, Answer.MISTAKE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_home_speaks_by_name_where_it_was_told_one(language: str) -> None:
    scenes = (
        Scene(SceneName.HEARD, AlarmKind.HELP),
        Scene(SceneName.ASKING),
        Scene(SceneName.ASKING, about=About.QUIET),
        Scene(SceneName.GLAD),
    )
    for scene in scenes:
        named, plain = put_in_words(scene, language, "Rosa").sentence, put_in_words(scene, language).sentence
        assert named.replace(", Rosa", "") == plain != named
        assert "{" not in plain
