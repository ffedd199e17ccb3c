"""Every channel to carers keeps the same promises, whatever the other side does."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from central.config import AppriseConfig, MailConfig, PhoneConfig, PushConfig
from central.notification.channel import Channel, Message
from central.notification.channels.by_apprise import AppriseChannel, apprise_fault
from central.notification.channels.email import EmailChannel
from central.notification.channels.sms import SmsChannel
from central.notification.channels.voice import VoiceChannel
from central.notification.channels.webpush import VapidKey, WebPushChannel, open_vapid
from central.notification.delivery import Sent, Verdict
from central.notification.outgoing import Errands
from central.notification.phone_gateway import PhoneGateway, fit_sms, read_number
from central.sealing import Sealer, SealError
from gateway.free_ports import free_port
from simulators.ntfy_server import NtfyServer
from simulators.phone_company import Does, Person, PhoneCompany
from simulators.push_service import PushService
from simulators.smtp_sink import Fault, MailSink
from simulators.web_server import WebFault, WebServer
from tests.conformance.harness import eventually

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")]  # by a part of Apprise

NAMES = ("push", "sms", "voice", "apprise", "email")
WAIT_S = 0.5
NUMBER = "+34600111222"
TOKEN = "a word"


def letter(to: str, **changes: object) -> Message:
    facts: dict[str, object] = {
        "to": to,
        "key": "llar-7-12",
        "subject": "Maria has asked for help, 13:00",
        "text": "Hello Marc,\n\nplease come.",
        "short": "Maria, 13:00: please open. Case 7",
        "link": "https://llar.example.org/c/abcdefghijklmnopqrstuv",
        "language": "en",
        "urgent": True,
        "purpose": "alarm",
        "case_id": 7,
        "resident": "Maria",
    }
    return Message(**facts | changes)  # type: ignore[arg-type]


@dataclass
class Rig:
    """A channel, the real server behind it, and what came there."""

    channel: Channel
    address: str
    bad_address: str
    server_does: Callable[[str], None]  # fine, busy, refuses, hangs, drips
    refuse_for_good: Callable[[], None]
    came: Callable[[], list[str]]
    away: Callable[[], tuple[Channel, str]]  # a channel and address of a server that is not there


class _Loop:
    """An event loop in a thread, for the mail server."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        async def end() -> None:
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@pytest.fixture(scope="session")
def vapid(tmp_path_factory: pytest.TempPathFactory) -> VapidKey:
    return open_vapid(tmp_path_factory.mktemp("keys"), Sealer())


def errands() -> Errands:
    return Errands("trial", WAIT_S, at_once=2)


def _does(server: WebServer) -> Callable[[str], None]:
    def does(what: str) -> None:
        server.fault = WebFault("none" if what == "fine" else what)

    return does


@pytest.fixture
def push_rig(vapid: VapidKey) -> Iterator[Rig]:
    service = PushService()
    browser = service.subscribe()

    def channel(origin: str) -> WebPushChannel:
        config = PushConfig("mailto:it@example.org", (origin,))
        return WebPushChannel(config, vapid, lambda _gone: None, errands())

    def nowhere() -> tuple[Channel, str]:
        gone = f"http://127.0.0.1:{free_port()}"
        return channel(gone), json.dumps(browser.subscription()).replace(service.server.url, gone)

    made = Rig(
        channel(service.server.url),
        json.dumps(browser.subscription()),
        json.dumps(browser.subscription()).replace("127.0.0.1", "127.0.0.2"),
        _does(service.server),
        lambda: setattr(browser, "gone", True),
        lambda: [json.dumps(shown.payload) for shown in browser.shown],
        nowhere,
    )
    yield made
    assert service.refused == []
    service.stop()


def phone_rig(company: PhoneCompany, tmp_path: Path, kind: type[SmsChannel | VoiceChannel]) -> Rig:
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN)

    def channel(url: str) -> Channel:
        return kind(PhoneGateway(PhoneConfig(url, str(token_file))), errands())

    def nowhere() -> tuple[Channel, str]:
        return channel(f"http://127.0.0.1:{free_port()}"), NUMBER

    def never() -> None:
        company.people[NUMBER] = Person(Does.NO_SUCH_NUMBER)

    def came() -> list[str]:
        return [it.text for it in company.texts] if kind is SmsChannel else [it.say for it in company.calls]

    return Rig(channel(company.url), "600 111 222", "the neighbour", _does(company.server), never, came, nowhere)


@pytest.fixture
def apprise_rig() -> Iterator[Rig]:
    server = NtfyServer()
    where = f"127.0.0.1:{server.server.port}"

    def channel(place: str) -> AppriseChannel:
        return AppriseChannel(AppriseConfig(("ntfy",), (place,)), errands())

    gone = f"127.0.0.1:{free_port()}"
    yield Rig(
        channel(where),
        f"ntfy://{where}/marc",
        "ntfy://127.0.0.2/marc",
        _does(server.server),
        lambda: server.forbidden.add("marc"),
        lambda: [it.message for it in server.published],
        lambda: (channel(gone), f"ntfy://{gone}/marc"),
    )
    server.stop()


