"""What the home says aloud: recorded by people, and never believed to be heard where it was not said."""

from __future__ import annotations

import itertools
import json
import wave
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import Page
from starlette.testclient import TestClient

from edge.__main__ import main
from edge.check import describe
from edge.config import LANGUAGES, load_config
from edge.enrolment import load_enrolment
from edge.home.presence import Presence
from edge.home.question import About
from edge.home.screen.server import create_app
from edge.home.stages import Scene, SceneName
from edge.home.voice import PHRASES, REASSURED, missing, phrase_of, recordings, script
from gateway.contract.alarm_kinds import SILENT_KINDS, AlarmKind
from gateway.contract.messages import AlarmAnswer, ProblemCode, Stage
from tests.edge.conftest import broker, desk, running, until, write_config
from tests.edge.test_check_in import Asked, asked
from tests.edge.test_question import PENDANT
from tests.edge.test_screen_browser import alarm_clock, page, pressed, serving
from tests.edge.test_second_path import JumpingClock

__all__ = ["broker", "desk", "page", "write_config"]

HERE = {"origin": "http://127.0.0.1", "content-type": "application/json"}


def record(folder: Path, language: str, *phrases: str) -> str:
    """A twentieth of a second of silence for each phrase; the folder, as it is configured."""
    for phrase in phrases:
        file = folder / language / f"{phrase}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(file), "wb") as sound:
            sound.setparams((1, 2, 8_000, 0, "NONE", ""))
            sound.writeframes(bytes(800))
    return str(folder)


def test_whatever_the_home_sounds_for_can_be_recorded() -> None:
    kinds = [kind for kind in AlarmKind if kind not in SILENT_KINDS]
    flags = itertools.product((False, True), repeat=2)
    for name, kind, about, (first, second) in itertools.product(SceneName, kinds, About, list(flags)):
        told = ("Marc",) if first else ()
        scene = Scene(name, kind, "Ana", 12, reached_before=first, contacts_told=told, reassured=second, about=about)
        assert (phrase_of(scene) in PHRASES) == (name not in {SceneName.IDLE, SceneName.CLOSED})


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_phrase_has_words_of_its_own_and_leaves_no_name_open(language: str) -> None:
    scripts = [script(phrase, language) for phrase in PHRASES]
    assert len({*scripts}) == len(PHRASES)
    assert not [words for words in scripts if set("{}") & set(words) or len(words.split()) < 3]


