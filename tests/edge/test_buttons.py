"""Wired emergency buttons: what counts as a press, in virtual time; and a GPIO button's way to the centre."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPin
from hypothesis import given
from hypothesis import strategies as st

from devices.decoding import Decoded, ReplayMark, decode
from devices.enrolment import EnrolledDevice
from devices.frames import ButtonEvent, Frame, Link
from edge.config import Config, load_config
from edge.drivers.button_line import ButtonLine
from edge.drivers.button_presses import (
    CHATTER_PRESSES,
    CHATTER_WINDOW_S,
    GPIO_DEBOUNCE_S,
    LONG_S,
    STUCK_S,
    advance,
    begin,
    due_at,
)
from edge.toml_tables import BadFileError
from tests.edge.conftest import Desk, running, until

BOUNCE = GPIO_DEBOUNCE_S / 10
DEVICE = EnrolledDevice("bath-cord", "button", Link.BUTTON, "bathroom", "bathroom", "3")


@dataclass(frozen=True)
class Stay:
    """The contact is closed or open for so long."""

    closed: bool
    for_s: float


def live(stays: list[Stay], *, debounce_s: float = GPIO_DEBOUNCE_S, looks_s: tuple[float, ...] = ()) -> list[str]:
    """What is told, as "word@seconds"; `looks_s` are moments at which somebody looks though nothing is due."""
    now, told = 0.0, []
    button = begin(stays[0].closed, now)
    looks = sorted(looks_s, reverse=True)
    for number, stay in enumerate(stays):
        end = now + stay.for_s
        following = stays[number + 1].closed if number + 1 < len(stays) else stay.closed
        while now < end:
            while looks and looks[-1] <= now:
                looks.pop()
            now = min(due_at(button, debounce_s), looks[-1] if looks else end, end)
            level = following if now == end else stay.closed
            button, more = advance(button, level, now, debounce_s)
            told += [f"{what}@{now:.2f}" for what in more]
    return told


def words(told: list[str]) -> list[str]:
    return [entry.partition("@")[0] for entry in told]


OPEN = Stay(False, 5.0)


def bouncing(for_s: float) -> list[Stay]:
    """A press by a real contact: it chatters for some milliseconds at both ends."""
    chatter = [Stay(True, BOUNCE), Stay(False, BOUNCE)] * 3
    return [*chatter, Stay(True, for_s), *chatter[1:], OPEN]


def test_a_press_counts_as_soon_as_the_contact_has_settled_and_not_when_it_is_let_go() -> None:
    assert live([OPEN, Stay(True, 20.0)]) == ["press@5.03", "long@8.00"]


def test_a_bouncing_contact_is_one_press() -> None:
    assert words(live([OPEN, *bouncing(0.2), *bouncing(0.2)])) == ["press", "release"] * 2


def test_a_needle_on_a_long_cable_is_no_press() -> None:
    assert live([OPEN, Stay(True, GPIO_DEBOUNCE_S / 2), OPEN]) == []


def test_a_usb_buttons_shortest_tap_counts() -> None:
    assert words(live([OPEN, Stay(True, 0.001), OPEN], debounce_s=0.0)) == ["press", "release"]


def test_a_press_held_for_three_seconds_is_told_again_as_a_long_one() -> None:
    assert words(live([OPEN, Stay(True, LONG_S - 0.1), OPEN])) == ["press", "release"]
    assert words(live([OPEN, Stay(True, LONG_S + 0.1), OPEN])) == ["press", "long", "release"]


def test_a_stuck_button_called_once_and_is_reported_once() -> None:
    assert words(live([OPEN, Stay(True, 86_400.0)])) == ["press", "long", "stuck"]
    assert words(live([OPEN, Stay(True, STUCK_S + 1), OPEN, Stay(True, 1.0)])) == [
        "press",
        "long",
        "stuck",
        "release",
        "press",
    ]


def test_a_button_held_when_listening_begins_is_told_as_that_and_the_next_press_as_a_press() -> None:
    assert words(live([Stay(True, 1.0), OPEN, Stay(True, 1.0), OPEN])) == ["held", "release", "press", "release"]
    needle = Stay(True, GPIO_DEBOUNCE_S / 2)
    assert words(live([needle, OPEN, Stay(True, 1.0), OPEN])) == ["press", "release"]


def test_a_loose_wire_does_not_flood_and_a_thumb_among_it_still_calls_every_minute() -> None:
    minutes = 10
    rattle = [Stay(True, 0.1), Stay(False, 0.1)] * (300 * minutes)
    said = words(live([OPEN, *rattle, Stay(False, 120.0), Stay(True, 1.0)]))
    assert said.count("press") <= CHATTER_PRESSES + minutes + 1
    assert said.count("press") >= CHATTER_PRESSES + minutes - 1, "never silent"
    assert said.count("chatter") == 1
    assert said[-2:] == ["steady", "press"], "well again after a quiet minute"


stays = st.lists(
    st.sampled_from([0.001, 0.01, 0.04, 0.2, 2.0, LONG_S, 10.0, STUCK_S, CHATTER_WINDOW_S + 1]), min_size=1, max_size=25
).map(lambda lengths: [Stay(bool(number % 2), length) for number, length in enumerate([1.0, *lengths, 1.0])])


@given(stays, st.sampled_from([0.0, GPIO_DEBOUNCE_S]))
def test_every_stay_that_outlasts_the_bounce_is_told_and_nothing_else(life: list[Stay], debounce_s: float) -> None:
    told = words(live(life, debounce_s=debounce_s))
    settled = [stay for stay in life if stay.for_s > debounce_s]
    joined = [stay for at, stay in enumerate(settled) if at == 0 or settled[at - 1].closed != stay.closed]
    assert told.count("press") == sum(stay.closed for stay in joined)
    assert told.count("release") == sum(not stay.closed for stay in joined[1:])
    moves = [word for word in told if word in {"press", "release"}]
    assert moves == ["press", "release"] * (len(moves) // 2) + ["press"] * (len(moves) % 2)


@given(stays, st.lists(st.floats(0, 100), max_size=20))
def test_looking_more_often_changes_nothing(life: list[Stay], looks: list[float]) -> None:
    assert live(life, looks_s=tuple(looks)) == live(life)


class Hub:
    """Reads a button's events, and starts again now and then with what it has stored."""

    def __init__(self) -> None:
        self.mark: ReplayMark | None = None

    def hears(self, *events: ButtonEvent) -> list[object]:
        found: list[object] = []
        for event in events:
            decoded = decode(Frame(Link.BUTTON, "bathroom", bytes((event,)), None, 0.0), DEVICE, self.mark)
            assert isinstance(decoded, Decoded)
            self.mark = decoded.mark
            found += [reading.value for reading in decoded.readings]
        return found


