"""What goes wrong round a hub, and what it does about it; and the page that tells the person the truth."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from edge import uplink
from edge.agent import RESTART_STATUS, Agent
from edge.clock import Clock, Stamp, boot_id, system_clock_is_trusted
from edge.config import load_config
from edge.enrolment import load_enrolment
from edge.health import FAULTS_MAX, STUCK_AFTER_S, Health, notify_systemd
from edge.home.presence import Presence
from edge.home.stages import SceneName
from edge.outbox import StoredAlarm
from edge.outbox_file import AlreadyRunningError
from edge.outbox_thread import OutboxThread
from edge.radio_healing import DEAF_AFTER_S, RadioHealing
from gateway.broker import Broker
from gateway.contract.messages import Alarm, AlarmAnswer, Command, Outcome, ProblemCode, Stage
from gateway.free_ports import free_port
from gateway.mqtt_client import Received
from simulators.bthome_bytes import ObjectId
from simulators.pendant_tty import PendantTty
from simulators.radio import BTHomeSensor, HubController, VirtualAir
from tests.edge.conftest import (
    BUTTON_ADDRESS,
    BUTTON_KEY,
    MOTION_ADDRESS,
    PATIENCE_S,
    PENDANT,
    Desk,
    get,
    running,
    trusted_clock,
    until,
)

slow = pytest.mark.slow


@pytest.fixture
async def pendant(tmp_path: Path) -> AsyncIterator[PendantTty]:
    pendant = PendantTty(tmp_path / "tty-pendant", PENDANT)
    pendant.plug_in()
    yield pendant
    pendant.unplug()


class Viewer:
    """A browser that looks at the page: keeps the scenes it was sent."""

    def __init__(self) -> None:
        self.hello: dict[str, object] = {}
        self.scenes: list[dict[str, object]] = []

    async def look(self, port: int, query: str = "") -> None:
        async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            while True:
                try:
                    return await asyncio.open_connection("127.0.0.1", port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.02)

        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await connect()
        writer.write(f"GET /events{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        try:
            event = ""
            while line := (await reader.readline()).decode():
                if line.startswith("event: "):
                    event = line[7:].strip()
                elif line.startswith("data: ") and event == "hello":
                    self.hello = json.loads(line[6:])
                elif line.startswith("data: "):
                    self.scenes.append(json.loads(line[6:]))
        finally:
            writer.close()

    @property
    def sentence(self) -> object:
        return self.scenes[-1]["sentence"] if self.scenes else ""


@slow
async def test_the_page_follows_a_call_and_never_runs_ahead_of_it(
    write_config: Callable[[str], Path], pendant: PendantTty, desk: Desk
) -> None:
    port = free_port()
    path = write_config(f'[[serial]]\nport = "{pendant.path}"\n[screen]\nport = {port}\n')
    desk.receipts = False
    english, catalan = Viewer(), Viewer()
    async with running(path):
        looks = [asyncio.create_task(english.look(port)), asyncio.create_task(catalan.look(port, "?lang=ca"))]
        await until(lambda: english.sentence == "I am here if you need me.", "idle and connected")
        assert 'lang="en"' in await asyncio.to_thread(get, f"http://127.0.0.1:{port}/")
        pendant.press()
        await until(lambda: english.sentence == "I have heard you. I am calling for help.", "heard")
        await until(lambda: desk.alarms, "the alarm arrives")
        assert english.sentence == "I have heard you. I am calling for help."
        await until(lambda: english.sentence == "I am still trying.", "no receipt for ten seconds")
        ref = desk.alarms[0].ref
        desk.answer(ref)
        await until(lambda: english.sentence == "The centre has your call.", "receipt")
        desk.answer(ref, Stage.TAKEN, who="Ana")
        await until(lambda: english.sentence == "Ana is with you now.", "taken")
        await until(lambda: catalan.sentence == "Ana ja és amb vostè.", "taken, in Catalan")
        desk.answer(ref, Stage.ON_THE_WAY, who="Marc", eta_minutes=12)
        await until(lambda: english.sentence == "Marc is coming, about 12 minutes.", "on the way")
        assert (english.hello["language"], catalan.hello["language"]) == ("en", "ca")
    await asyncio.gather(*looks, return_exceptions=True)
    again = Viewer()
    async with running(path):
        looks = [asyncio.create_task(again.look(port))]
        await until(lambda: "Marc is coming" in str(again.sentence), "a restart forgets nothing")
        desk.answer(ref, Stage.CLOSED)
        await until(lambda: again.sentence == "The call is over.", "closed")
    await asyncio.gather(*looks, return_exceptions=True)


@slow
async def test_a_press_right_after_a_call_is_over_is_a_call_of_its_own(
    write_config: Callable[[str], Path], pendant: PendantTty, desk: Desk
) -> None:
    port = free_port()
    path = write_config(f'[[serial]]\nport = "{pendant.path}"\n[screen]\nport = {port}\n')
    viewer = Viewer()
    async with running(path):
        look = asyncio.create_task(viewer.look(port))
        pendant.press()
        await until(lambda: desk.alarms, "the alarm arrives")
        desk.answer(desk.alarms[0].ref, Stage.CLOSED)
        await until(lambda: viewer.sentence == "The call is over.", "closed, within seconds")
        pendant.press()
        await until(lambda: len(desk.alarms) == 2, "the second call arrives")
    await asyncio.gather(look, return_exceptions=True)


@slow
async def test_what_was_said_while_the_line_was_cut_arrives_when_it_is_back(
    write_config: Callable[[str], Path], pendant: PendantTty, desk: Desk, broker: Broker
) -> None:
    path = write_config(f'[[serial]]\nport = "{pendant.path}"\n')
    async with running(path):
        await until(lambda: desk.states, "the hub says that it is there")
        broker.stop()
        pressed = pendant.press()
        await pendant.acknowledged(pressed)
        assert not desk.alarms
    async with running(path):
        broker.restart()
        await until(lambda: desk.alarms, "the alarm arrives after a restart of hub and broker")
        await until(lambda: ("pendant", "press", "single") in desk.readings, "so does the history")
        await asyncio.sleep(1)
    assert len(desk.refs) == 1
    assert desk.readings.count(("pendant", "press", "single")) == 1


@slow
async def test_a_killed_agent_has_not_lost_what_it_acknowledged(
    write_config: Callable[[str], Path], pendant: PendantTty, desk: Desk
) -> None:
    desk.receipts = False
    path = write_config(f'[[serial]]\nport = "{pendant.path}"\n')
    for attempt in (1, 2):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edge", "run", "--config", str(path), stderr=asyncio.subprocess.PIPE
        )
        assert process.stderr is not None
        async with asyncio.timeout(PATIENCE_S):
            while b"listening" not in await process.stderr.readline():
                pass
        pressed = pendant.press()
        async with asyncio.timeout(PATIENCE_S):
            await pendant.acknowledged(pressed)
        process.send_signal(signal.SIGKILL)
        await process.communicate()
        rows = sqlite3.connect(path.parent / "store" / "outbox.sqlite")
        assert rows.execute("SELECT count(*) FROM alarm").fetchone() == (attempt,)
        rows.close()
    desk.receipts = True
    async with running(path):
        await until(lambda: len(desk.refs) == 2, "both presses arrive")
        await until(lambda: len({a.seq for a in desk.alarms}) == 2, "each with its own number")
    assert desk.states[-1].online is False


@slow
async def test_a_dead_radio_is_reported_and_heard_again_when_it_is_back(
    write_config: Callable[[str], Path], desk: Desk
) -> None:
    air = VirtualAir()
    controller = HubController(air)
    await controller.start()
    motion = BTHomeSensor(air, "motion", MOTION_ADDRESS)
    button = BTHomeSensor(air, "button", BUTTON_ADDRESS, key=BUTTON_KEY)
    await motion.power_on()
    await button.power_on()
    try:
        async with running(write_config(f'[ble]\nadapter = "{controller.transport}"\n')):
            await motion.say((ObjectId.MOTION, 1), for_s=60)
            await until(lambda: desk.readings, "motion is heard")
            await controller.die()
            await until(lambda: any("radio" in fault for s in desk.states for fault in s.faults), "it is reported")
            await controller.start()
            await until(lambda: controller.listening, "the radio is taken up again")
            await button.say((ObjectId.BUTTON, 1), for_s=60)
            await until(lambda: desk.alarms, "a press is heard again")
    finally:
        await motion.power_off()
        await button.power_off()
        await controller.die()


@slow
async def test_a_radio_that_never_answers_is_known_and_one_plugged_in_later_is_taken_up(
    write_config: Callable[[str], Path], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.drivers.ble_scanner.RADIO_ANSWERS_S", 0.5)
    held: list[asyncio.StreamWriter] = []
    mute = await asyncio.start_server(lambda _reader, writer: held.append(writer), "127.0.0.1", 0)
    port = mute.sockets[0].getsockname()[1]
    air = VirtualAir()
    button = BTHomeSensor(air, "button", BUTTON_ADDRESS, key=BUTTON_KEY)
    await button.power_on()

    def told() -> set[str]:
        return {problem.code for problem in desk.states[-1].problems} if desk.states else set()

    async with running(write_config(f'[ble]\nadapter = "tcp-client:127.0.0.1:{port}"\n')):
        await until(lambda: ProblemCode.BLE_MISSING in told(), "a radio that hangs is reported")
        mute.close()
        for writer in held:
            writer.close()
        controller = HubController(air, port=port)
        await controller.start()
        await until(lambda: controller.listening, "the radio is taken up")
        await button.say((ObjectId.BUTTON, 1), for_s=60)
        await until(lambda: desk.alarms, "a press is heard")
    await button.power_off()
    await controller.die()


@slow
async def test_a_radio_that_hears_nobody_ends_the_program_once_and_the_next_run_says_so(
    write_config: Callable[[str], Path], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("RESCAN_AFTER_S", 0.2), ("RESET_AFTER_S", 0.3), ("RESTART_UNLEARNED_S", 0.5)):
        monkeypatch.setattr(f"edge.radio_healing.{name}", seconds)
    monkeypatch.setattr("edge.radio_healing.HELPED_WITHIN_S", 0.1)
    monkeypatch.setattr("edge.drivers.ble_scanner.STEP_S", 0.1)
    controller = HubController(VirtualAir())
    await controller.start()
    config = load_config(write_config(f'[ble]\nadapter = "{controller.transport}"\n'))
    devices = load_enrolment(config.enrolment)

    def told() -> dict[str, Outcome | None]:
        return {problem.code: problem.outcome for problem in desk.states[-1].problems} if desk.states else {}

    first = Agent(config, devices, "hub-word", trusted_clock(), is_restarted=True)
    async with asyncio.timeout(PATIENCE_S):
        assert await first.run() == RESTART_STATUS
    second = Agent(config, devices, "hub-word", trusted_clock(), is_restarted=True)
    running_on = asyncio.create_task(second.run())
    await until(lambda: ProblemCode.AGENT_RESTARTED in told(), "the restart is reported")
    await asyncio.sleep(2)  # many times what the first needed: that nothing happens is what is asserted
    assert not running_on.done(), "a restart that did not help is not tried again at once"
    second.stop()
    assert await running_on == 0
    await controller.die()


@slow
async def test_two_agents_never_work_on_one_outbox(write_config: Callable[[str], Path]) -> None:
    path = write_config("")
    config = load_config(path)
    async with running(path) as agent:
        await until(lambda: agent._health.stuck(1e9), "the first one runs")
        with pytest.raises(AlreadyRunningError, match="already works in"):
            await Agent(config, load_enrolment(config.enrolment), "hub-word", trusted_clock()).run()
    async with running(path) as agent:
        await until(lambda: agent._health.stuck(1e9), "when the first has ended, the next may")


@slow
async def test_a_hub_that_wakes_in_1970_without_a_network_takes_calls_and_sends_them_when_it_can(
    write_config: Callable[[str], Path], pendant: PendantTty, desk: Desk, broker: Broker
) -> None:
    broker.stop()
    clock = Clock("b1", wall=lambda: 5.0, is_trusted=lambda: False)
    async with running(write_config(f'[[serial]]\nport = "{pendant.path}"\n'), clock) as agent:
        pressed = pendant.press()
        await pendant.acknowledged(pressed)
        assert agent._presence.scene().name is not SceneName.IDLE
        broker.restart()
        await until(lambda: desk.alarms, "the alarm arrives")
        await until(lambda: desk.states, "and the state")
    alarm = desk.alarms[0]
    assert not alarm.trusted
    assert alarm.age is not None
    assert alarm.age < 60
    assert ProblemCode.CLOCK_UNTRUSTED in {problem.code for problem in desk.states[-2].problems}


@slow
async def test_a_full_disk_does_not_stop_a_press(
    write_config: Callable[[str], Path], pendant: PendantTty, desk: Desk
) -> None:
    async with running(write_config(f'[[serial]]\nport = "{pendant.path}"\n')) as agent:
        await until(lambda: desk.states, "the hub says that it is there")
        await agent._outbox.call(lambda box: box._db.execute("PRAGMA max_page_count = 1").fetchone())
        await agent._outbox.call(lambda box: box._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
        pages = await agent._outbox.call(lambda box: box._db.execute("PRAGMA freelist_count").fetchone()[0])
        assert pages == 0
        for _ in range(12):
            await agent._intake.raise_drill("x" * 250)
        await until(lambda: any("memory only" in f for s in desk.states for f in s.faults), "it is reported")
        pendant.press()
        await until(lambda: any(a.did == "pendant" for a in desk.alarms), "a press gets through")
        assert pendant.waiting == 1, "what is not on disk is not acknowledged to the pendant"
    assert len({a.ref for a in desk.alarms}) == 13


async def test_what_fails_on_disk_is_done_in_memory(tmp_path: Path) -> None:
    said: list[str] = []
    outbox = OutboxThread(lambda sentence, _code: said.append(sentence))
    await outbox.open(tmp_path, 1000)
    assert outbox.durable
    await outbox.call(lambda box: box._db.execute("DROP TABLE alarm"))
    alarm = Alarm("0", 3, 1.0)
    [stored] = await outbox.call(lambda box: box.keep([(alarm, Stamp("b", 0.0, 1.0, trusted=True))]))
    assert stored.alarm.seq == 1
    assert not outbox.durable
    assert "memory" in said[-1]
    await outbox.close()


async def test_calls_that_meet_a_dead_disk_together_share_one_memory(tmp_path: Path) -> None:
    outbox = OutboxThread(lambda *_: None)
    await outbox.open(tmp_path, 1000)
    await outbox.call(lambda box: box._db.execute("DROP TABLE alarm"))

    async def press(number: int) -> str:
        if number == 2:
            await until(outbox._thread._work_queue.empty, "the first has met the failure")
        alarm = (Alarm("0", 3, float(number)), Stamp("b", 0.0, 1.0, trusted=True))
        [stored] = await outbox.call(lambda box: box.keep([alarm]))
        return stored.alarm.ref

    refs = await asyncio.gather(press(0), press(1), press(2))
    assert [stored.alarm.ref for stored in await outbox.call(lambda box: box.waiting_alarms())] == sorted(refs)
    await outbox.close()


async def test_what_is_being_written_when_the_agent_stops_is_written(tmp_path: Path) -> None:
    outbox = OutboxThread(lambda *_: None)
    await outbox.open(tmp_path, 1000)
    may_go_on = threading.Event()
    before = asyncio.create_task(outbox.call(lambda _: may_go_on.wait(20)))
    alarm = (Alarm("0", 3, 1.0), Stamp("b", 0.0, 1.0, trusted=True))
    writing = asyncio.create_task(outbox.call(lambda box: box.keep([alarm])))
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    may_go_on.set()
    await before
    assert len(await outbox.call(lambda box: box.waiting_alarms())) == 1
    await outbox.close()


def test_the_clock_stamps_and_notices_when_it_becomes_right() -> None:
    right = False
    clock = Clock("b1", monotonic=lambda: 5.0, wall=lambda: 7.0, is_trusted=lambda: right)
    assert clock.now() == ("b1", 5.0, 7.0, False)
    assert not clock.look_again()
    right = True
    assert clock.look_again()
    assert clock.now().trusted
    assert boot_id() == boot_id()
    assert boot_id(Path("/nowhere")) != boot_id(Path("/nowhere")), "an unknown boot is never mistaken for another"
    assert system_clock_is_trusted() in {True, False}


def test_health_tells_silence_faults_and_stuck_loops() -> None:
    health = Health(0.0, lambda: 1.0)
    health.hearing.expect_link("ble", 0.0, RadioHealing(0.0, "b1"))
    health.moved("intake", 0.0)
    assert health.faults(DEAF_AFTER_S) == []
    assert "heard nothing" in health.faults(DEAF_AFTER_S + 1)[0]
    health.heard_link("ble", 100.0)
    assert health.hearing.silences(DEAF_AFTER_S + 11) == {"ble": 21.0}
    assert health.faults(DEAF_AFTER_S + 1) == []
    assert health.stuck(STUCK_AFTER_S) == []
    assert health.stuck(STUCK_AFTER_S + 1) == ["intake"]
    assert health.fault("serial", "gone")
    assert not health.fault("serial", "gone")
    assert health.faults(1.0) == ["gone"]
    assert health.fault("serial", "")
    health.heard_device("pendant", 10.0)
    beat = health.heartbeat(Stamp("b1", 70.0, 1000.0, trusted=True), waiting=2)
    assert (beat.uptime_s, beat.waiting, beat.heard) == (70.0, 2, {"pendant": 60.0})


def test_the_newest_faults_are_told_when_there_are_more_than_the_state_holds() -> None:
    health = Health(0.0, lambda: 1.0)
    health.hearing.expect_link("ble", 0.0, RadioHealing(0.0, "b1"))
    for number in range(FAULTS_MAX + 4):
        health.fault(f"device {number}", f"device {number} can never be heard")
    health.fault("outbox", "the disk failed")
    told = health.faults(DEAF_AFTER_S + 1)
    assert len(told) == FAULTS_MAX
    assert "heard nothing" in told[0]
    assert told[1] == "the disk failed"


def test_systemd_is_told_and_its_absence_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    assert not notify_systemd("READY=1", {})
    assert not notify_systemd("READY=1", {"NOTIFY_SOCKET": str(path)})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        assert notify_systemd("READY=1", {"NOTIFY_SOCKET": str(path)})
        assert listener.recv(100) == b"READY=1"


@slow
async def test_the_agent_is_ready_without_a_broker_and_feeds_the_watchdog_only_while_it_moves(
    write_config: Callable[[str], Path], broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.stop()
    monkeypatch.setitem(os.environ, "NOTIFY_SOCKET", str(tmp_path / "notify"))
    told: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        asyncio.get_running_loop().add_reader(listener.fileno(), lambda: told.append(listener.recv(100)))
        async with running(write_config("")) as agent:
            await until(lambda: told.count(b"WATCHDOG=1") >= 2 and b"READY=1" in told, "ready and alive")
            agent._health.moved("stuck loop", -1e9)
            before = told.count(b"WATCHDOG=1")
            await asyncio.sleep(5)  # more than two rounds: silence is what is asserted
            assert told.count(b"WATCHDOG=1") <= before + 1
        asyncio.get_running_loop().remove_reader(listener.fileno())


@slow
async def test_a_loop_that_crashes_is_reported_and_started_again(
    write_config: Callable[[str], Path], pendant: PendantTty, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    import edge.intake

    real, crashes = edge.intake.decode, iter([True])

    def decode_once_badly(*arguments: object) -> object:
        if next(crashes, False):
            raise RuntimeError("a fault of ours")
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(edge.intake, "decode", decode_once_badly)
    async with running(write_config(f'[[serial]]\nport = "{pendant.path}"\n')):
        await until(lambda: desk.states, "the hub says that it is there")
        pressed = pendant.press()
        await pendant.acknowledged(pressed)
        await until(lambda: desk.alarms, "the pendant's repeat gets through")
        await until(lambda: any("a fault of ours" in f for s in desk.states for f in s.faults), "it is reported")
    assert len(desk.refs) == 1


@slow
async def test_an_alarm_that_cannot_be_written_does_not_hold_up_the_next(
    write_config: Callable[[str], Path], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = uplink.for_sending

    def fails_for_the_first(stored: StoredAlarm, now: Stamp) -> Alarm:
        if stored.alarm.seq == 1:
            raise ValueError("a fault of ours")
        return real(stored, now)

    monkeypatch.setattr(uplink, "for_sending", fails_for_the_first)
    async with running(write_config("")) as agent:
        await until(lambda: desk.states, "the hub says that it is there")
        for _ in range(2):
            await agent._intake.raise_drill("")
        await until(lambda: desk.alarms, "the second gets through")
    assert {alarm.seq for alarm in desk.alarms} == {2}


@slow
async def test_the_home_goes_on_hearing_of_its_call_when_the_disk_fails_after_the_receipt(
    write_config: Callable[[str], Path], pendant: PendantTty, desk: Desk
) -> None:
    async with running(write_config(f'[[serial]]\nport = "{pendant.path}"\n')) as agent:
        await until(lambda: desk.states, "the hub says that it is there")
        pendant.press()
        await until(lambda: agent._presence.scene().name is SceneName.RECEIVED, "receipt")
        await agent._outbox.call(lambda box: box._db.execute("DROP TABLE alarm"))
        desk.answer(desk.alarms[0].ref, Stage.TAKEN, who="Ana")
        await until(lambda: agent._presence.scene().who == "Ana", "taken")
        assert not agent._outbox.durable


@slow
async def test_a_message_that_meets_a_fault_does_not_hold_up_those_behind_it(
    write_config: Callable[[str], Path], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(write_config("")) as agent:
        await until(lambda: desk.states, "the hub says that it is there")
        given: list[bytes] = []
        real = agent._client.acknowledge

        def acknowledge(received: Received) -> None:
            given.append(received.payload)
            real(received)

        async def fails(*_: object) -> None:
            raise RuntimeError("a fault of ours")

        monkeypatch.setattr(agent._client, "acknowledge", acknowledge)
        monkeypatch.setattr(agent._dispatch, "take_answer", fails)
        desk.answer("e1")
        await until(lambda: given, "it is acknowledged, or the broker would stop at twenty such")


@slow
async def test_an_outcome_for_which_the_line_had_no_room_is_sent_later(
    write_config: Callable[[str], Path], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(write_config("")) as agent:
        await until(lambda: desk.states, "the hub says that it is there")
        real, full = agent._client.publish, iter([True])

        def publish(to: str, payload: bytes, **more: object) -> bool:
            if "/up/cmd/" in to and next(full, False):
                return False
            return real(to, payload, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(agent._client, "publish", publish)
        desk.command(Command("c1", "dance", expires=4e9))
        await until(lambda: desk.outcomes, "it is answered")


@slow
async def test_a_page_that_found_its_port_taken_is_well_again_when_it_is_served(
    write_config: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.agent.FORGIVEN_AFTER_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        context = running(write_config(f"[screen]\nport = {port}\n"))
        agent = await context.__aenter__()
        await until(lambda: "screen" in str(agent._health.faults(0.0)), "it is reported")
    await until(lambda: "screen" not in str(agent._health.faults(0.0)), "it is served, and well")
    await context.__aexit__(None, None, None)


@slow
async def test_a_dead_network_thread_starves_the_watchdog(
    write_config: Callable[[str], Path], desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(write_config("")) as agent:
        await until(lambda: desk.states, "the hub says that it is there")
        agent._client.stop()
        await until(lambda: "stuck: line" in caplog.text, "it is noticed")


@slow
async def test_a_quiet_home_is_scanned_anew_and_the_log_stays_quiet(
    write_config: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge.radio_healing.RESCAN_AFTER_S", 0.1)
    monkeypatch.setattr("edge.drivers.ble_scanner.STEP_S", 0.05)
    caplog.set_level("DEBUG", "edge")
    controller = HubController(VirtualAir())
    await controller.start()

    def said(level: str) -> list[str]:
        return [r.getMessage() for r in caplog.records if r.levelname == level and "rescan" in r.getMessage()]

    async with running(write_config(f'[ble]\nadapter = "{controller.transport}"\n')):
        await until(lambda: len(said("DEBUG")) >= 3 or said("WARNING"), "it is scanned again and again")
    assert not said("WARNING")
    await controller.die()


def test_after_a_restart_with_a_wrong_clock_no_minutes_are_promised() -> None:
    for right, minutes in ((True, 12), (False, None)):
        clock = Clock("b1", monotonic=lambda: 50.0, wall=lambda: 1.8e9, is_trusted=partial(bool, right))
        presence = Presence(clock)
        answer = AlarmAnswer("e1", 0, 1.8e9, Stage.ON_THE_WAY, who="Marc", eta_minutes=12)
        stamp = Stamp("b0", 0.0, 1.8e9, trusted=True)
        presence.restore([StoredAlarm(Alarm("e1", 3, 1.8e9), stamp, received=True, answer=answer)])
        assert (presence.scene().who, presence.scene().eta_minutes) == ("Marc", minutes)


@slow
async def test_a_full_line_and_many_calls_do_not_keep_the_hub_from_listening(
    write_config: Callable[[str], Path], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(write_config("")) as agent:
        await until(lambda: desk.states, "the hub says that it is there")
        real, tried, full = agent._client.publish, [0], True

        def publish(to: str, payload: bytes, **more: object) -> bool:
            if to.endswith("/up/alarm") and full:
                tried[0] += 1
                return False
            return real(to, payload, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(agent._client, "publish", publish)
        drills = [uplink.drill(agent._clock.now(), "") for _ in range(60)]
        agent._on_alarms(await agent._outbox.call(lambda box: box.keep(drills)))
        await until(lambda: tried[0], "it is tried")
        assert tried[0] < 5, "one try, not one for each call"
        full = False
        await until(lambda: len(desk.refs) == 60, "all are sent when there is room")
