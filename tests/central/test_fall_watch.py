"""Falls of a wearable that reports its movement to the centre itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from central.alarm_cases.case import EventType, State
from central.alarm_cases.priority import Priority
from central.console.finding_words import REASONS, details
from central.console.wording import Names, proofs
from central.detection.finding import Finding
from central.fall_watch import LOADING_S, STUCK_S, WAITING_MAX, FallWatch
from central.internal import decode_finding, encode
from central.storage import cases
from central.texts import translator
from central.window_log import FILE_S
from central.worn import worn_of
from devices.vocabulary import Reading
from devices.wearable.judge_lines import SILENT_S, Worn
from devices.wearable.site import Site
from devices.wearable.windows import Piece, write_piece
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.senml import encode_measurements
from simulators.movement import Act, fall, feel, get_up, sit_down, walk
from tests.central.conftest import Town
from tests.central.test_receiver import Street, broker, closed_afterwards, street

__all__ = ["broker", "closed_afterwards", "street"]

WAIT_S = 120.0
SEED = 5
T = 1.8e9
WRIST = Worn(Site.WRIST)


def windows(acts: list[Act], at: float) -> list[Reading]:
    """As the wearable measures them, up to the moment `at`."""
    rows = [(round(x * 2048), round(y * 2048), round(z * 2048)) for x, y, z, *_ in feel(acts, 50, SEED)]
    starts = range(0, len(rows), 37)
    return [
        Reading(
            "watch",
            "acceleration",
            write_piece(Piece(start, 50.0, 16, False, start == 0, tuple(rows[start : start + 37]))),
            round(at - (len(starts) - 1 - number) * 0.74, 2),
        )
        for number, start in enumerate(starts)
    ]


class Centre:
    """A watch, turned by hand, on a clock that stands still; `lost` counts windows that were not looked at."""

    def __init__(self, folder: Path) -> None:
        self.lost = 0
        self.now = 0.0
        self.found: list[Finding] = []
        self.folder = folder
        self.watch = FallWatch(lambda: self.now, self._on_lost, folder)

    def _on_lost(self, count: int, _reason: str) -> None:
        self.lost += count

    def until_found(self, reason: str) -> Finding:
        deadline = time.monotonic() + WAIT_S
        while not (found := [one for one in self.found if one.reason == reason]):
            assert time.monotonic() < deadline, f"not found: {reason}; found: {self.found}"
            self.found += self.watch.turn()
            time.sleep(0.01)
        return found[-1]

    @property
    def pid(self) -> int:
        assert self.watch._process is not None
        return self.watch._process.pid


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    centre = Centre(tmp_path / "movement")
    yield centre
    centre.watch.close()


@pytest.mark.slow
def test_a_fall_is_found_per_home_and_taken_back_when_the_wearer_walks(centre: Centre) -> None:
    for fallen, quiet in zip(
        windows([*walk(4), *fall(3), *get_up(12)], 1.8e9), windows([*walk(4), *sit_down(16)], 1.8e9), strict=False
    ):
        centre.watch.give("flat-1", fallen, WRIST)
        centre.watch.give("flat-2", quiet, WRIST)
    found = centre.until_found("fall_suspected")
    assert (found.home, found.kind, found.facts["device"]) == ("flat-1", AlarmKind.FALL, "watch")
    assert {record.n for record in found.evidence} == {"watch/fall", "watch/impact", "watch/tilt", "watch/stir"}
    deadline = time.monotonic() + WAIT_S
    while all(one.active for one in centre.found):
        assert time.monotonic() < deadline, "that the wearer walks again is told"
        centre.found += centre.watch.turn()
        time.sleep(0.01)
    assert {one.key for one in centre.found} == {found.key}
    assert centre.lost == 0


@pytest.mark.slow
def test_lying_still_is_said_as_well(centre: Centre) -> None:
    for window in windows([*walk(4), *fall(20)], 1.8e9):
        centre.watch.give("flat-1", window, WRIST)
    confirmed = centre.until_found("fall_confirmed")
    assert len({one.key for one in centre.found}) == 2
    assert confirmed.since_at > centre.found[0].since_at


@pytest.mark.slow
def test_a_process_that_dies_or_stands_still_is_replaced_and_its_windows_are_counted(centre: Centre) -> None:
    window = windows(walk(2), 1.8e9)[0]
    for blow in (signal.SIGKILL, signal.SIGSTOP):
        centre.watch.give("flat-1", window, WRIST)
        os.kill(centre.pid, blow)
        lost = centre.lost
        centre.now += LOADING_S + 1 if blow is signal.SIGSTOP else 0
        deadline = time.monotonic() + WAIT_S
        while centre.watch._process is not None:
            assert time.monotonic() < deadline, blow
            centre.watch.turn()
            time.sleep(0.01)
        assert centre.lost == lost + 1
        centre.watch.give("flat-1", window, WRIST)
        assert centre.lost == lost + 2, "not started again at once, in a circle"
        centre.now += 120
    for each in windows([*walk(4), *fall(5)], 1.8e9):
        centre.watch.give("flat-1", each, WRIST)
    centre.until_found("fall_suspected")


@pytest.mark.slow
def test_a_process_is_given_longer_for_its_first_answer_than_for_another(centre: Centre) -> None:
    first, *_, second = windows(walk(2), 1.8e9)
    centre.watch.give("flat-1", first, WRIST)
    before = centre.pid
    centre.now += STUCK_S + 1
    while centre.watch._given:
        centre.watch.turn()
        time.sleep(0.01)
    assert (centre.pid, centre.lost) == (before, 0), "it was still being loaded"
    assert LOADING_S < FILE_S, "and what it was given is kept for the next, if it never answers"
    os.kill(centre.pid, signal.SIGSTOP)
    centre.watch.give("flat-1", second, WRIST)
    centre.now += STUCK_S + 1
    centre.watch.turn()
    assert centre.watch._process is None


@pytest.mark.slow
def test_a_process_that_does_not_keep_up_fills_no_memory(centre: Centre) -> None:
    window = windows(walk(2), 1.8e9)[0]
    centre.watch.give("flat-1", window, WRIST)
    os.kill(centre.pid, signal.SIGSTOP)
    for _ in range(3 * WAITING_MAX):
        centre.watch.give("flat-1", window, WRIST)
        centre.watch.turn()
    assert centre.lost > WAITING_MAX
    os.kill(centre.pid, signal.SIGCONT)


@pytest.mark.parametrize(
    "plan",
    [
        {"worn": "watch"},
        {"worn": {"watch": {"site": "ankle"}}},
        {"worn": {f"w{n}": {"site": "wrist"} for n in range(9)}},
    ],
)
def test_a_care_plan_that_cannot_be_used_is_told(plan: dict[str, object]) -> None:
    worn, faults = worn_of(plan)
    assert worn == {}
    assert faults


@pytest.mark.slow
def test_the_centre_finds_the_fall_of_a_wearable_without_a_hub_and_keeps_no_movement(street: Street) -> None:
    street.enrolled = [each._replace(care_plan={"worn": {"watch": {"site": "wrist"}}}) for each in street.enrolled]
    street.start()
    for window in windows([*walk(4), *fall(5)], time.time()):
        street.send(encode_measurements("h-1", [window]))
    street.until(lambda: street.findings, "the fall is told to the desk")
    assert {found.kind for found in street.findings} == {AlarmKind.FALL}
    assert street.findings[0].reason == "fall_suspected"
    assert street.stored() == [], "movement is not kept"
    assert street.receiver is not None
    assert street.receiver.health().refused == {}


@pytest.mark.slow
def test_a_wearable_that_falls_silent_right_after_a_fall_is_not_forgotten(centre: Centre) -> None:
    for window in windows([*walk(4), *fall(5)], 1.8e9)[:8]:
        centre.watch.give("flat-1", window, WRIST)
    while centre.watch._given:
        assert centre.watch.turn() == []
        time.sleep(0.01)
    centre.now += SILENT_S + 2
    assert centre.until_found("fall_suspected").home == "flat-1"


@pytest.mark.slow
def test_a_fall_in_the_middle_of_which_the_receiver_is_killed_is_found_by_the_next(street: Street) -> None:
    street.enrolled = [each._replace(care_plan={"worn": {"watch": {"site": "wrist"}}}) for each in street.enrolled]
    receiver = street.start()
    receiver._falls._monotonic = lambda: 0.0  # or a slow machine would make the wearable fall silent
    fallen = windows([*walk(4), *fall(5)], time.time())
    for window in fallen[:7]:
        street.send(encode_measurements("h-1", [window]))
    street.until(lambda: receiver._intake.messages >= 7 and not receiver._unacknowledged, "all are acknowledged")
    assert street.findings == [], "the window round the blow is not whole"
    # killed here
    receiver._client.stop()
    receiver._falls._stop()
    street.start()
    for window in fallen[7:]:
        street.send(encode_measurements("h-1", [window]))
    street.until(lambda: street.findings, "the fall is told to the desk")
    assert street.findings[0].reason == "fall_suspected"
    assert abs(street.findings[0].since_at - (fallen[6].measured_at)) < 2.0


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_a_fall_in_the_middle_of_which_the_process_fails_is_found_though_nothing_more_comes(
    blow: signal.Signals, centre: Centre
) -> None:
    for window in windows([*walk(4), *fall(5)], 1.8e9)[:8]:
        centre.watch.give("flat-1", window, WRIST)
    centre.watch.turn()
    os.kill(centre.pid, blow)
    before = centre.pid
    deadline = time.monotonic() + WAIT_S
    while centre.watch._process is None or centre.pid == before:
        assert time.monotonic() < deadline, "another process is there"
        centre.now += 1.0
        centre.found += centre.watch.turn()
        time.sleep(0.01)
    while centre.watch._given:
        centre.found += centre.watch.turn()
        time.sleep(0.01)
    centre.now += SILENT_S + 2
    assert centre.until_found("fall_suspected").home == "flat-1"


@pytest.mark.slow
def test_a_fall_that_is_found_twice_over_a_restart_is_one_finding(centre: Centre) -> None:
    fallen = windows([*walk(4), *fall(5)], 1.8e9)
    for window in fallen:
        centre.watch.give("flat-1", window, WRIST)
    first = centre.until_found("fall_suspected")
    centre.watch.close()
    centre.watch = FallWatch(lambda: centre.now, centre._on_lost, centre.folder)
    centre.found.clear()
    assert centre.until_found("fall_suspected") == first


@pytest.mark.slow
def test_what_the_process_does_not_bear_is_not_given_to_it_again_and_again(centre: Centre) -> None:
    for window in windows(walk(4), 1.8e9):
        centre.watch.give("flat-1", window, WRIST)
    for _ in range(2):
        os.kill(centre.pid, signal.SIGKILL)
        deadline = time.monotonic() + WAIT_S
        while centre.watch._process is not None:
            assert time.monotonic() < deadline
            centre.watch.turn()
            time.sleep(0.01)
        centre.now += 120
        centre.watch._log._added_at += 120
        centre.watch.turn()
    assert centre.watch._process is None
    assert list(centre.folder.iterdir()) == []


def test_movement_lies_on_disk_for_seconds_only(tmp_path: Path) -> None:
    now = [0.0]
    watch = FallWatch(lambda: now[0], lambda *_: None, tmp_path)
    watch._start_at = float("inf")
    (window, *_) = windows(walk(1), 1.8e9)
    sizes = []
    for _ in range(200):
        now[0] += 1.0
        watch.give("flat-1", window, WRIST)
        watch.sync()
        sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
    assert max(sizes) <= (2 * FILE_S + 1) * sizes[0]
    now[0] += 2 * FILE_S + 1
    watch.turn()
    assert list(tmp_path.iterdir()) == []
    watch.close()


@pytest.mark.slow
def test_a_disk_that_takes_nothing_holds_up_no_fall(tmp_path: Path) -> None:
    (tmp_path / "movement").write_text("no folder")
    centre = Centre(tmp_path / "movement")
    for window in windows([*walk(4), *fall(5)], 1.8e9):
        centre.watch.give("flat-1", window, WRIST)
        centre.watch.sync()
    centre.until_found("fall_suspected")
    centre.watch.close()


def test_a_line_that_was_half_written_when_the_power_went_is_left_out(tmp_path: Path) -> None:
    watch = FallWatch(time.monotonic, lambda *_: None, tmp_path)
    watch._start_at = float("inf")
    for window in windows(walk(2), 1.8e9)[:2]:
        watch.give("flat-1", window, WRIST)
    watch.close()
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    again = FallWatch(time.monotonic, lambda *_: None, tmp_path)
    assert len(again._log.lines()) == 1
    again.close()


@pytest.mark.slow
def test_a_fall_found_at_the_centre_is_one_urgent_case_that_says_what_was_felt(centre: Centre, town: Town) -> None:
    enrolled = windows([*walk(4), *fall(3), *get_up(12)], time.time())
    for window in enrolled:
        centre.watch.give("home-1", window, WRIST)
    centre.until_found("fall_suspected")
    deadline = time.monotonic() + WAIT_S
    while all(one.active for one in centre.found):
        assert time.monotonic() < deadline, "that the wearer walks again is told"
        centre.found += centre.watch.turn()
        time.sleep(0.01)
    on_the_wire = [decode_finding(encode(one)) for one in (*centre.found, *centre.found)]
    for one in on_the_wire:
        assert isinstance(one, Finding)
        town.desk.receive_finding(one, time.time())
    with town.database.read() as connection:
        (case,) = cases.open_cases(connection)
        log = cases.events_of(connection, case.id)
    assert (case.home_id, case.kind, case.priority, case.state) == ("home-1", AlarmKind.FALL, Priority.LIFE, State.NEW)
    assert [event.type for event in log] == [EventType.OPENED, EventType.ENDED], "who walks again is told, nothing more"
    said = {proof.what for proof in proofs(log, Names("Maria", {}, {}, {}), translator("en"))}
    assert any("m/s²" in what for what in said), said
    sentence = REASONS["fall_suspected"].format(**details(log[0].facts, {}, translator("en")))
    assert sentence == "The movement of watch was like a fall; nobody has been asked."


def test_a_fall_that_is_confirmed_joins_the_case_of_the_suspicion(town: Town) -> None:
    for number, reason in enumerate(("fall_suspected", "fall_confirmed")):
        at = T + 12 * number
        town.desk.receive_finding(Finding(reason, "home-1", AlarmKind.FALL, at, at, reason, {"device": "watch"}), at)
    with town.database.read() as connection:
        (case,) = cases.open_cases(connection)
    assert (case.priority, case.repeats) == (Priority.LIFE, 2)