def test_a_button_held_over_a_restart_calls_for_somebody_may_have_pressed_meanwhile() -> None:
    hub = Hub()
    assert hub.hears(ButtonEvent.ALIVE, ButtonEvent.HELD, ButtonEvent.LONG) == ["single", "long"]
    assert hub.hears(ButtonEvent.ALIVE, ButtonEvent.HELD) == ["single"]


def test_a_button_known_as_stuck_does_not_call_at_every_restart_and_calls_again_once_it_was_free() -> None:
    hub = Hub()
    assert hub.hears(ButtonEvent.PRESS, ButtonEvent.LONG, ButtonEvent.STUCK) == ["single", "long"]
    for _ in range(5):
        assert hub.hears(ButtonEvent.ALIVE, ButtonEvent.HELD, ButtonEvent.LONG, ButtonEvent.STUCK) == []
    assert hub.hears(ButtonEvent.RELEASE, ButtonEvent.PRESS) == ["single"]


def test_wired_buttons_are_read_and_wrong_ones_explained(tmp_path: Path) -> None:
    def load(text: str) -> Config:
        path = tmp_path / "edge.toml"
        path.write_text('[hub]\nid = "h-17"\n[broker]\nhost = "broker.example"\n[storage]\nfolder = "store"\n' + text)
        return load_config(path)

    def faults(text: str) -> str:
        with pytest.raises(BadFileError) as caught:
            load(text)
        return "\n".join(caught.value.faults)

    cord = '[[button]]\nkind = "gpio"\nname = "bath"\npin = 17\n'
    usb = '[[button]]\nkind = "usb"\nname = "bed"\ndevice = "1209:b077"\n'
    found = [(button.name, button.pin, button.device) for button in load(cord + usb).button]
    assert found == [("bath", 17, ""), ("bed", None, "1209:b077")]
    wrong = faults(cord + cord + usb.replace("device", "path"))
    assert "the name 'bath' stands there 2 times" in wrong
    assert "the pin 17 stands there 2 times" in wrong
    assert "[[button]] 3: unknown key 'path'" in wrong
    assert "needs 'device'" in faults('[[button]]\nkind = "usb"\nname = "bed"\npin = 4\n')
    assert "needs 'pin'" in faults('[[button]]\nkind = "gpio"\nname = "bed"\n')