@pytest.fixture
def email_rig() -> Iterator[Rig]:
    loop, sink = _Loop(), MailSink(slow_s=60.0)
    asyncio.run_coroutine_threadsafe(sink.start(), loop.loop).result(10)
    modes = {"fine": Fault.NONE, "busy": Fault.REFUSE_FOR_NOW, "hangs": Fault.SLOW, "drips": Fault.SLOW}

    def channel(port: int) -> EmailChannel:
        return EmailChannel(MailConfig(host="127.0.0.1", port=port, sender="centre@example.org"), errands())

    yield Rig(
        channel(sink.port),
        "marc@example.org",
        "marc@example.org\nBcc: all@example.org",
        lambda what: setattr(sink, "fault", modes[what]),
        lambda: setattr(sink, "fault", Fault.REFUSE_FOR_GOOD),
        lambda: [f"{it.subject}\n{it.text}" for it in sink.mails],
        lambda: (channel(free_port()), "marc@example.org"),
    )
    asyncio.run_coroutine_threadsafe(sink.stop(), loop.loop).result(10)
    loop.stop()


@pytest.fixture(params=NAMES)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    if request.param in {"sms", "voice"}:
        company = PhoneCompany(TOKEN)
        yield phone_rig(company, tmp_path, SmsChannel if request.param == "sms" else VoiceChannel)
        company.stop()
    else:
        yield request.getfixturevalue(f"{request.param}_rig")


def send(rig: Rig, **changes: object) -> Sent:
    return rig.channel.send(letter(rig.address, **changes))


def test_sent_is_there_once_and_says_nothing_about_health(rig: Rig) -> None:
    assert send(rig).verdict is Verdict.TAKEN
    eventually(lambda: len(rig.came()) == 1, "the message")
    (text,) = rig.came()
    assert "Maria" in text
    for word in ("fall", "button", "health", "heart"):
        assert word not in text.lower()
    if rig.channel.name != "voice":
        assert "https://llar.example.org/c/abcdefghijklmnopqrstuv" in text


def test_refused_for_now_is_for_now_and_comes_later(rig: Rig) -> None:
    rig.server_does("busy")
    assert send(rig).verdict is Verdict.NOT_NOW
    rig.server_does("fine")
    assert send(rig).verdict is Verdict.TAKEN


def test_refused_for_good_is_for_good(rig: Rig) -> None:
    rig.refuse_for_good()
    sent = send(rig)
    assert sent.verdict is Verdict.NEVER
    assert sent.fault
    assert rig.came() == []


@pytest.mark.parametrize("how", ["hangs", "drips"])
def test_a_server_that_hangs_is_given_up_and_costs_only_its_own_turns(rig: Rig, how: str) -> None:
    rig.server_does(how)
    faults = [send(rig) for _ in range(3)]
    assert [it.verdict for it in faults] == [Verdict.NOT_NOW] * 3
    assert "no answer" in faults[0].fault
    assert "busy" in faults[2].fault, "no more than two hang at a time"


def test_a_server_that_is_away_is_for_now_and_names_nobody(rig: Rig) -> None:
    channel, address = rig.away()
    sent = channel.send(letter(address))
    assert sent.verdict is Verdict.NOT_NOW
    for private in ("600111222", "marc", "push/"):
        assert private not in sent.fault


def test_what_is_no_address_is_refused_without_asking_anybody(rig: Rig) -> None:
    rig.server_does("hangs")
    assert rig.channel.send(letter(rig.bad_address)).verdict is Verdict.NEVER
    assert rig.channel.send(letter("")).verdict is Verdict.NEVER or rig.channel.name == "email"


def test_a_repeat_after_a_restart_has_the_same_name(rig: Rig) -> None:
    first = send(rig)
    second = send(rig, link="https://llar.example.org/c/another-token-of-the-same")
    assert (first.verdict, second.verdict) == (Verdict.TAKEN, Verdict.TAKEN)
    assert first.provider_ref == second.provider_ref
    eventually(lambda: len(rig.came()) >= 1, "the message")
    if rig.channel.name in {"sms", "voice"}:
        assert len(rig.came()) == 1, "one person is not rung up twice"


# what only one of them promises


def test_a_notification_is_urgent_lives_shortly_and_replaces_the_one_before(vapid: VapidKey) -> None:
    service = PushService()
    browser = service.subscribe()
    channel = WebPushChannel(PushConfig("mailto:it@example.org", (service.server.url,)), vapid, lambda _gone: None)
    address = json.dumps(browser.subscription())
    channel.send(letter(address))
    channel.send(letter(address, urgent=False, purpose="stand_down", link=""))
    service.stop()
    alarm, calm = browser.shown
    assert (alarm.urgency, calm.urgency) == ("high", "normal")
    assert alarm.topic == calm.topic == alarm.payload["tag"] == calm.payload["tag"]
    assert 60 <= alarm.ttl <= 3_600
    assert set(alarm.payload) == {"title", "body", "tag", "url", "at"}
    assert alarm.sender == "mailto:it@example.org"