def test_the_phrases_to_record_are_printed_with_the_names_of_their_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["phrases", "ca"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert ["received", "La central ja té la seva trucada. Soc aquí, amb vostè."] in lines
    folder = record(tmp_path, "ca", *(name for name, _ in lines))
    assert missing(recordings(folder, "ca")) == []
    assert missing(recordings(folder, "es")) == missing(recordings("", "ca")) == list(PHRASES)


def test_the_page_gets_the_recording_of_what_it_shows_and_no_other_file(tmp_path: Path) -> None:
    presence = Presence(alarm_clock())
    presence.line(connected=True)
    presence.heard(pressed())
    (tmp_path / "secret.wav").write_bytes(b"no")
    folder = record(tmp_path / "voice", "ca", "heard-help")
    browser = TestClient(create_app(presence, lambda: "ca", folder), "http://127.0.0.1", client=("127.0.0.1", 40_000))

    def start(language: str) -> dict[str, dict[str, object]]:
        text = browser.get(f"/?lang={language}").text
        found: dict[str, dict[str, object]] = json.loads(text.partition('id="start">')[2].partition("</script>")[0])
        return found

    assert start("ca")["scene"]["voice"] == "voice/ca/heard-help"
    assert "voice" not in start("es")["scene"], "the browser's own voice says it there"
    assert start("ca")["hello"]["recorded"] is False, "one phrase is no voice"
    reply = browser.get("/voice/ca/heard-help")
    assert (reply.status_code, reply.headers["content-type"], reply.content[:4]) == (200, "audio/wav", b"RIFF")
    for other in ("ca/received", "es/heard-help", "ca/..%2fsecret", "ca/%2e%2e%2fsecret.wav", "xx/heard-help"):
        assert browser.get(f"/voice/{other}").status_code == 404


def test_only_the_page_on_the_hub_says_what_was_heard(tmp_path: Path) -> None:
    presence, heard = Presence(alarm_clock()), []
    presence.on_said = heard.append
    for client, headers, status in (
        ("192.0.2.7", HERE, 403),
        ("127.0.0.1", HERE | {"origin": "https://evil.example"}, 403),
        ("127.0.0.1", HERE, 204),
    ):
        browser = TestClient(create_app(presence, lambda: "en"), "http://127.0.0.1", client=(client, 40_000))
        assert browser.post("/said", json={"phrase": REASSURED}, headers=headers).status_code == status
    for nonsense in ({"phrase": "anything"}, {"said": True}, []):
        assert browser.post("/said", json=nonsense, headers=HERE).status_code == 400
    assert heard == [REASSURED]


async def waits(asking: Asked) -> None:
    """A press whose receipt is here, and nobody yet."""
    await asking.home.press(PENDANT)
    ref = asking.home.alarms[-1].alarm.ref
    asking.home.presence.answered(AlarmAnswer(ref, 0, 0.0))
    assert asking.home.scene is SceneName.RECEIVED


async def test_that_the_home_was_comforted_is_told_when_it_was_said_to_the_end(tmp_path: Path) -> None:
    async with asked(tmp_path) as asking:
        await waits(asking)
        await asking.ask("reassure", "reassure-1-2")
        await asking.ask("reassure", "reassure-1-2")
        assert asking.home.presence.scene().reassured
        asking.home.presence.on_said("received")
        assert asking.told == [], "something else was said, or is still being said"
        asking.home.presence.on_said(REASSURED)
        assert asking.told == [("reassure-1-2", "done", "said")]


async def test_what_was_only_shown_is_not_told_as_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.comforting.SAID_WITHIN_S", 0.0)
    async with asked(tmp_path) as asking:
        await waits(asking)
        await asking.ask("reassure", "reassure-1-2")
        await until(lambda: asking.told, "the page has not said it")
        assert asking.told == [("reassure-1-2", "done", "shown")]


@pytest.mark.parametrize("why", ["nobody looks", "somebody has taken it"])
async def test_where_there_is_no_page_or_nobody_waits_it_was_not_said(tmp_path: Path, why: str) -> None:
    async with asked(tmp_path, screens=0 if why == "nobody looks" else 1) as asking:
        await waits(asking)
        if why == "somebody has taken it":
            ref = asking.home.alarms[-1].alarm.ref
            asking.home.presence.answered(AlarmAnswer(ref, 0, 1.0, Stage.TAKEN, who="Ana"))
        await asking.ask("reassure", "reassure-1-2")
        await until(lambda: asking.told, "the centre is told")
        assert asking.told == [("reassure-1-2", "failed", "")]


@pytest.mark.slow
async def test_a_home_that_can_say_nothing_is_known_to_the_centre_and_to_the_installer(
    write_config: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(tmp_path / "voice", "en", *PHRASES[1:])
    path = write_config(f'[screen]\nport = 0\nvoice = "{folder}"\n')
    clock = JumpingClock()

    def says_so() -> bool:
        return any(one.code == ProblemCode.VOICE_MISSING for one in agent._describe().state.problems)

    async with running(path, clock) as agent:
        assert not says_so(), "a page may need a while to open"
        clock.added_s += 200
        await until(says_so, "nothing speaks there")
        with agent._presence.attached():
            assert says_so(), "a page without a voice is none"
        with agent._presence.attached(speaks=True):
            await until(lambda: not says_so(), "a voice is there")
    config = load_config(path)
    describe(config, load_enrolment(config.enrolment))
    assert f"missing: {PHRASES[0]}\n" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.browser
async def test_the_page_plays_the_recording_and_tells_the_hub_when_it_was_heard(tmp_path: Path, page: Page) -> None:
    presence = Presence(alarm_clock())
    said: list[str] = []
    presence.on_said = said.append
    presence.line(connected=True)
    async with serving(presence, record(tmp_path, "ca", *PHRASES)) as port:
        await page.goto(f"http://127.0.0.1:{port}/")
        await until(lambda: presence.is_seen, "the page is open")
        assert presence._voices == 0, "a browser that lets nothing sound has no voice"
        await page.mouse.click(5, 5)
        await until(lambda: presence._voices == 1, "it may sound now")
        presence.heard(pressed())
        await until(lambda: said == ["heard-help"], "played to its end")
