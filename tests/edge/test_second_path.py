"""The agent without a line, or without an answer: it writes by telephone, says so, and believes only the centre."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from devices.rejection import Rejection
from devices.vocabulary import Reading
from edge.agent import Agent
from edge.clock import Clock, Stamp, boot_id
from edge.home.stages import SceneName
from edge.outbox import StampedReading
from edge.outbox_file import open_outbox
from edge.sms_ledger import SmsState
from gateway.broker import Broker
from gateway.contract.messages import Alarm, AlarmAnswer, ModemState, Stage
from gateway.contract.messages import Path as Way
from gateway.contract.sms import decode_alarm_sms, encode_answer_sms, sms_key
from simulators.modem import ModemTty
from simulators.pendant_tty import PendantTty
from simulators.phone_network import PhoneNetwork
from tests.edge.conftest import HUB, PATIENCE_S, PENDANT, Desk, running, until

pytestmark = pytest.mark.slow

HUB_NUMBER, CENTRE, JORDI = "+34600000001", "+34930000000", "+34600111222"
KEY = sms_key("hub-word")


class JumpingClock(Clock):
    """The true time, and what a test adds to it."""

    def __init__(self) -> None:
        self.added_s = 0.0
        self.is_right = True
        super().__init__(
            boot_id(),
            monotonic=lambda: time.monotonic() + self.added_s,
            wall=lambda: time.time() + self.added_s,
            is_trusted=lambda: self.is_right,
        )


def has_looked(agent: Agent, since: float) -> bool:
    """Whether the agent has looked for what is due since that moment."""
    return agent._health._progress["dispatch"] > since


class CentreByTelephone:
    """The centre's number: reads alarms, and answers them when told to."""

    def __init__(self, network: PhoneNetwork) -> None:
        self.alarms: list[Alarm] = []
        self.answers = True
        self._network = network
        network.connect(CENTRE, self._receive)

    def _receive(self, sender: str, text: str) -> None:
        read = decode_alarm_sms(text, lambda hub: KEY if hub == HUB else None)
        assert not isinstance(read, Rejection)
        assert sender == HUB_NUMBER
        self.alarms.append(read[1])
        if self.answers:
            self.answer(read[1].ref)

    def answer(self, ref: str, stage: Stage = Stage.RECEIVED, key: bytes = KEY, who: str = "") -> None:
        answer = AlarmAnswer(ref, 0, time.time(), stage, case="C-1", who=who)
        self._network.carry(CENTRE, HUB_NUMBER, encode_answer_sms(HUB, answer, key))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> JumpingClock:
    monkeypatch.setattr("edge.dispatch.STEP_S", 0.05)
    monkeypatch.setattr("edge.drivers.gsm_modem.LOOK_EVERY_UNREGISTERED_S", 0.05)
    return JumpingClock()


@pytest.fixture
async def network() -> AsyncIterator[PhoneNetwork]:
    network = PhoneNetwork()
    yield network
    await network.close()


@pytest.fixture
async def modem(tmp_path: Path, network: PhoneNetwork) -> AsyncIterator[ModemTty]:
    modem = ModemTty(tmp_path / "modem", HUB_NUMBER, network)
    modem.plug_in()
    yield modem
    modem.unplug()


@pytest.fixture
async def centre(network: PhoneNetwork) -> CentreByTelephone:
    return CentreByTelephone(network)


@pytest.fixture
async def pendant(tmp_path: Path) -> AsyncIterator[PendantTty]:
    made = PendantTty(tmp_path / "pendant", PENDANT)
    yield made
    made.unplug()


@pytest.fixture
async def path(write_config: Callable[[str], Path], pendant: PendantTty, modem: ModemTty) -> Path:
    pendant.plug_in()
    return write_config(
        f'[[serial]]\nport = "{pendant.path}"\n'
        f'[modem]\nport = "{modem.path}"\ncentre_number = "{CENTRE}"\nperson = "Maria"\n'
        f'[[contact]]\nname = "Jordi"\nnumber = "{JORDI}"\nlanguage = "en"\n'
    )


def shows(agent: Agent, name: SceneName) -> Callable[[], bool]:
    return lambda: agent._presence.scene().name is name


