"""When the centre asks whether all is well: whoever is well is left in peace, and who wants help gets it at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from edge.commands import UNSENT_AGAIN_S, Commands, OnDone
from edge.health import Health
from edge.home.question import About, Answer
from edge.home.stages import SceneName
from edge.home.wording import put_in_words
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.encoding import decode, encode
from gateway.contract.messages import Command, CommandOutcome
from tests.edge.conftest import until
from tests.edge.test_question import BELT, GREEN, PENDANT, WALL, Home, living

WAIT_S = 595.0
ASKED = ("check-in-7", "asking", "")


class Asked:
    """A home and what it tells the centre of the questions it is given; `line` is whether the line takes anything."""

    def __init__(self, home: Home) -> None:
        self.home, self.line = home, True
        self.told: list[tuple[str, str, str]] = []
        health = Health(home.now)
        self.commands = Commands("h-1", home.clock, home.intake, home.asking, home.presence, health, self._publish)

    def _publish(self, _topic: str, payload: bytes, _on_done: OnDone | None) -> bool:
        outcome = decode(CommandOutcome, payload)
        assert isinstance(outcome, CommandOutcome)
        if self.line:
            self.told.append((outcome.id, outcome.outcome, outcome.answer))
        return self.line

    async def ask(self, verb: str = "check_in", name: str = "check-in-7", text: str = "") -> None:
        command = Command(name, verb, WALL + self.home.now + 20, text, wait_s=WAIT_S)
        assert await self.commands.take(encode(command))
        await self.home.settled()


@asynccontextmanager
async def asked(folder: Path, *, screens: int = 1) -> AsyncIterator[Asked]:
    async with living(folder, screens=screens) as home:
        yield Asked(home)


async def test_i_am_fine_is_told_to_the_centre_and_calls_nobody(tmp_path: Path) -> None:
    async with asked(tmp_path) as asking:
        await asking.ask()
        scene = asking.home.presence.scene()
        assert (scene.name, scene.about) == (SceneName.ASKING, About.QUIET)
        await asking.home.answer(Answer.FINE)
        assert asking.told == [ASKED, ("check-in-7", "done", "fine")]
        assert asking.home.scene is SceneName.GLAD
        await asking.home.after(WAIT_S)
        assert (asking.home.alarms, asking.home.scene) == ([], SceneName.IDLE)


async def test_the_green_button_on_the_wall_answers_too(tmp_path: Path) -> None:
    async with asked(tmp_path) as asking:
        await asking.ask()
        await asking.home.press(GREEN)
        assert asking.told[-1] == ("check-in-7", "done", "fine")
        assert asking.home.alarms == []


async def test_whoever_wants_help_has_called_as_with_a_pressed_button(tmp_path: Path) -> None:
    async with asked(tmp_path) as asking:
        await asking.ask()
        await asking.home.answer(Answer.HELP)
        assert asking.home.kinds == [AlarmKind.HELP]
        ((alarm, *_),) = asking.home.alarms
        assert (alarm.pri, "help is wanted" in alarm.text) == (9, True)
        assert asking.told[-1] == ("check-in-7", "done", "help")
        assert asking.home.scene is SceneName.HEARD


async def test_it_is_asked_every_half_minute_and_no_answer_is_told(tmp_path: Path) -> None:
    async with asked(tmp_path) as asking:
        await asking.ask()
        said = []
        for _ in range(4):
            said.append(put_in_words(asking.home.presence.scene(), "en").again)
            await asking.home.after(30)
        assert said == [0, 1, 2, 3]
        await asking.home.after(WAIT_S)
        assert asking.told == [ASKED, ("check-in-7", "done", "none")]
        assert (asking.home.alarms, asking.home.scene) == ([], SceneName.IDLE), "it is the centre that calls people"


@pytest.mark.parametrize("why", ["nobody there", "a call", "a fall"])
async def test_where_nobody_can_be_asked_the_centre_knows_at_once(tmp_path: Path, why: str) -> None:
    async with asked(tmp_path, screens=int(why != "nobody there")) as asking:
        if why == "a call":
            await asking.home.press(PENDANT)
        if why == "a fall":
            await asking.home.says("suspected")
        await asking.ask()
        assert asking.told == [("check-in-7", "failed", "")]


async def test_a_fall_or_a_press_meanwhile_is_an_alarm_at_once_and_ends_the_question(tmp_path: Path) -> None:
    async with asked(tmp_path) as asking:
        await asking.ask()
        await asking.home.says("suspected", BELT)
        assert asking.home.kinds == [AlarmKind.FALL], "the question costs a fall no second"
        assert asking.told[-1] == ("check-in-7", "done", "none")
    async with asked(tmp_path / "press") as asking:
        await asking.ask()
        await asking.home.press(PENDANT)
        assert asking.home.kinds == [AlarmKind.HELP]
        assert asking.told[-1] == ("check-in-7", "done", "none")


async def test_whoever_was_seen_about_is_asked_no_more(tmp_path: Path) -> None:
    async with asked(tmp_path) as asking:
        await asking.ask()
        await asking.ask("check_in_over", "other-over", "another")
        assert asking.home.scene is SceneName.ASKING
        await asking.ask("check_in_over", "check-in-7-over", "check-in-7")
        assert asking.home.scene is SceneName.GLAD
        assert [told for told in asking.told if told[0] == "check-in-7"] == [ASKED]


async def test_a_command_that_comes_twice_asks_once_and_an_answer_is_not_asked_for_again(tmp_path: Path) -> None:
    async with asked(tmp_path) as asking:
        await asking.ask()
        await asking.ask()
        await asking.home.answer(Answer.FINE)
        await asking.ask()
        assert asking.home.scene is SceneName.GLAD
        assert asking.told[-1] == ("check-in-7", "done", "fine")
        assert ("check-in-7", "failed", "") not in asking.told


async def test_an_answer_given_without_a_line_is_told_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.commands.UNSENT_AGAIN_S", UNSENT_AGAIN_S / 100)
    async with asked(tmp_path) as asking:
        asking.line = False
        await asking.ask()
        await asking.home.answer(Answer.FINE)
        asking.line = True
        await until(lambda: asking.told, "the line takes it")
        assert asking.told == [("check-in-7", "done", "fine")], "the newest word alone"


async def test_after_a_power_cut_the_centre_need_not_wait_and_nobody_is_called_from_here(tmp_path: Path) -> None:
    async with asked(tmp_path) as asking:
        await asking.ask()
    async with living(tmp_path, boot="b2", now=5.0) as home:
        told: list[tuple[str, str, str]] = []
        home.asking.on_check_in = lambda *outcome: told.append(outcome)
        await until(lambda: told, "the question is given up")
        assert (told, home.alarms) == ([("check-in-7", "done", "none")], [])


async def test_the_state_says_whether_somebody_can_be_asked_and_aloud(tmp_path: Path) -> None:
    async with living(tmp_path, screens=0) as home:
        health = Health(home.now)
        home.presence.on_askers = health.askers
        now = home.clock.now()
        states = [health.state(now, 0, "1")]
        news = [health.news(home.now)]
        with home.presence.attached(), home.presence.attached():
            states.append(health.state(now, 0, "1"))
            news.append(health.news(home.now))
            with home.presence.attached(speaks=True):
                states.append(health.state(now, 0, "1"))
                news.append(health.news(home.now))
        states.append(health.state(now, 0, "1"))
        assert [state.asks for state in states] == [False, True, True, False]
        assert [state.speaks for state in states] == [False, False, True, False]
        assert news[0] != news[1] != news[2], "the centre hears of it at once"


def test_the_wait_of_a_command_is_bounded() -> None:
    payload = msgspec.json.encode({"id": "c", "verb": "check_in", "expires": 5.0, "wait_s": 1e9})
    assert not isinstance(decode(Command, payload), Command)
