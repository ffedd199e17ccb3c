"""An alarm by SMS is an alarm: the same case as over the line, stored before it is answered, and only with its seal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from central.entrances.sms import SmsEntrance
from central.sealing import Sealer
from central.sms_intake import BODY_BYTES_MAX, UNVERIFIED_EVERY_S, UNVERIFIED_MAX, SmsIntake
from central.storage import homes
from central.storage.hub_secrets import keep_password
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.encoding import encode
from gateway.contract.messages import Alarm, MessageType, Record, Stage
from gateway.contract.sms import SMS_LENGTH_MAX, decode_answer_sms, encode_alarm_sms, sms_key
from tests.central.conftest import NOON
from tests.central.console_setting import Clock, Setting, enrol, open_setting
from tests.central.desk_people import form_token, log_in

PASSWORD = "a password"
KEY = sms_key(PASSWORD)
HUB = "hub-carme"
NUMBER = "+34600111222"
TOKEN = "the gateway's word"
SEALER = Sealer(bytes(range(32)))


@pytest.fixture
def setting(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    with open_setting(tmp_path, clock, url=database_url, with_store=False) as opened:
        with opened.database.begin() as connection:
            keep_password(connection, SEALER, HUB, PASSWORD, NOON)
        yield opened


def entrance(setting: Setting, sealer: Sealer = SEALER) -> SmsEntrance:
    return SmsEntrance(SmsIntake(setting.database, setting.desk, setting.refusals, sealer), TOKEN)


@pytest.fixture
def client(setting: Setting) -> Iterator[TestClient]:
    with TestClient(setting.app(sms=entrance(setting)), base_url="http://desk.test", follow_redirects=False) as opened:
        yield opened


def help_alarm(ref: str = "3f9a2b", mty: MessageType = MessageType.FIRST, at: float = NOON) -> Alarm:
    dty, stc = SCAIP_CODES[AlarmKind.HELP]
    return Alarm(ref=ref, dty=dty, stc=stc, tim=at, mty=mty, did="pendant", lte="bany", seq=7, ep="k")


def sealed(alarm: Alarm, hub: str = HUB, key: bytes = KEY) -> str:
    return encode_alarm_sms(hub, alarm, 0.0, key)


def deliver(client: TestClient, text: str, sender: str = NUMBER, token: str = TOKEN) -> httpx.Response:
    body = {"from": sender, "to": "+34930000000", "text": text, "id": "gw-1", "received_at": "2026-11-22T01:05:40Z"}
    return client.post("/sms/in", json=body, headers={"authorization": f"Bearer {token}"})


def seat(client: TestClient, name: str = "marc") -> dict[str, str]:
    assert log_in(client, name).status_code == 303
    return form_token(client)


def queue(client: TestClient) -> Any:
    return client.get("/api/queue").json()["cards"]


def timeline(client: TestClient, case: int) -> list[str]:
    return [line["sentence"] for line in reversed(client.get(f"/api/cases/{case}").json()["timeline"])]


def test_an_alarm_by_sms_opens_a_case_and_is_answered_with_a_sealed_receipt(client: TestClient) -> None:
    answer = deliver(client, sealed(help_alarm()))
    assert answer.status_code == 200
    reply = answer.json()["reply"]
    assert len(reply) <= SMS_LENGTH_MAX
    read = decode_answer_sms(reply, {HUB: KEY}.get)
    assert isinstance(read, tuple)
    assert (read[0], read[1].ref, read[1].snu, read[1].stage) == (HUB, "3f9a2b", 0, Stage.RECEIVED)
    seat(client)
    (card,) = queue(client)
    assert (card["kind"], card["place"], card["mark"], str(card["id"])) == ("help", "bany", "P1", read[1].case)
    assert timeline(client, card["id"]) == ["Alarm received: Help button, bany. It came by SMS."]


@pytest.mark.parametrize("first", ["line", "sms"])
def test_any_number_of_copies_by_both_ways_is_one_case_and_the_log_says_which_came_when(
    setting: Setting, client: TestClient, clock: Clock, first: str
) -> None:
    alarm = help_alarm()

    def by_line() -> None:
        setting.desk.receive_alarm(HUB, alarm, encode(alarm), clock())

    def by_sms() -> None:
        assert deliver(client, sealed(alarm)).json()["reply"]

    ways = (by_line, by_sms) if first == "line" else (by_sms, by_line)
    for way in ways:
        way()
        way()
        clock.now += 12
    for way in (*ways, *ways):
        way()
    seat(client)
    (card,) = queue(client)
    assert card["repeats"] == 1
    other = "by SMS" if first == "line" else "over the line"
    assert timeline(client, card["id"])[1:] == [f"The same alarm came {other} too, 12 seconds later."]


def test_what_came_by_sms_gets_its_evidence_over_the_line(setting: Setting, client: TestClient, clock: Clock) -> None:
    deliver(client, sealed(help_alarm()))
    clock.now += 600
    full = msgspec.structs.replace(help_alarm(), evidence=[Record(n="hall/motion", vb=True, t=NOON - 60)])
    for _ in range(2):
        answer = setting.desk.receive_alarm(HUB, full, encode(full), clock())
        assert (answer.snu, answer.stage) == (0, Stage.RECEIVED)
    seat(client)
    (card,) = queue(client)
    assert card["repeats"] == 1
    assert timeline(client, card["id"])[1:] == ["The same alarm came over the line too, 10 minutes later."]
    assert [proof["at"] for proof in client.get(f"/api/cases/{card['id']}").json()["proofs"]] == [NOON - 60]


def test_an_sms_that_comes_again_hears_how_far_help_has_come(client: TestClient) -> None:
    text = sealed(help_alarm())
    deliver(client, text)
    token = seat(client)
    case = queue(client)[0]["id"]
    assert client.post(f"/api/cases/{case}/take", headers=token).status_code == 200
    read = decode_answer_sms(deliver(client, text).json()["reply"], {HUB: KEY}.get)
    assert isinstance(read, tuple)
    assert (read[1].stage, read[1].who) == (Stage.TAKEN, "Marc")


def test_what_the_home_takes_back_by_sms_is_taken_back_once(client: TestClient) -> None:
    deliver(client, sealed(help_alarm()))
    for _ in range(2):
        assert deliver(client, sealed(help_alarm(mty=MessageType.WITHDRAWN))).json()["reply"]
    seat(client)
    (card,) = queue(client)
    assert card["state"] == "withdrawn"
    assert timeline(client, card["id"])[1:] == ["The home cancelled the alarm."]


def test_a_copy_by_sms_after_the_case_was_closed_opens_nothing(setting: Setting, client: TestClient) -> None:
    alarm = help_alarm()
    setting.desk.receive_alarm(HUB, alarm, encode(alarm), NOON)
    token = seat(client)
    case = queue(client)[0]["id"]
    client.post(f"/api/cases/{case}/take", headers=token)
    closing = {"cause": "mistake", "action": "talked", "outcome": "resolved_by_talk", "note": "all is well"}
    assert client.post(f"/api/cases/{case}/close", json=closing, headers=token).status_code == 200
    read = decode_answer_sms(deliver(client, sealed(alarm)).json()["reply"], {HUB: KEY}.get)
    assert isinstance(read, tuple)
    assert read[1].stage is Stage.CLOSED
    assert queue(client) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (sealed(help_alarm(), key=sms_key("another")), "bad_mac"),
        (sealed(help_alarm()).replace("bany", "cuina"), "bad_mac"),
        (sealed(help_alarm(), hub="h-nobody"), "unknown_hub"),
        ("Your parcel is waiting", "not_ours"),
        ("", "not_ours"),
        ("x" * 2_000, "too_large"),
    ],
)
def test_a_text_without_a_hubs_seal_changes_nothing_gets_no_reply_and_is_counted(
    setting: Setting, client: TestClient, text: str, reason: str
) -> None:
    answer = deliver(client, text)
    assert (answer.status_code, answer.content) == (200, b"")
    assert setting.refused() == {("sms", reason): 1}
    seat(client)
    assert queue(client) == []


def test_a_text_from_a_hubs_own_number_that_cannot_be_verified_is_looked_at_once_an_hour(
    setting: Setting, client: TestClient, clock: Clock
) -> None:
    deliver(client, sealed(help_alarm()), sender="+34 600 11 12 22")
    token = seat(client)
    case = queue(client)[0]["id"]
    client.post(f"/api/cases/{case}/take", headers=token)
    closing = {"cause": "test", "action": "talked", "outcome": "resolved_by_talk", "note": "a trial"}
    assert client.post(f"/api/cases/{case}/close", json=closing, headers=token).status_code == 200
    for number in range(50):
        assert deliver(client, f"LLAR AL?RM help, Bathroom {number}").content == b""
    (card,) = queue(client)
    assert (card["mark"], card["repeats"], card["home_id"]) == ("P3", 1, "carme")
    (why,) = client.get(f"/api/cases/{card['id']}").json()["why"]
    assert why["sentence"].endswith("It says: LLAR AL?RM help, Bathroom 0")
    assert setting.refused() == {("sms", "not_ours"): 50}
    clock.now += UNVERIFIED_EVERY_S + 1
    deliver(client, "LLAR AL?RM help")
    seat(client)
    assert sum(one["repeats"] for one in queue(client)) == 2


@pytest.mark.parametrize("around", ["\x00{}\x00", "FW:\r\n{}\t\u2028", "{}\ud83d\ude00"])
def test_what_gateways_put_round_a_text_does_not_matter(client: TestClient, around: str) -> None:
    text = around.encode("utf-16", "surrogatepass").decode("utf-16").format(sealed(help_alarm()))
    assert deliver(client, text).json()["reply"]


def test_half_a_character_is_refused_and_not_asked_for_again(client: TestClient) -> None:
    body = b'{"from": "+34600111222", "text": "\\ud800 LLAR"}'
    assert client.post("/sms/in", content=body, headers={"authorization": f"Bearer {TOKEN}"}).status_code in {200, 400}


def test_what_was_sealed_once_and_is_played_back_does_not_move_a_hubs_number(
    setting: Setting, client: TestClient
) -> None:
    def number() -> str:
        with setting.database.read() as connection:
            return homes.phone_of(connection, HUB)

    for ref, sender, after in (
        ("a1", NUMBER, NUMBER),
        ("a1", "+34666666666", NUMBER),
        ("a2", "+34600999888", "+34600999888"),
        ("a3", "LLAR", "+34600999888"),
    ):
        assert deliver(client, sealed(help_alarm(ref)), sender=sender).json()["reply"]
        assert number() == after


def test_forged_numbers_cannot_fill_the_queue(setting: Setting, client: TestClient) -> None:
    for number in range(UNVERIFIED_MAX + 15):
        enrol(setting, f"home-{number}", f"Carrer {number}", "", [], [])
        with setting.database.begin() as connection:
            homes.keep_phone(connection, f"hub-home-{number}", f"+3460000{number:04d}")
    for number in range(UNVERIFIED_MAX + 15):
        deliver(client, "LLAR help", sender=f"+3460000{number:04d}")
    seat(client)
    assert len(queue(client)) == UNVERIFIED_MAX
    assert setting.refused() == {("sms", "not_ours"): UNVERIFIED_MAX + 15}


def test_who_has_no_token_is_not_let_in_and_other_shapes_are_refused(setting: Setting, client: TestClient) -> None:
    text = sealed(help_alarm())
    assert deliver(client, text, token="a guess").status_code == 401
    assert client.post("/sms/in", json={"from": NUMBER, "text": text}).status_code == 401
    bearer = {"authorization": f"Bearer {TOKEN}"}
    for body in (b"", b"[]", b"{", b'{"text": 5, "from": ""}', b'{"from": "x"}', b"\xff", b"[" * 5_000):
        assert client.post("/sms/in", content=body, headers=bearer).status_code == 400
    assert client.post("/sms/in", content=b" " * (BODY_BYTES_MAX + 1), headers=bearer).status_code == 400
    assert client.get("/sms/in", headers=bearer).status_code == 405
    assert setting.refused() == {("sms", "wrong_token"): 2, ("sms", "bad_request"): 7, ("sms", "too_large"): 1}
    seat(client)
    assert queue(client) == []


def test_a_centre_without_a_gateway_has_no_such_door(setting: Setting) -> None:
    with TestClient(setting.app(), base_url="http://desk.test") as client:
        assert deliver(client, sealed(help_alarm())).status_code == 404


def test_nothing_is_answered_that_is_not_stored(
    setting: Setting, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlalchemy as sa

    def away(*_: object) -> None:
        raise sa.exc.OperationalError("COMMIT", {}, Exception("disk I/O error"))

    text = sealed(help_alarm())
    with monkeypatch.context() as broken:
        broken.setattr(setting.database.engine.pool, "connect", away)
        assert deliver(client, text).status_code == 503
    assert deliver(client, text).json()["reply"]


def test_keys_that_cannot_be_read_are_no_reason_to_send_an_alarm_away(setting: Setting) -> None:
    door = entrance(setting, Sealer(bytes(32)))
    with TestClient(setting.app(sms=door), base_url="http://desk.test") as client:
        assert deliver(client, sealed(help_alarm())).status_code == 503


def test_secrets_are_not_in_what_the_database_shows(setting: Setting) -> None:
    with setting.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM hub_secrets").all()
    assert rows
    assert PASSWORD not in str(rows)


texts = st.text(max_size=300) | st.builds(
    lambda at, junk, keep: (sealed(help_alarm())[:at] + junk + sealed(help_alarm())[at:])[:keep],
    st.integers(0, 120),
    st.text(min_size=1, max_size=12),
    st.integers(0, 400),
)
values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts | st.lists(texts, max_size=2)
bodies = st.binary(max_size=200) | st.dictionaries(
    st.sampled_from(["from", "to", "text", "id", "received_at", "x"]), values
).map(lambda given: json.dumps(given).encode())


@pytest.fixture(scope="module")
def quiet_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Setting, SmsEntrance]]:
    with open_setting(tmp_path_factory.mktemp("fuzz"), Clock(NOON), with_store=False) as setting:
        with setting.database.begin() as connection:
            keep_password(connection, SEALER, HUB, PASSWORD, NOON)
            homes.keep_phone(connection, HUB, NUMBER)
        yield setting, entrance(setting)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=bodies, sender=st.sampled_from([NUMBER, "", "\x00", "x"]) | st.text(max_size=20))
def test_whatever_a_gateway_delivers_is_answered_plainly(
    quiet_door: tuple[Setting, SmsEntrance], body: bytes, sender: str
) -> None:
    setting, door = quiet_door
    for text in (body, json.dumps({"from": sender, "text": body.decode("utf-8", "replace")}).encode()):
        answer = door.deliver(text, NOON)
        assert answer.status_code in {200, 400}
        # a broken copy of a sealed text is never taken for the text, unless only what the seal leaves out was changed
        assert not bytes(answer.body) or b'"reply"' in bytes(answer.body)
    with setting.database.read() as connection:
        opened = connection.exec_driver_sql("SELECT count(*) FROM cases").scalar()
    assert opened is not None
    assert opened <= 2, "one for the sealed alarm, one for all that could not be verified"