def test_a_browser_that_has_left_is_forgotten(vapid: VapidKey) -> None:
    gone: list[str] = []
    service = PushService()
    browser = service.subscribe()
    browser.gone = True
    channel = WebPushChannel(PushConfig("mailto:it@example.org", (service.server.url,)), vapid, gone.append)
    assert channel.send(letter(json.dumps(browser.subscription()))).verdict is Verdict.NEVER
    service.stop()
    assert gone == [browser.endpoint]


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://127.0.0.1/x",
        "http://fcm.googleapis.com/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evil.example/fcm.googleapis.com",
        "https://fcm.googleapis.com@evil.example/x",
        "https://evil.example\\@fcm.googleapis.com/x",
        "https://fcm.googleapis.com:8443/x",
        "file:///etc/passwd",
    ],
)
def test_nobody_makes_the_centre_call_where_they_like(vapid: VapidKey, endpoint: str) -> None:
    service = PushService()
    keys = service.subscribe().subscription()["keys"]
    service.stop()
    channel = WebPushChannel(PushConfig("mailto:it@example.org"), vapid, lambda _gone: None)
    assert channel.send(letter(json.dumps({"endpoint": endpoint, "keys": keys}))).verdict is Verdict.NEVER


def test_the_key_is_made_once_and_lies_sealed(tmp_path: Path) -> None:
    sealer = Sealer(bytes(32))
    assert open_vapid(tmp_path, sealer).public == open_vapid(tmp_path, sealer).public
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o077 == 0
    assert "PRIVATE" not in path.read_text()
    with pytest.raises(SealError):
        open_vapid(tmp_path, Sealer())


ALLOWED = AppriseConfig(("tgram", "ntfys", "matrixs"), ("ntfy.sh", "chat.example.org:8448"))


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("tgram://123456789:AAabcdefghijklmnopqrstuvwxyz-123456/12345678", True),
        ("ntfys://ntfy.sh/marc", True),
        ("ntfys://tk_abc@ntfy.sh/marc", True),
        ("file:///etc/passwd", False),
        ("json://127.0.0.1/x", False),
        ("ntfy://ntfy.sh/marc", False),
        ("ntfys://127.0.0.1/marc", False),
        ("ntfys://[::1]/marc", False),
        ("ntfys://ntfy.sh:22/marc", False),
        ("ntfys://ntfy.sh@169.254.169.254/latest", False),
        ("ntfys://evil.example\\@ntfy.sh/x", False),
        ("ntfys://evil.example#@ntfy.sh/x", False),
        ("ntfys://ntfy.sh/marc?attach=file:///etc/passwd", False),
        ("tgram://127.0.0.1/x?verify=no", False),
        ("syslog://", False),
        ("ntfys://ntfy.sh/marc\nfile:///etc/passwd", False),
    ],
)
def test_only_agreed_kinds_of_addresses_and_servers_are_used(url: str, good: bool) -> None:
    assert (apprise_fault(url, ALLOWED) == "") is good


def test_a_phone_that_is_only_told_gets_a_text_and_does_not_ring(tmp_path: Path) -> None:
    company = PhoneCompany(TOKEN)
    rig = phone_rig(company, tmp_path, VoiceChannel)
    send(rig, purpose="stand_down", short="Marc is going to Maria. You need not do anything.", link="")
    eventually(lambda: company.texts, "the text")
    company.stop()
    assert company.calls == []
    assert "Marc is going" in company.texts[0].text


def test_a_gateway_that_does_not_know_us_is_for_now(tmp_path: Path) -> None:
    company = PhoneCompany("another word")
    sent = send(phone_rig(company, tmp_path, SmsChannel))
    company.stop()
    assert (sent.verdict, sent.fault) == (Verdict.NOT_NOW, "401 wrong_token")


def test_an_sms_fits_two_parts_keeps_its_link_and_needs_no_wide_letters() -> None:
    link = "https://llar.example.org/c/abcdefghijklmnopqrstuv"
    text = fit_sms("Núria Güell i Sunyol de la Masó, à 13:00: ç·ñ " * 20, "Respon 1 si hi vas, 2 si no pots.", link)
    assert len(text) <= 306
    assert text.endswith(link)
    assert text.startswith("Nuria Güell i Sunyol de la Maso")
    assert len(fit_sms("Maria, 13:00: obre-ho. Cas 7", "Respon 1 si hi vas, 2 si no pots.", link)) <= 160


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("600 111 222", "+34600111222"),
        ("+33 6 12 34 56 78", "+33612345678"),
        ("0034 600-111-222", "+34600111222"),
        ("112", ""),
        ("the neighbour", ""),
        ("+34600111222\n", ""),
    ],
)
def test_numbers_as_people_write_them(written: str, number: str) -> None:
    assert read_number(written, "+34") == number
