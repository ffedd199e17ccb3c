"""Settings from the centre: in force as a whole and by version, kept through power cuts, taken back when they harm."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.enrolment import EnrolledDevice
from devices.frames import Link
from edge import settings
from edge.clock import Clock, boot_id
from edge.config import load_config
from edge.enrolment import Devices, load_enrolment
from edge.hearing import Hearing
from edge.remote_settings import DETAIL_MAX_S, RemoteSettings
from edge.settings import (
    SettingsRecord,
    config_with,
    confirmed,
    devices_with,
    load_record,
    offered,
    save_record,
    started,
    taken_back,
)
from gateway.contract.encoding import encode
from gateway.contract.messages import ProblemCode
from gateway.contract.settings import CONFIRM_WITHIN_S, PROVISIONAL_STARTS_MAX, Contact, DeviceSettings, HubSettings
from gateway.contract.topics import Channel, topic
from simulators.pendant_tty import PendantTty
from tests.edge.conftest import HUB, PENDANT, Desk, running, until

slow = pytest.mark.slow
NONE = SettingsRecord(HUB)
IDS = {"pendant", "bath-button", "hall-motion"}


def version(number: int, **more: object) -> HubSettings:
    return HubSettings(number, **more)  # type: ignore[arg-type]


def offer(record: SettingsRecord, number: int, **more: object) -> SettingsRecord:
    return offered(record, encode(version(number, **more)), IDS)


# which version is in force


def test_a_new_version_is_on_trial_until_the_centre_was_reached_with_it() -> None:
    good = confirmed(offer(NONE, 3), 3)
    assert (good.good, good.trial, good.version) == (version(3), None, 3)
    trial = offer(good, 4, language="es")
    assert (trial.version, trial.good) == (4, version(3))
    assert confirmed(trial, 3) == trial, "word about the former version proves nothing"
    assert confirmed(trial, 4).good == version(4, language="es")


def test_what_does_harm_is_taken_back_and_not_tried_again() -> None:
    back = taken_back(offer(confirmed(offer(NONE, 3), 3), 4), "not reached")
    assert (back.version, back.problem) == (3, ProblemCode.SETTINGS_ROLLED_BACK)
    assert "version 4" in back.reason
    assert offer(back, 4) == back, "the broker delivers it again at each connection"
    assert offer(back, 5).version == 5
    assert offer(back, 5).problem is None


def test_settings_that_end_the_agent_are_taken_back_after_some_starts() -> None:
    record = offer(NONE, 7)
    for _ in range(PROVISIONAL_STARTS_MAX - 1):
        record = started(record)
        assert record.version == 7
    record = started(record)
    assert (record.version, record.problem) == (0, ProblemCode.SETTINGS_ROLLED_BACK)


def test_good_settings_outlive_any_number_of_starts() -> None:
    record = confirmed(offer(NONE, 7), 7)
    assert started(record) == record


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\xff", "bad_json"),
        (b"{}", "bad_content"),
        (b'{"version": 0}', "bad_content"),
        (b'{"version": 2, "language": "de"}', "bad_content"),
        (b'{"version": 2, "centre_number": "930000112"}', "bad_content"),
        (b'{"version": 2, "devices": {"toaster": {}}}', "unknown_device"),
        (b'{"version": 2, "devices": {"pendant": {"silence_max_s": 1}}}', "bad_content"),
        (b" " * 9_000, "too_large"),
    ],
)
def test_what_cannot_be_used_is_refused_as_a_whole_with_its_reason(payload: bytes, expected: str) -> None:
    good = confirmed(offer(NONE, 1, language="es"), 1)
    record = offered(good, payload, IDS)
    assert (record.in_force, record.problem) == (good.in_force, ProblemCode.SETTINGS_REFUSED)
    assert expected in record.reason


@given(st.binary(max_size=100) | st.builds(lambda n: encode(HubSettings(n)), st.integers(1, 9)))
def test_any_bytes_leave_good_settings_in_reach(payload: bytes) -> None:
    good = confirmed(offer(NONE, 5), 5)
    assert offered(good, payload, IDS).good == version(5)


def test_an_old_version_is_no_news() -> None:
    record = confirmed(offer(NONE, 5, language="es"), 5)
    assert offer(record, 4) == record
    assert offer(record, 5) == record


# on disk


def test_the_record_is_read_back_and_never_anothers(tmp_path: Path) -> None:
    record = offer(confirmed(offer(NONE, 3), 3), 4, contacts=[Contact("Marta", "+34600555010")])
    save_record(tmp_path, record)
    assert load_record(tmp_path, HUB) == record
    assert load_record(tmp_path, "h-18") == SettingsRecord("h-18")
    assert (tmp_path / settings.FILE_NAME).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", [b"", b"{", b"\x00" * 500, b'{"hub": 5}'])
def test_a_damaged_file_counts_as_none_and_the_claims_settings_stand_in(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / settings.FILE_NAME).write_bytes(damage)
    assert load_record(tmp_path, HUB) == NONE
    (tmp_path / "first.json").write_bytes(encode(version(2, language="es")))
    assert load_record(tmp_path, HUB, tmp_path / "first.json").good == version(2, language="es")


# what they change


def test_rooms_and_place_codes_change_only_where_they_are_set() -> None:
    pendant = EnrolledDevice("pendant", "serial_pendant", Link.SERIAL, "00a1b2c3", "worn", "7")
    door = EnrolledDevice("door", "serial_door", Link.SERIAL, "00a1b2c4", "hall", "9")
    home = {(device.link, device.address): device for device in (pendant, door)}
    given = version(2, devices={"door": DeviceSettings(room="porch", place_code=0)})
    changed = devices_with(home, given)
    assert changed[Link.SERIAL, "00a1b2c3"] == pendant
    assert (changed[Link.SERIAL, "00a1b2c4"].room, changed[Link.SERIAL, "00a1b2c4"].place_code) == ("porch", "")
    assert devices_with(home, None) == home


def test_numbers_of_the_centre_go_before_those_of_the_file(hub_file: Path) -> None:
    hub_file.write_text(hub_file.read_text() + '[modem]\nport = "/dev/x"\ncentre_number = "+34930000000"\n')
    config = load_config(hub_file)
    contacts = [Contact("Marta", "+34600555010", "es")]
    changed = config_with(config, version(2, centre_number="+34930000112", contacts=contacts))
    assert changed.modem is not None
    assert changed.modem.centre_number == "+34930000112"
    assert [(one.name, one.number, one.language) for one in changed.contact] == [("Marta", "+34600555010", "es")]
    assert config_with(config, version(2)) == config


def test_what_was_agreed_with_the_person_goes_before_the_file(hub_file: Path) -> None:
    hub_file.write_text(hub_file.read_text().replace("[hub]\n", '[hub]\ncalled = "Senyora Puig"\nmistake_s = 10\n'))
    config = load_config(hub_file)
    changed = config_with(config, version(2, called="Rosa", mistake_s=0.0))
    assert (config.hub.called, config.hub.mistake_s) == ("Senyora Puig", 10.0)
    assert (changed.hub.called, changed.hub.mistake_s, changed.hub.language) == ("Rosa", 0.0, config.hub.language)


def test_a_modem_may_wait_for_the_numbers_of_the_centre(hub_file: Path) -> None:
    hub_file.write_text(hub_file.read_text() + '[modem]\nport = "/dev/x"\n')
    changed = config_with(load_config(hub_file), version(2, centre_number="+34930000112"))
    assert changed.modem is not None
    assert changed.modem.centre_number == "+34930000112"


def test_a_set_limit_of_silence_goes_before_the_models() -> None:
    hearing = Hearing()
    hearing.expect_link("serial", 0.0)
    hearing.limit_silence("door", 600.0)
    hearing.expect_device("door", "serial", 90_000.0, 0.0)
    hearing.heard_device("door", 0.0)
    assert hearing.findings(599.0) == []
    assert [finding.subject for finding in hearing.findings(601.0)] == ["door"]
    hearing.limit_silence("door", None)
    assert hearing.findings(601.0) == []


class Time:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.clock = Clock(
            boot_id(), monotonic=lambda: self.now, wall=lambda: 1_795_276_800.0 + self.now, is_trusted=lambda: True
        )


class Remote:
    """The settings of a hub without the hub: what they would change, and what would be told."""

    def __init__(self, path: Path, time: Time) -> None:
        config = load_config(path)
        self.time = time
        self.in_force: HubSettings | None = None
        self.harmful: set[int] = set()
        self.told: list[tuple[str, ProblemCode]] = []
        Path(config.storage.folder).mkdir(exist_ok=True)
        self.settings = RemoteSettings(
            config,
            load_enrolment(config.enrolment),
            Path(config.storage.folder),
            time.clock,
            tell_fault=lambda _part, sentence, code=ProblemCode.OTHER, _subject="", /: self.told.append(
                (sentence, code)
            ),
            put_into_force=self._obey,
        )

    def _obey(self, _config: object, _devices: Devices, now: HubSettings | None) -> None:
        if now is not None and now.version in self.harmful:
            raise RuntimeError("a part cannot do that")
        self.in_force = now

    async def look(self) -> None:
        """One round of its loop."""

        class Enough(Exception):
            pass

        rounds = 0

        def progress() -> None:
            nonlocal rounds
            rounds += 1
            if rounds == 2:
                raise Enough

        async def no_wait(_seconds: float) -> None:
            return None

        real, asyncio.sleep = asyncio.sleep, no_wait  # type: ignore[assignment]
        try:
            with pytest.raises(Enough):
                await self.settings.run(progress)
        finally:
            asyncio.sleep = real


@pytest.fixture
def hub_file(tmp_path: Path) -> Path:
    (tmp_path / "enrolment.toml").write_text(
        '[[device]]\nid = "pendant"\nmodel = "serial_pendant"\nlink = "serial"\naddress = "00a1b2c3"\n'
    )
    path = tmp_path / "edge.toml"
    path.write_text(f'[hub]\nid = "{HUB}"\n[broker]\nhost = "127.0.0.1"\n[storage]\nfolder = "store"\n')
    return path


async def test_a_hub_that_does_not_reach_the_centre_goes_back_in_time(hub_file: Path) -> None:
    remote = Remote(hub_file, Time())
    await remote.settings.load()
    await remote.settings.take(encode(version(3)))
    remote.settings.reached(3)
    await remote.look()
    await remote.settings.take(encode(version(4)))
    remote.time.now += CONFIRM_WITHIN_S - 1
    await remote.look()
    assert remote.in_force == version(4)
    remote.time.now += 1
    await remote.look()
    assert remote.in_force == version(3)
    assert remote.told[-1][1] is ProblemCode.SETTINGS_ROLLED_BACK
    again = Remote(hub_file, Time())
    await again.settings.load()
    assert again.in_force == version(3), "also after a power cut"
    assert again.told[-1][1] is ProblemCode.SETTINGS_ROLLED_BACK


async def test_settings_that_no_part_can_obey_are_taken_back_at_once(hub_file: Path) -> None:
    remote = Remote(hub_file, Time())
    remote.harmful.add(4)
    await remote.settings.load()
    await remote.settings.take(encode(version(4)))
    assert (remote.in_force, remote.settings.version) == (None, 0)
    assert remote.told[-1][1] is ProblemCode.SETTINGS_ROLLED_BACK


async def test_a_full_disk_leaves_what_is_in_force(hub_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = Remote(hub_file, Time())
    await remote.settings.load()

    def full(_folder: Path, _record: SettingsRecord) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(settings, "save_record", full)
    await remote.settings.take(encode(version(4)))
    assert (remote.in_force, remote.settings.version) == (None, 0)
    assert "No space left" in remote.told[-1][0]
    monkeypatch.undo()
    await remote.settings.take(encode(version(4)))
    assert remote.in_force == version(4), "the broker delivers it again"


async def test_harmful_settings_are_left_at_the_start_that_is_one_too_many_on_a_full_disk_too(
    hub_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = Remote(hub_file, Time())
    trial = SettingsRecord(HUB, good=version(3), trial=version(4), starts=PROVISIONAL_STARTS_MAX - 1)
    save_record(remote.settings._folder, trial)

    def full(_folder: Path, _record: SettingsRecord) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(settings, "save_record", full)
    await remote.settings.load()
    assert (remote.in_force, remote.settings.version) == (version(3), 3)


async def test_logging_in_detail_ends_by_itself(hub_file: Path) -> None:
    remote = Remote(hub_file, Time())
    usual = logging.getLogger().level
    await remote.settings.load()
    try:
        await remote.settings.take(encode(version(2, detail_until=1_795_276_800.0 + 1e9)))
        assert logging.getLogger().level == logging.DEBUG
        remote.settings.reached(2)
        remote.time.now += DETAIL_MAX_S
        await remote.look()
        assert logging.getLogger().level == usual
    finally:
        logging.getLogger().setLevel(usual)


# with a real agent


@pytest.fixture
async def pendant(tmp_path: Path) -> AsyncIterator[PendantTty]:
    pendant = PendantTty(tmp_path / "tty-pendant", PENDANT)
    pendant.plug_in()
    yield pendant
    pendant.unplug()


def send(desk: Desk, payload: bytes) -> None:
    assert desk.client.publish(topic(HUB, Channel.SETTINGS), payload, retain=True)


@slow
async def test_settings_reach_a_running_hub_with_a_call_in_progress(
    write_config: Callable[[str], Path], pendant: PendantTty, desk: Desk, tmp_path: Path
) -> None:
    path = write_config(f'[[serial]]\nport = "{pendant.path}"\n')
    desk.receipts = False
    stored = tmp_path / "store" / settings.FILE_NAME
    async with running(path) as agent:
        pendant.press()
        await until(lambda: desk.alarms, "a call is in progress")
        first = desk.alarms[0].ref
        send(desk, encode(version(7, language="es", devices={"pendant": DeviceSettings(room="kitchen")})))
        await until(lambda: desk.states[-1].cfg == 7, "the hub says that version 7 is in force")
        await until(lambda: json.loads(stored.read_text()).get("good", {}).get("version") == 7, "it has proved itself")
        assert {alarm.ref for alarm in desk.alarms} == {first}, "the call goes on under its name"
        desk.answer(first)
        send(desk, b'{"version": 8, "devices": {"toaster": {}}}')
        await until(lambda: any("toaster" in fault for fault in desk.states[-1].faults), "the refusal is told")
        refused = [problem.code for problem in desk.states[-1].problems]
        assert (refused[0], desk.states[-1].cfg) == (ProblemCode.SETTINGS_REFUSED, 7)
        assert agent is not None
    desk.receipts = True
    async with running(path):
        await until(lambda: desk.states[-1].online and desk.states[-1].cfg == 7, "also after a restart")


@slow
async def test_a_modem_with_nobody_to_write_to_is_told_until_the_centre_names_somebody(
    write_config: Callable[[str], Path], desk: Desk, tmp_path: Path
) -> None:
    def is_told() -> bool:
        return any(one.code == ProblemCode.MODEM_NO_NUMBER for one in desk.states[-1].problems)

    async with running(write_config(f'[modem]\nport = "{tmp_path}/no-modem"\n')):
        await until(lambda: desk.states and is_told(), "that nobody would be written to is told")
        send(desk, encode(version(7, centre_number="+34930000112")))
        await until(lambda: desk.states[-1].cfg == 7 and not is_told(), "the centre's number ends it")
        send(desk, encode(version(8, centre_number="", contacts=[])))
        await until(lambda: desk.states[-1].cfg == 8 and is_told(), "settings that leave nobody are told too")