async def press(pendant: PendantTty) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await pendant.acknowledged(pendant.press())


async def test_a_press_on_a_cut_line_goes_by_sms_and_the_answer_by_sms_is_a_receipt(
    path: Path,
    clock: JumpingClock,
    pendant: PendantTty,
    centre: CentreByTelephone,
    broker: Broker,
    network: PhoneNetwork,
) -> None:
    broker.stop()
    centre.answers = False
    async with running(path, clock) as agent:
        await until(lambda: agent._dispatch.path is Way.SMS, "there is a second path")
        clock.added_s += 20
        await press(pendant)
        await until(lambda: centre.alarms, "at once: the line has been down for a while")
        clock.added_s += 11
        await until(shows(agent, SceneName.MESSAGED), "and that nobody has answered")
        [alarm] = centre.alarms
        assert (alarm.did, alarm.dty, alarm.lte) == ("pendant", 3, "neck")
        centre.answer(alarm.ref, Stage.TAKEN, key=sms_key("a stranger's"), who="Mallory")
        await until(lambda: agent._health.refused["sms_bad_mac"], "a stranger's word")
        assert agent._presence.scene().name is SceneName.MESSAGED
        centre.answer(alarm.ref)
        await until(shows(agent, SceneName.RECEIVED), "received")
        centre.answer(alarm.ref, Stage.TAKEN, who="Ana")
        await until(lambda: agent._presence.scene().who == "Ana", "taken")
        clock.added_s += 3_600
        await until(lambda: not agent._dispatch.calls_waiting, "it is done")
    assert len(centre.alarms) == 1, "what is answered is not written again"
    assert not network.texts_to(JORDI), "nor is the family frightened"
    outbox, _ = open_outbox(path.parent / "store", "x", 1000)
    assert [one.state for one in outbox.sms.attempts()] == [SmsState.ANSWERED]
    assert outbox.waiting_alarms() == []
    outbox.close()