async def test_what_is_wrong_with_a_button_stands_until_that_is_well_again() -> None:
    told: list[str] = []
    line = ButtonLine(
        "bathroom",
        on_frame=lambda _frame: True,
        on_hearing=lambda: None,
        on_progress=lambda: None,
        on_fault=lambda sentence, _code: told.append(sentence),
    )
    levels: asyncio.Queue[tuple[bool, float]] = asyncio.Queue()
    now = time.monotonic() + 1_000.0
    for number in range(CHATTER_PRESSES):
        levels.put_nowait((True, now + number))
        levels.put_nowait((False, now + number + 0.5))
    levels.put_nowait((True, now + 2 * CHATTER_WINDOW_S + CHATTER_PRESSES))
    levels.put_nowait((False, now + 3 * CHATTER_WINDOW_S + CHATTER_PRESSES))
    task = asyncio.create_task(line.watch(levels, lambda: False, debounce_s=0.0))
    await until(levels.empty, "all is taken")
    await until(lambda: len(told) >= 5, "all is told")
    task.cancel()
    assert ["loose wire" in told[1], *told[2:3], "stuck" in told[3], *told[4:5]] == [True, "", True, ""]


@pytest.fixture
def pin() -> Iterator[MockPin]:
    """GPIO17, by the library's own simulator of pins."""
    before = Device.pin_factory
    Device.pin_factory = MockFactory()
    try:
        yield Device.pin_factory.pin(17)
    finally:
        Device.pin_factory.reset()
        Device.pin_factory = before


@pytest.mark.slow
async def test_a_button_that_cannot_be_read_and_one_that_nobody_enrolled_are_told_upstream(
    write_config: Callable[[str], Path], desk: Desk, pin: MockPin
) -> None:
    lines = [
        f'[[button]]\nkind = "gpio"\nname = "{name}"\npin = {number}\n' for name, number in (("hall", 17), ("bed", 60))
    ]
    async with running(write_config("".join(lines))):
        await until(
            lambda: any("bed is not there: GPIO60" in fault for s in desk.states for fault in s.faults), "the pin"
        )
        await until(
            lambda: any("button hall is not enrolled" in fault for s in desk.states for fault in s.faults),
            "the enrolment",
        )
        assert any(p.code == "button_missing" and p.subject == "bed" for state in desk.states for p in state.problems)


@pytest.mark.slow
async def test_a_pull_cord_on_a_gpio_line_reaches_the_centre_with_its_place(
    write_config: Callable[[str], Path], desk: Desk, pin: MockPin, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = write_config('[[button]]\nkind = "gpio"\nname = "bathroom"\npin = 17\n')
    enrolment = path.parent / "enrolment.toml"
    enrolment.write_text(
        '[[device]]\nid = "bath-cord"\nmodel = "button"\nlink = "button"\naddress = "bathroom"\n'
        'room = "bathroom"\nplace_code = 3\n'
    )
    async with running(path):
        await until(lambda: "listening to the button bathroom" in caplog.text, "it listens")
        pin.drive_low()
        await until(lambda: desk.alarms, "the call, while the cord is still held")
        pin.drive_high()
        await until(lambda: ("bath-cord", "press", "single") in desk.readings, "the press as a reading")
    alarm = desk.alarms[0]
    assert (alarm.did, alarm.lte, alarm.lco, alarm.pri) == ("bath-cord", "bathroom", 3, 9)
    assert len(desk.refs) == 1
