"""A modem's every fault is a plain sentence; an SMS's every state is told apart; what comes back is read."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, strategies

from devices.rejection import Rejection
from edge.config import ModemConfig
from edge.drivers import gsm_at, gsm_modem
from edge.drivers.gsm_modem import GsmModem, SmsNotTaken, SmsTaken
from edge.drivers.gsm_pdu import Incoming, Report, Reported, decode_incoming, encode_submit, plainer
from edge.drivers.gsm_sim import ModemFault
from gateway.contract.messages import ProblemCode
from simulators.modem import ModemTty
from simulators.phone_network import PhoneNetwork
from simulators.sms_pdus import read_submit, write_deliver, write_report
from tests.edge.conftest import until

HUB_NUMBER, CENTRE = "+34600000001", "+34930000000"


class Host:
    """The driver with what it told."""

    def __init__(self, path: Path, pin: str = "") -> None:
        self.texts: list[Incoming] = []
        self.reports: list[Report] = []
        self.faults: list[ModemFault | None] = []
        self.changes = 0
        self.modem = GsmModem(
            ModemConfig(str(path), centre_number=CENTRE),
            pin,
            path.with_name("pin-mark"),
            on_sms=self.texts.append,
            on_report=self.reports.append,
            on_change=self._changed,
            on_fault=self.faults.append,
        )

    def _changed(self) -> None:
        self.changes += 1

    @property
    def fault(self) -> ModemFault | None:
        return self.faults[-1] if self.faults else None

    def has(self, code: ProblemCode) -> bool:
        return self.fault is not None and self.fault.code is code

    @asynccontextmanager
    async def running(self) -> AsyncIterator[GsmModem]:
        task = asyncio.create_task(self.modem.run(lambda: None))
        try:
            yield self.modem
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {
        "LOOK_EVERY_S": 0.1,
        "LOOK_EVERY_UNREGISTERED_S": 0.05,
        "RETRY_FIRST_S": 0.05,
        "RETRY_MAX_S": 0.1,
        "RESET_S": 0.05,
        "REGISTER_S": 0.2,
        "SEND_S": 1.0,
        "GREETING_S": 0.2,
    }.items():
        monkeypatch.setattr(gsm_modem, name, seconds)


@pytest.fixture
async def network() -> AsyncIterator[PhoneNetwork]:
    network = PhoneNetwork()
    yield network
    await network.close()


@pytest.fixture
async def tty(tmp_path: Path, network: PhoneNetwork) -> AsyncIterator[ModemTty]:
    tty = ModemTty(tmp_path / "modem", HUB_NUMBER, network)
    tty.plug_in()
    yield tty
    tty.unplug()


async def test_an_sms_is_taken_and_later_delivered(tty: ModemTty, network: PhoneNetwork) -> None:
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: modem.ready, "ready")
        assert modem.reception.operator == "SIM-NET"
        assert modem.reception.dbm == -77
        sent = await modem.send("+34600111222", "Avís: l’ha demanat", 3600)
        assert isinstance(sent, SmsTaken)
        await until(lambda: host.reports, "the report")
        assert host.reports == [Report(sent.network_id, "+34600111222", Reported.DELIVERED)]
    assert network.texts_to("+34600111222") == ["Avís: l’ha demanat"]
    assert host.faults[-1] is None


async def test_an_sms_that_the_network_took_and_gave_up(tty: ModemTty, network: PhoneNetwork) -> None:
    tty.reports = "failed"
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: modem.ready, "ready")
        assert isinstance(await modem.send(CENTRE, "hello", 3600), SmsTaken)
        await until(lambda: [r.outcome for r in host.reports] == [Reported.GIVEN_UP], "the report")
    assert not network.carried


async def test_without_a_report_nothing_is_made_up(tty: ModemTty, network: PhoneNetwork) -> None:
    tty.reports = "none"
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: modem.ready, "ready")
        assert isinstance(await modem.send(CENTRE, "hello", 3600), SmsTaken)
        network.carry(CENTRE, HUB_NUMBER, "answer")
        await until(lambda: host.texts, "an answer")
    assert host.reports == []


async def test_what_comes_is_read_also_in_the_middle_and_what_came_before(tty: ModemTty, network: PhoneNetwork) -> None:
    tty.receive(CENTRE, "from before")
    tty.chatty = True
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: host.texts, "what was stored")
        for number in range(25):
            network.carry(CENTRE, HUB_NUMBER, f"answer {number} ñ")
            assert isinstance(await modem.send(CENTRE, f"text {number}", 3600), SmsTaken)
            await until(lambda number=number: len(host.texts) == number + 2, "each is read")  # type: ignore[misc]
    assert host.texts == [
        Incoming(CENTRE, "from before"),
        *[Incoming(CENTRE, f"answer {number} ñ") for number in range(25)],
    ]
    assert network.texts_to(CENTRE) == [f"text {number}" for number in range(25)]


@pytest.mark.parametrize(
    ("sim", "code"),
    [
        ("none", ProblemCode.MODEM_NO_SIM),
        ("broken", ProblemCode.MODEM_NO_SIM),
        ("pin", ProblemCode.MODEM_SIM_LOCKED),
        ("puk", ProblemCode.MODEM_SIM_LOCKED),
    ],
)
async def test_a_sim_that_does_not_work_is_told_and_taken_up_when_it_does(
    tty: ModemTty, sim: str, code: ProblemCode
) -> None:
    tty.sim = sim  # type: ignore[assignment]
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: host.has(code), "it is told")
        assert not modem.ready
        refused = await modem.send(CENTRE, "x", 3600)
        assert isinstance(refused, SmsNotTaken)
        tty.sim = "ready"
        await until(lambda: modem.ready and host.fault is None, "ready")


async def test_a_sim_that_is_taken_out_is_told_as_that_and_not_as_bad_reception(
    tty: ModemTty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gsm_modem, "REGISTER_S", 3_600.0)
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: modem.reception.registered, "registered")
        tty.sim = "none"
        tty.registration = 0
        await until(lambda: host.has(ProblemCode.MODEM_NO_SIM), "no SIM")
        assert all(fault is None or fault.code is ProblemCode.MODEM_NO_SIM for fault in host.faults)
        tty.sim, tty.registration = "ready", 1
        await until(lambda: modem.reception.registered, "registered again")


async def test_a_sim_is_opened_with_its_pin(tty: ModemTty) -> None:
    tty.sim = "pin"
    host = Host(tty.path, pin="1234")
    async with host.running() as modem:
        await until(lambda: modem.ready, "ready")


async def test_a_wrong_pin_is_tried_once_and_never_again_also_after_a_restart(tty: ModemTty) -> None:
    tty.sim = "pin"
    for _ in range(3):
        host = Host(tty.path, pin="9999")
        async with host.running():
            await until(lambda: len(host.faults) >= 3, "it is told")  # noqa: B023 - within the loop
            assert host.has(ProblemCode.MODEM_SIM_LOCKED)
            assert "9999" not in str(host.faults)
    assert tty.pin_tries_left == 2, "or the SIM would lock itself"
    host = Host(tty.path, pin="1234")
    async with host.running() as modem:
        await until(lambda: modem.ready, "another PIN is tried")


async def test_denied_and_nowhere_are_told_apart(tty: ModemTty) -> None:
    tty.registration = 3
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: host.has(ProblemCode.MODEM_DENIED), "denied")
        tty.register(2)
        await until(lambda: host.has(ProblemCode.MODEM_NOT_REGISTERED), "no network")
        assert not modem.ready
        tty.register(5)
        await until(lambda: modem.ready and host.fault is None, "roaming is good enough")


@pytest.mark.parametrize(
    ("answer", "code", "for_good"),
    [
        ("+CMS ERROR: 21", ProblemCode.MODEM_NO_CREDIT, False),
        ("+CMS ERROR: 38", ProblemCode.MODEM_SMS_FAILED, False),
        ("prompt +CMS ERROR: 500", ProblemCode.MODEM_SMS_FAILED, False),
        ("+CMS ERROR: 28", ProblemCode.MODEM_SMS_FAILED, True),
        ("ERROR", ProblemCode.MODEM_SMS_FAILED, False),
        ("OK", ProblemCode.MODEM_SMS_FAILED, False),
    ],
)
async def test_a_network_that_refuses(tty: ModemTty, answer: str, code: ProblemCode, for_good: bool) -> None:
    tty.send_error = answer
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: modem.ready, "ready")
        refused = await modem.send(CENTRE, "x", 3600)
        assert isinstance(refused, SmsNotTaken)
        assert (refused.code, refused.for_good) == (code, for_good)
        tty.send_error = None
        assert isinstance(await modem.send(CENTRE, "x", 3600), SmsTaken)


async def test_a_modem_that_falls_silent_is_reset_and_used_again(tty: ModemTty) -> None:
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: modem.ready, "ready")
        tty.mute = True
        refused = await modem.send(CENTRE, "x", 3600)
        assert isinstance(refused, SmsNotTaken)
        assert not refused.unsure, "it did not even ask for the text"
        assert not modem.ready
        await until(lambda: tty.resets == 1, "it is reset")
        await until(lambda: modem.ready, "ready again")
        assert any(fault and fault.code is ProblemCode.MODEM_MUTE for fault in host.faults)
        assert isinstance(await modem.send(CENTRE, "x", 3600), SmsTaken)


async def test_a_modem_that_is_mute_when_a_call_comes_is_found_and_reset_at_once(
    tty: ModemTty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gsm_modem, "LOOK_EVERY_S", 3_600.0)
    monkeypatch.setattr(gsm_modem, "READ_EVERY_S", 3_600.0)
    monkeypatch.setattr(gsm_at, "ANSWER_S", 0.3)
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: modem.ready, "ready")
        tty.mute = True
        modem.hurry()
        await until(lambda: tty.resets == 1, "it is reset")
        assert not modem.ready, "and gets no SMS meanwhile"
        await until(lambda: modem.ready, "ready again")


async def test_a_modem_that_does_not_ask_for_the_text_is_not_waited_for_as_the_network_is(
    tty: ModemTty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gsm_modem, "SEND_S", 3_600.0)
    monkeypatch.setattr(gsm_at, "PROMPT_S", 0.3)
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: modem.ready, "ready")
        tty.mute = True
        refused = await modem.send(CENTRE, "x", 3600)
        assert isinstance(refused, SmsNotTaken)
        assert (refused.code, refused.unsure) == (ProblemCode.MODEM_MUTE, False)


async def test_an_sms_that_the_modem_had_when_it_stopped_may_have_been_sent(
    tty: ModemTty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gsm_modem, "LOOK_EVERY_S", 3_600.0)
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: modem.ready, "ready")
        tty.send_error = "^SILENT"
        refused = await modem.send(CENTRE, "x", 3600)
        assert isinstance(refused, SmsNotTaken)
        assert refused.unsure


async def test_an_sms_that_the_network_takes_long_over_does_not_look_like_a_loop_that_is_stuck(
    tty: ModemTty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gsm_modem, "STEP_S", 0.05)
    monkeypatch.setattr(gsm_modem, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(gsm_modem, "SEND_S", 3_600.0)
    told: list[int] = []
    host = Host(tty.path)
    task = asyncio.create_task(host.modem.run(lambda: told.append(1)))
    try:
        await until(lambda: host.modem.ready, "ready")
        tty.slow_s = 0.05
        looks = len(tty.commands)
        await until(lambda: len(tty.commands) > looks + 1, "the modem is being looked at")
        tty.send_error = "^SILENT"
        sending = asyncio.create_task(host.modem.send(CENTRE, "x", 3600))
        await until(lambda: any("CMGS" in command for command in tty.commands), "an SMS is under way")
        before = len(told)
        await until(lambda: len(told) > before + 5, "the loop goes on meanwhile")
        assert not sending.done()
        sending.cancel()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_news_on_the_heels_of_the_prompt_do_not_hide_it(tty: ModemTty, network: PhoneNetwork) -> None:
    tty.prompt = b"\r\n> \r\n+CREG: 1\r\n"
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: modem.ready, "ready")
        assert isinstance(await modem.send(CENTRE, "hello", 3600), SmsTaken)
    assert network.texts_to(CENTRE) == ["hello"]


@pytest.mark.parametrize(("slow_s", "late_before"), [(0.25, ""), (0.0, "AT+CPIN?")])
async def test_late_answers_to_the_greeting_pass_for_no_others(tty: ModemTty, slow_s: float, late_before: str) -> None:
    tty.slow_s, tty.late_before = slow_s, late_before
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: modem.ready, "ready, though it answers later than a greeting waits")
        assert not any(host.faults), "at the first attempt"


async def test_unplugged_and_plugged_in_again(tty: ModemTty) -> None:
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: modem.ready, "ready")
        tty.unplug()
        await until(lambda: host.has(ProblemCode.MODEM_MISSING) and not modem.ready, "it is told")
        tty.plug_in()
        await until(lambda: modem.ready and host.fault is None, "ready again")
        tty.slow_s = 0.3
        sending = asyncio.create_task(modem.send(CENTRE, "x", 3600))
        await until(lambda: any("CMGS" in command for command in tty.commands), "an SMS is under way")
        tty.unplug()
        assert isinstance(await sending, SmsNotTaken)


async def test_rubbish_on_the_port_is_no_news_and_no_end(tty: ModemTty, network: PhoneNetwork) -> None:
    dice = random.Random(7)
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: modem.ready, "ready")
        for number in range(40):
            tty.rustle(b'\r\n+CMTI: "SM",%d\r\n' % dice.randrange(9_999) + dice.randbytes(2_000) + b"\r\n")
            if number % 10 == 0:
                tty.rustle(b"\r\n+CDS: 9\r\nxyz\r\n+CMT: ,4\r\n00FF\r\n")
        await until(lambda: modem.refused_pdus >= 2, "what is no SMS is counted")
        network.carry(CENTRE, HUB_NUMBER, "answer")
        await until(lambda: host.texts == [Incoming(CENTRE, "answer")], "an SMS is read after all that")
        await until(lambda: modem.ready, "ready")
        assert isinstance(await modem.send(CENTRE, "x", 3600), SmsTaken)


async def test_a_slow_modem_is_no_dead_one(tty: ModemTty) -> None:
    tty.slow_s = 0.15
    host = Host(tty.path)
    async with host.running() as modem:
        await until(lambda: modem.ready, "ready")
        assert isinstance(await modem.send(CENTRE, "x", 3600), SmsTaken)
    assert tty.resets == 0


# the bytes


def test_a_published_example() -> None:
    """The SMS-SUBMIT and SMS-DELIVER examples that every PDU tutorial gives: "hellohello"."""
    pdu, length = encode_submit("+46708251358", "hellohello", 4 * 86_400)
    assert pdu == "0031000B916407281553F80000A70AE8329BFD4697D9EC37"
    assert length == 23
    deliver = "07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37"
    assert decode_incoming(deliver) == Incoming("27838890001", "hellohello")


_letters = strategies.text(strategies.characters(exclude_categories=["Cs"]), max_size=200)


@given(_letters)
def test_any_text_goes_out_as_one_sms(text: str) -> None:
    pdu, length = encode_submit("+34600111222", text, 3600)
    assert len(pdu) == 2 * length + 2
    got = read_submit(pdu)
    assert got.wants_report
    assert len(got.text) <= 160
    assert got.text in {text, plainer(text)[:160]} or plainer(text).startswith(got.text)


@given(strategies.text("abcàèéñ€[]ïçí·ó 123", max_size=60))
def test_any_text_comes_in(text: str) -> None:
    assert decode_incoming(write_deliver("+34930000000", text)) == Incoming("+34930000000", text)
    assert decode_incoming(write_deliver("Llar", text)) == Incoming("Llar", text)


@given(strategies.binary(max_size=220))
def test_any_bytes_are_a_value_or_a_rejection(data: bytes) -> None:
    assert isinstance(decode_incoming(data.hex()), Incoming | Report | Rejection)
    assert isinstance(decode_incoming(data.decode("latin-1")), Incoming | Report | Rejection)


def test_reports() -> None:
    for status, outcome in ((0, "delivered"), (0x30, "trying"), (0x41, "given_up"), (0x63, "given_up")):
        assert decode_incoming(write_report(7, "+34600111222", status)) == Report(7, "+34600111222", Reported(outcome))


def test_an_accent_is_lost_rather_than_half_the_message() -> None:
    long = "Llar: la Maria necessita ajuda a casa. El centre encara no ha respost. Truqui-li o vagi-hi, força de pressa"
    assert read_submit(encode_submit("+34600111222", long, 3600)[0]).text == long.replace("ç", "c")
    short = "Força"
    assert read_submit(encode_submit("+34600111222", short, 3600)[0]).text == short
    with pytest.raises(ValueError, match="telephone"):
        encode_submit("six", "x", 1)