async def test_a_fault_in_the_second_path_does_not_hold_up_the_first(
    path: Path, clock: JumpingClock, pendant: PendantTty, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> float:
        raise RuntimeError("a fault of ours")

    async with running(path, clock) as agent:
        await until(lambda: desk.states, "the hub says that it is there")
        with monkeypatch.context() as faulty:
            faulty.setattr(agent._sms, "step", fault)
            await press(pendant)
            await until(lambda: desk.alarms, "the call goes by broadband")
            await until(lambda: any("a fault of ours" in f for f in desk.states[-1].faults), "and the fault is told")
        await until(lambda: not any("a fault of ours" in f for f in desk.states[-1].faults), "until it is well again")
    assert not any("dispatch" in fault for state in desk.states for fault in state.faults)


async def test_a_line_that_only_seems_up_is_not_waited_for(
    path: Path, clock: JumpingClock, pendant: PendantTty, centre: CentreByTelephone, desk: Desk
) -> None:
    desk.receipts = False
    async with running(path, clock) as agent:
        await until(lambda: desk.states and agent._sms is not None and agent._sms.ready, "both paths are there")
        await press(pendant)
        await until(lambda: desk.alarms, "it went by broadband")
        clock.added_s += 12
        await until(shows(agent, SceneName.TRYING), "no receipt")
        assert not centre.alarms
        clock.added_s += 14
        await until(lambda: centre.alarms, "by 30 s also by telephone")
        assert desk.alarms[0].ref == centre.alarms[0].ref
        await until(shows(agent, SceneName.RECEIVED), "the answer by telephone counts")


async def test_the_family_is_told_after_a_minute_once_also_over_a_restart(
    path: Path,
    clock: JumpingClock,
    pendant: PendantTty,
    centre: CentreByTelephone,
    broker: Broker,
    network: PhoneNetwork,
) -> None:
    broker.stop()
    centre.answers = False
    async with running(path, clock) as agent:
        await until(lambda: agent._dispatch.path is Way.SMS, "there is a second path")
        await press(pendant)
        clock.added_s += 30
        await until(lambda: len(centre.alarms) == 1, "the centre is written to")
        assert not network.texts_to(JORDI)
        clock.added_s += 40
        await until(lambda: network.texts_to(JORDI), "Jordi too")
        await until(lambda: agent._presence.scene().contacts_told == ("Jordi",), "the home says so")
    text = "Llar: Maria is asking for help at home, just now. The centre has not answered yet. Please ring or go there."
    assert network.texts_to(JORDI) == [text]
    async with running(path, clock) as agent:
        await until(shows(agent, SceneName.MESSAGED), "still true after a restart")
        assert agent._presence.scene().contacts_told == ("Jordi",)
        await until(lambda: agent._dispatch.path is Way.SMS, "the modem is back")
        clock.added_s += 300
        await until(lambda: len(centre.alarms) == 2, "the centre is written to again")

        def third_comes() -> bool:
            # the pause counts from the moment when the modem was done, which is not this one
            clock.added_s += 60
            return len(centre.alarms) >= 3

        await until(third_comes, "and again")
        broker.restart()
    assert network.texts_to(JORDI) == [text], "Jordi is not"


async def test_what_the_centre_knows_by_sms_alone_it_gets_in_full_when_the_line_is_back_also_after_a_restart(
    path: Path, clock: JumpingClock, pendant: PendantTty, centre: CentreByTelephone, broker: Broker
) -> None:
    broker.stop()
    async with running(path, clock) as agent:
        await until(lambda: agent._dispatch.path is Way.SMS, "there is a second path")
        await press(pendant)
        clock.added_s += 26
        await until(shows(agent, SceneName.RECEIVED), "received by SMS")
        assert agent._dispatch.calls_waiting == 0
    broker.restart()
    desk = Desk(broker)
    desk.client.start()
    try:
        async with running(path, clock) as agent:
            await until(lambda: desk.alarms, "all of it")
            assert desk.alarms[0].ref == centre.alarms[0].ref
            assert desk.alarms[0].evidence
            await until(lambda: not agent._dispatch._in_short, "and that is answered")
            await until(shows(agent, SceneName.RECEIVED), "the home says what it said")
            clock.added_s += 3_600
            await until(lambda: desk.states and desk.alarms, "the line goes on")
        async with running(path, clock) as agent:
            states = len(desk.states)
            await until(lambda: len(desk.states) > states, "the line is there")
        assert len(desk.alarms) == 1, "once"
    finally:
        desk.client.stop()
        desk.receiver.stop()
    assert len(centre.alarms) == 1


async def test_the_family_is_told_once_when_the_centre_has_every_call_that_they_know_of(
    path: Path,
    clock: JumpingClock,
    pendant: PendantTty,
    centre: CentreByTelephone,
    broker: Broker,
    network: PhoneNetwork,
) -> None:
    broker.stop()
    centre.answers = False
    async with running(path, clock) as agent:
        await until(lambda: agent._dispatch.path is Way.SMS, "there is a second path")
        for told in (1, 2):
            await press(pendant)
            clock.added_s += 30
            await until(lambda told=told: len({a.ref for a in centre.alarms}) == told, "the centre")  # type: ignore[misc]
            clock.added_s += 1_801
            await until(lambda told=told: len(network.texts_to(JORDI)) == told, "Jordi")  # type: ignore[misc]
        first, second = list(dict.fromkeys(alarm.ref for alarm in centre.alarms))
        centre.answer(first)
        await until(lambda: agent._dispatch.calls_waiting == 1, "one receipt")
        clock.added_s += 60
        await until(lambda: agent._dispatch.path is Way.SMS, "the modem is there")
        assert len(network.texts_to(JORDI)) == 2, "the newer call has no receipt yet"
        centre.answer(second)
        clock.added_s += 60
        await until(lambda: len(network.texts_to(JORDI)) == 3, "now he is told")
        centre.answer(first)
        clock.added_s += 7_200
        await until(lambda: agent._dispatch.calls_waiting == 0, "it is over")
    assert network.texts_to(JORDI)[2:] == ["Llar: the centre has the call from Maria now."]


async def test_the_sms_of_years_do_not_keep_a_new_call_waiting_when_the_clock_is_wrong(
    path: Path, clock: JumpingClock, pendant: PendantTty, centre: CentreByTelephone, broker: Broker
) -> None:
    broker.stop()
    outbox, _ = open_outbox(path.parent / "store", "old", 1000)
    for number in range(40):
        outbox.sms.begin(f"old{number}", (3, 10), CENTRE, Stamp("earlier", 1e6 * number, 1.7e9, trusted=True))
        outbox.sms.settle(f"old{number}", CENTRE, SmsState.TAKEN)
    outbox.close()
    clock.is_right = False
    clock.look_again()
    async with running(path, clock) as agent:
        await until(lambda: agent._dispatch.path is Way.SMS, "there is a second path")
        await press(pendant)
        clock.added_s += 26
        await until(lambda: centre.alarms, "the hour is not full of SMS from before the power cut")


async def test_a_day_without_any_answer_keeps_to_its_pauses(
    path: Path,
    clock: JumpingClock,
    pendant: PendantTty,
    centre: CentreByTelephone,
    broker: Broker,
    network: PhoneNetwork,
    modem: ModemTty,
) -> None:
    broker.stop()
    centre.answers = False
    modem.reports = "none"
    async with running(path, clock) as agent:
        await until(lambda: agent._dispatch.path is Way.SMS, "there is a second path")
        await press(pendant)
        sms = agent._sms
        assert sms is not None
        for _ in range(24 * 6):
            clock.added_s += 600
            # the virtual time must not outrun the agent
            await until(partial(has_looked, agent, clock.monotonic), "what is due is begun")
            await until(lambda: sms._sending is None, "what is due is sent")
    assert 24 <= len(centre.alarms) <= 30, "5 in the first two hours, then one an hour"
    assert len(network.texts_to(JORDI)) == 1


async def test_what_was_not_sent_is_not_said_and_the_reason_is_reported(
    path: Path, clock: JumpingClock, pendant: PendantTty, centre: CentreByTelephone, modem: ModemTty, desk: Desk
) -> None:
    desk.receipts = False
    modem.send_error = "+CMS ERROR: 21"
    async with running(path, clock) as agent:
        await until(lambda: desk.states and agent._sms is not None and agent._sms.ready, "both paths are there")
        await press(pendant)
        clock.added_s += 30
        await until(lambda: any("no credit" in f for s in desk.states for f in s.faults), "the technician is told")
        assert agent._presence.scene().name is SceneName.TRYING
        assert desk.states[-1].modem == ModemState(registered=True, operator="SIM-NET", dbm=-77)
        modem.send_error = None
        clock.added_s += 15
        await until(lambda: centre.alarms, "tried again until it works")
        await until(shows(agent, SceneName.RECEIVED), "received")
        await until(lambda: not any("no credit" in f for f in desk.states[-1].faults), "and well again")


async def test_what_the_network_gave_up_is_not_called_sent(
    path: Path, clock: JumpingClock, pendant: PendantTty, centre: CentreByTelephone, modem: ModemTty, broker: Broker
) -> None:
    broker.stop()
    centre.answers = False
    modem.reports = "failed"
    async with running(path, clock) as agent:
        await until(lambda: agent._dispatch.path is Way.SMS, "there is a second path")
        await press(pendant)
        clock.added_s += 26
        await until(lambda: any(f.startswith("modem") for f in agent._health.faults(clock.monotonic)), "it is told")
        await until(shows(agent, SceneName.TRYING), "nothing was sent")
        modem.reports = "delivered"
        clock.added_s += 15
        await until(lambda: centre.alarms, "tried again")
        await until(shows(agent, SceneName.MESSAGED), "now it is sent")
        sms = agent._sms
        assert sms is not None
        await until(lambda: sms._attempts[-1].state is SmsState.DELIVERED, "and delivered")


async def test_what_did_not_reach_the_family_is_not_said_to_have(
    path: Path, clock: JumpingClock, pendant: PendantTty, centre: CentreByTelephone, modem: ModemTty, broker: Broker
) -> None:
    broker.stop()
    centre.answers = False
    modem.reports = "none"
    async with running(path, clock) as agent:
        await until(lambda: agent._dispatch.path is Way.SMS, "there is a second path")
        await press(pendant)
        clock.added_s += 26
        await until(lambda: centre.alarms, "the centre is written to")
        modem.reports = "failed"
        clock.added_s += 40
        sms = agent._sms
        assert sms is not None
        await until(lambda: any(one.state is SmsState.UNDELIVERED for one in sms._attempts), "Jordi has not got it")
        scene = agent._presence.scene()
        assert (scene.name, scene.contacts_told) == (SceneName.MESSAGED, ())


async def test_without_a_modem_that_works_the_path_is_none(
    path: Path, clock: JumpingClock, modem: ModemTty, broker: Broker
) -> None:
    broker.stop()
    modem.sim = "none"
    async with running(path, clock) as agent:
        await until(lambda: "no SIM" in str(agent._health.faults(clock.monotonic)), "it is told")
        assert agent._dispatch.path is Way.NONE
        assert not agent._presence.scene().second_path


async def test_an_alarm_that_the_centre_cannot_read_goes_on_in_plainer_form(
    path: Path, clock: JumpingClock, pendant: PendantTty, desk: Desk
) -> None:
    desk.receipts = False
    async with running(path, clock) as agent:
        await until(lambda: desk.states, "the hub says that it is there")
        await press(pendant)
        await until(lambda: desk.alarms, "the alarm")
        refused = desk.alarms[0]
        desk.answer(refused.ref, snu=3)
        await until(lambda: len(desk.refs) == 2, "another one")
        plain = desk.alarms[-1]
        assert (plain.dty, plain.stc, plain.did, plain.evidence, plain.text) == (refused.dty, refused.stc, "", [], "")
        await until(lambda: any(refused.ref in f for s in desk.states for f in s.faults), "it is reported")
        desk.answer(plain.ref, snu=3)
        said = f"does not take alarm {plain.ref}"
        await until(lambda: any(said in fault for state in desk.states for fault in state.faults), "that is reported")
        before = len(desk.alarms)
        clock.added_s += 60
        await until(lambda: agent._dispatch.calls_waiting == 1, "it goes on waiting")
        await asyncio.sleep(0.3)
        assert len(desk.alarms) == before, "not again and again"
        clock.added_s += 300
        await until(lambda: len(desk.alarms) > before, "but still")
        desk.answer(plain.ref)
        await until(shows(agent, SceneName.RECEIVED), "the home follows the plainer one")
    assert len(desk.refs) == 2


async def test_a_button_that_is_stuck_on_a_cut_line_stays_one_call(
    path: Path,
    clock: JumpingClock,
    pendant: PendantTty,
    centre: CentreByTelephone,
    broker: Broker,
    network: PhoneNetwork,
) -> None:
    broker.stop()
    centre.answers = False
    async with running(path, clock) as agent:
        await until(lambda: agent._dispatch.path is Way.SMS, "there is a second path")
        for _ in range(60):
            await press(pendant)
            clock.added_s += 10.5
        assert agent._dispatch.calls_waiting <= 31
        assert len(network.carried) <= 12
    assert len({alarm.ref for alarm in centre.alarms}) <= 3


async def test_what_was_just_measured_goes_before_what_an_outage_left(
    write_config: Callable[[str], Path], desk: Desk
) -> None:
    path = write_config("")
    now = time.time()
    outbox, _ = open_outbox(path.parent / "store", "old", 100_000)

    def measured(ago_s: float) -> StampedReading:
        at = now - ago_s
        return StampedReading(Reading("hall-motion", "motion", True, at), Stamp("earlier", 1.0, at, trusted=True))

    outbox.keep(readings=[measured(3_000 - number) for number in range(600)])
    assert outbox.next_pack("earlier") is not None, "made, and its confirmation never came"
    outbox.keep(readings=[measured(10.0)])
    outbox.close()
    async with running(path):
        await until(lambda: sum(len(pack.readings) for pack in desk.packs) >= 601, "all of it arrives")
    newest = [max(reading.measured_at for reading in pack.readings) for pack in desk.packs]
    assert newest[0] == pytest.approx(now - 10.0, abs=0.01)
    fresh = [pack for pack in desk.packs if pack.sequence != 1]
    assert [pack.readings[-1].measured_at for pack in fresh] == sorted(
        (pack.readings[-1].measured_at for pack in fresh), reverse=True
    )
