"""A new hub gets all it needs for a printed code: once, one hub, in time; and the broker knows it before it comes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from central import broker_folder, claim_desk
from central.__main__ import main
from central.claim_desk import WRONG_CODES_MAX, WRONG_CODES_S, ClaimDesk, new_claim
from central.refusals import RefusalCounter
from central.sealing import Sealer, SealError
from central.storage import homes, hub_settings
from central.storage.database import Database
from central.storage.homes import DeviceAtHome
from central.storage.hub_secrets import ensure_password, keep_device_key, keep_password, password_of
from central.storage.tables import claims
from central.supervisor import CANNOT_START
from devices.rejection import Rejection
from gateway.broker import start_broker
from gateway.contract.claim import (
    CODE_LIVES_S,
    REDEEM_AGAIN_S,
    REQUEST_BYTES_MAX,
    STATUS_OF,
    ClaimAnswer,
    ClaimedBroker,
    ClaimFile,
    ClaimRefusal,
    ClaimRequest,
    claim_code,
    read_claim,
    read_link,
)
from gateway.contract.settings import HubSettings
from gateway.contract.topics import Channel, shard_of, topic
from gateway.mqtt_client import BrokerSettings, MqttClient
from tests.central.conftest import NOON
from tests.central.console_setting import Clock, Setting, open_setting

HUB = "hub-carme"
SEALER = Sealer(bytes(range(32)))
MINE, ANOTHERS = "00" * 16, "11" * 16
BROKER = ClaimedBroker("broker.example.org", 8883, ca_pem="-----BEGIN CERTIFICATE-----\n")
DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


@pytest.fixture
def setting(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    with open_setting(tmp_path, clock, url=database_url, with_store=False) as opened:
        with opened.database.begin() as connection:
            keep_password(connection, SEALER, HUB, "correct-horse-battery", NOON)
            known = DeviceAtHome("bath-button", "bthome_pendant", "bany", 7200, "A4:C1:38:00:00:02", 11)
            homes.enrol_devices(connection, "carme", [known], NOON)
            keep_device_key(connection, SEALER, "carme", "bath-button", bytes(range(16)))
        yield opened


@pytest.fixture
def client(setting: Setting) -> Iterator[TestClient]:
    desk = ClaimDesk(setting.database, SEALER, BROKER, setting.refusals)
    with TestClient(setting.app(claims=desk), base_url="http://desk.test") as opened:
        yield opened


def printed(setting: Setting, valid_s: float = CODE_LIVES_S) -> str:
    with setting.database.begin() as connection:
        return new_claim(connection, SEALER, HUB, valid_s, setting.clock()).replace("-", "")


def redeem(client: TestClient, code: str, key: str = MINE) -> httpx.Response:
    request = ClaimRequest(code, key, serial="10000000a1b2", model="Raspberry Pi 4\x00")
    return client.post("/claim", content=msgspec.json.encode(request))


def refused(answer: httpx.Response) -> str:
    refusal = read_claim(ClaimRefusal, answer.content)
    assert isinstance(refusal, ClaimRefusal)
    assert answer.status_code == STATUS_OF[refusal.reason]
    return refusal.reason


def test_the_answer_has_all_that_the_hub_needs(setting: Setting, client: TestClient) -> None:
    with setting.database.begin() as connection:
        hub_settings.keep(connection, HUB, HubSettings(3, language="es"), NOON)
    answer = read_claim(ClaimAnswer, redeem(client, printed(setting)).content)
    assert isinstance(answer, ClaimAnswer), answer
    assert (answer.hub, answer.shard, answer.broker) == (HUB, shard_of(HUB), BROKER)
    assert (answer.password, answer.language, answer.at) == ("correct-horse-battery", "ca", NOON)
    assert answer.place.startswith("Carrer de Verdi 112")
    assert answer.settings == HubSettings(3, language="es")
    (device,) = answer.devices
    assert (device.id, device.model, device.address) == ("bath-button", "bthome_pendant", "A4:C1:38:00:00:02")
    assert (device.room, device.place_code, device.key) == ("bany", 11, bytes(range(16)).hex())


def test_the_first_hub_has_the_code_and_may_ask_again_within_a_day(
    setting: Setting, client: TestClient, clock: Clock
) -> None:
    code = printed(setting)
    first = redeem(client, code)
    assert first.status_code == 200
    assert refused(redeem(client, code, ANOTHERS)) == "used_code"
    clock.now += REDEEM_AGAIN_S - 1
    assert redeem(client, code).json()["password"] == first.json()["password"]
    clock.now += 2
    assert refused(redeem(client, code)) == "used_code"


def test_a_code_runs_out_and_a_newer_one_makes_it_void(setting: Setting, client: TestClient, clock: Clock) -> None:
    old = printed(setting)
    new = printed(setting)
    assert refused(redeem(client, old)) == "unknown_code"
    clock.now += CODE_LIVES_S + 1
    assert refused(redeem(client, new)) == "expired_code"
    assert setting.refused() == {("claim", "unknown_code"): 1, ("claim", "expired_code"): 1}


def test_a_newer_code_takes_the_home_from_whoever_redeemed_the_old_one(setting: Setting, client: TestClient) -> None:
    old = printed(setting)
    assert redeem(client, old).status_code == 200
    printed(setting)
    with setting.database.begin() as connection:
        keep_password(connection, SEALER, HUB, "a-new-word-for-the-new-hub", NOON)
    answer = redeem(client, old)
    assert refused(answer) == "used_code"
    assert "a-new-word" not in answer.text


def test_two_hubs_at_the_same_moment_are_not_both_given_the_home(setting: Setting, client: TestClient) -> None:
    code = printed(setting)
    answers: list[httpx.Response] = []
    threads = [
        threading.Thread(target=lambda key=key: answers.append(redeem(client, code, key))) for key in (MINE, ANOTHERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 409]


def test_whoever_guesses_must_wait_and_others_need_not(setting: Setting, client: TestClient, clock: Clock) -> None:
    code = printed(setting)
    wrong = [claim_code(number).replace("-", "") for number in range(WRONG_CODES_MAX)]
    assert {refused(redeem(client, one)) for one in wrong} == {"unknown_code"}
    answer = redeem(client, code)
    assert refused(answer) == "too_many"
    assert 0 < answer.json()["wait_s"] <= WRONG_CODES_S
    elsewhere = TestClient(client.app, base_url="http://desk.test", client=("192.0.2.7", 1))
    assert redeem(elsewhere, code).status_code == 200
    clock.now += WRONG_CODES_S
    assert redeem(client, code).status_code == 200


def test_strangers_on_a_socket_for_both_protocols_are_told_apart(setting: Setting, client: TestClient) -> None:
    code = printed(setting)
    mallory, hub = (
        TestClient(client.app, base_url="http://desk.test", client=(f"::ffff:192.0.2.{end}", 1)) for end in (7, 8)
    )
    for number in range(WRONG_CODES_MAX):
        redeem(mallory, claim_code(number).replace("-", ""))
    assert refused(redeem(mallory, code)) == "too_many"
    assert redeem(hub, code).status_code == 200


def test_what_cannot_be_given_is_said_as_such(setting: Setting, client: TestClient) -> None:
    code = printed(setting)
    for body in (b"", b"{}", b"[]", b"\xff", b"x" * (REQUEST_BYTES_MAX + 1)):
        assert refused(client.post("/claim", content=body)) == "bad_request"
    with TestClient(setting.app(), base_url="http://desk.test") as without:
        assert refused(redeem(without, code)) == "not_ready"
    blind = ClaimDesk(setting.database, Sealer(bytes(32)), BROKER, setting.refusals)
    with TestClient(setting.app(claims=blind), base_url="http://desk.test") as other:
        assert refused(redeem(other, code)) == "unknown_code"
    with setting.database.begin() as connection:
        connection.execute(sa.text("DELETE FROM hub_secrets"))
    assert refused(redeem(client, code)) == "not_ready"
    with setting.database.read() as connection:
        assert connection.execute(sa.select(claims.c.redeemed_at)).scalar() is None


def test_a_telephone_that_reads_the_code_is_told_what_it_is_for(client: TestClient) -> None:
    for language, word in (("ca", "unitat nova"), ("es", "unidad nueva"), ("en", "new unit")):
        answer = client.get("/claim", headers={"accept-language": language})
        assert answer.status_code == 200
        assert word in answer.text


def test_neither_code_nor_keys_can_be_read_from_the_database(setting: Setting, client: TestClient) -> None:
    code = printed(setting)
    assert redeem(client, code).status_code == 200
    with setting.database.read() as connection:
        tables = ("claims", "hub_secrets", "device_keys")
        rows = str([connection.exec_driver_sql(f"SELECT * FROM {table}").all() for table in tables])
    for secret in (code, MINE, "correct-horse-battery", bytes(range(16)).hex()):
        assert secret not in rows
    assert "Raspberry Pi 4" in rows, "what the board said is kept for the register"


def test_a_sealed_secret_opens_for_its_owner_alone() -> None:
    box = SEALER.seal(b"secret", "hub h-17")
    assert SEALER.open(box, "hub h-17") == b"secret"
    for sealer, owner in ((SEALER, "hub h-18"), (Sealer(bytes(32)), "hub h-17"), (Sealer(), "hub h-17")):
        with pytest.raises(SealError, match="hub h-1"):
            sealer.open(box, owner)
    assert SEALER.open(Sealer().seal(b"older", "x"), "x") == b"older"


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=300) | st.dictionaries(st.sampled_from(["code", "key", "serial"]), st.text()).map(
    lambda given: json.dumps(given).encode()
))  # fmt: skip
def test_whatever_a_stranger_sends_is_refused_plainly(fuzzed: ClaimDesk, body: bytes) -> None:
    answer = fuzzed.redeem(body, "", NOON)
    assert isinstance(answer, ClaimRefusal)
    assert not isinstance(read_claim(ClaimRefusal, msgspec.json.encode(answer)), Rejection)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClaimDesk]:
    with pytest.MonkeyPatch.context() as patched, open_setting(tmp_path_factory.mktemp("fuzz")) as setting:
        patched.setattr(claim_desk, "WRONG_CODES_MAX", 10**9)
        yield ClaimDesk(setting.database, SEALER, BROKER, setting.refusals)


# the command


class Office:
    """A centre's folder, as an administrator has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = folder / "broker"
        self.config = folder / "central.toml"
        self.config.write_text(
            'data_folder = "data"\n[secrets]\nkey_file = "key"\n[claims]\naddress = "https://centre.example.org"\n'
            'broker_host = "broker.example.org"\nbroker_folder = "broker"\n'
        )
        (folder / "key").write_text("5e" * 32)
        assert self.run("import-homes", str(DEPLOY / "homes.example.json")) == 0

    def run(self, *command: str) -> int:
        return main([command[0], "--config", str(self.config), *command[1:]])

    def broker_config(self) -> int:
        return self.run("broker-config", "--out", str(self.broker), "--certificate", "/c.pem", "--key", "/k.pem")

    def secrets(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.broker / "secrets.json").read_text())
        return found

    def redeem(self, code: str) -> ClaimAnswer | ClaimRefusal:
        database = Database.open(f"sqlite:///{self.folder}/data/central.sqlite3")
        try:
            desk = ClaimDesk(database, Sealer(bytes.fromhex("5e" * 32)), BROKER, RefusalCounter())
            request = ClaimRequest(code.replace("-", ""), MINE)
            return desk.redeem(msgspec.json.encode(request), "", time.time())
        finally:
            database.close()


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def code_in(said: str) -> str:
    link = re.search(r"llar-edge claim '(\S+)'", said)
    assert link
    read = read_link(link[1])
    assert read is not None
    assert read[0] == "https://centre.example.org"
    return read[1]


def test_the_command_prints_a_code_that_a_hub_can_redeem_and_the_broker_knows_the_hub(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    assert office.broker_config() == 0
    before = office.secrets()
    mode = (office.broker / "passwords").stat().st_mode
    assert office.run("claim", "--hub", "h-17", "--qr", str(office.folder / "code.svg")) == 0
    said = capsys.readouterr().out
    assert "systemctl reload mosquitto" in said
    assert "<svg" in (office.folder / "code.svg").read_text()
    assert office.secrets() == before, "a hub that is at work keeps its password"
    assert (office.broker / "passwords").stat().st_mode == mode
    answer = office.redeem(code_in(said))
    assert isinstance(answer, ClaimAnswer)
    assert answer.password == before["h-17"]
    assert {device.id: bool(device.key) for device in answer.devices} == {
        "bath-button": True,
        "hall-motion": False,
        "pendant": False,
    }


def test_a_home_without_a_network_is_given_a_file_that_holds_all_its_hub_needs(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    assert office.broker_config() == 0
    file = office.folder / "llar-claim.json"
    for _ in range(2):
        assert office.run("claim", "--hub", "h-17", "--file", str(file)) == 0
    said = capsys.readouterr().out
    assert "delete it" in said
    assert "Claim code" not in said, "what a file gave nobody can redeem once more"
    assert file.stat().st_mode & 0o077 == 0
    claim = read_claim(ClaimFile, file.read_bytes())
    assert isinstance(claim, ClaimFile)
    assert claim.answer is not None
    assert claim.answer.password == office.secrets()["h-17"]
    assert {device.id for device in claim.answer.devices} == {"bath-button", "hall-motion", "pendant"}
    nowhere = office.folder / "missing" / "llar-claim.json"
    assert office.run("claim", "--hub", "h-17", "--file", str(nowhere)) == CANNOT_START
    assert "Cannot write to" in capsys.readouterr().err


def test_the_brokers_settings_name_its_certificate_from_wherever_they_were_written(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(office.folder)
    assert office.run("broker-config", "--out", "broker", "--certificate", "cert.pem", "--key", "key.pem") == 0
    settings = (office.broker / "mosquitto.conf").read_text().splitlines()
    assert f"certfile {office.folder / 'cert.pem'}" in settings
    assert f"keyfile {office.folder / 'key.pem'}" in settings


def test_nobody_else_on_the_machine_reads_what_the_centre_keeps(office: Office) -> None:
    assert (office.folder / "data").stat().st_mode & 0o077 == 0


def test_a_new_password_reaches_the_broker_and_only_that_hubs(office: Office) -> None:
    assert office.broker_config() == 0
    before, lines = office.secrets(), (office.broker / "passwords").read_text().splitlines()
    assert office.run("claim", "--hub", "h-17", "--new-password", "--valid", "2h") == 0
    assert office.secrets()["h-17"] != before["h-17"]
    after = (office.broker / "passwords").read_text().splitlines()
    assert {line for line in lines if not line.startswith("h-17:")} < set(after)
    assert len(after) == len(lines)
    assert office.broker_config() == 0
    assert office.secrets()["desk"] == before["desk"]


def test_files_that_the_broker_could_not_read_are_not_put_in_place(
    office: Office, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert office.broker_config() == 0
    try:
        for file in office.broker.iterdir():
            os.chown(file, 12_345, 12_345)
    except PermissionError:
        pytest.skip("only root can give files to the broker's user")
    before = {file.name: file.read_bytes() for file in office.broker.iterdir()}

    def not_allowed(*_arguments: object, **_more: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", not_allowed)
    assert office.run("claim", "--hub", "h-17", "--new-password") == CANNOT_START
    said = capsys.readouterr()
    assert "Operation not permitted. Nothing was printed, no claim was made." in said.err
    assert "Claim code" not in said.out
    assert {name: (office.broker / name).read_bytes() for name in before} == before


def test_the_code_is_shown_as_a_picture_in_the_terminal(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    assert office.broker_config() == 0
    assert office.run("claim", "--hub", "h-17") == 0
    assert "▄" in capsys.readouterr().out


def test_passwords_given_before_the_centre_kept_them_are_taken_over(office: Office) -> None:
    assert office.broker_config() == 0
    database = Database.open(f"sqlite:///{office.folder}/data/central.sqlite3")
    with database.begin() as connection:
        connection.execute(sa.text("DELETE FROM hub_secrets"))
    before = office.secrets()
    assert office.broker_config() == 0
    assert office.secrets() == before
    with database.begin() as connection:
        assert password_of(connection, Sealer(bytes.fromhex("5e" * 32)), "h-17") == before["h-17"]
    database.close()


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["--hub", "h-99"], "Nobody enrolled"),
        (["--hub", "h-17"], "broker-config"),
        (["--hub", "h-17", "--valid", "a week"], "write 90m"),
        (["--hub", "h-17", "--valid", "400d"], "write 90m"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    office: Office, capsys: pytest.CaptureFixture[str], command: list[str], sentence: str
) -> None:
    with contextlib.suppress(SystemExit):
        assert office.run("claim", *command) == CANNOT_START
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
    database = Database.open(f"sqlite:///{office.folder}/data/central.sqlite3")
    with database.read() as connection:
        assert connection.execute(sa.select(claims.c.code_hash)).first() is None, "no claim was made"
    database.close()


def test_a_hub_that_leaves_a_home_takes_its_secrets_with_it(setting: Setting) -> None:
    code = printed(setting)
    with setting.database.begin() as connection:
        homes.enrol_hub(connection, "hub-new", "carme", NOON)
        assert password_of(connection, SEALER, HUB) is None
        assert ensure_password(connection, SEALER, "hub-new", NOON)
    desk = ClaimDesk(setting.database, SEALER, BROKER, setting.refusals)
    answer = desk.redeem(msgspec.json.encode(ClaimRequest(code, MINE)), "", NOON)
    assert isinstance(answer, ClaimRefusal)
    assert answer.reason == "unknown_code"


@pytest.mark.slow
def test_a_real_broker_lets_the_claimed_hub_in(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    assert office.broker_config() == 0
    assert office.run("claim", "--hub", "h-17") == 0
    answer = office.redeem(code_in(capsys.readouterr().out))
    assert isinstance(answer, ClaimAnswer)
    folder = office.folder / "running"
    folder.mkdir()
    with start_broker(folder, {"desk": "x"}, kind=None) as broker:
        if broker.kind != "mosquitto":
            pytest.skip("mosquitto is not installed: its reload was NOT tested")
        for name in ("passwords", "access.acl"):
            (folder / name).write_text((office.broker / name).read_text())
        broker.restart()
        up = threading.Event()
        client = MqttClient(
            BrokerSettings(broker.host, broker.port, answer.hub, answer.hub, answer.password),
            subscriptions=(f"care/v1/{answer.shard}/{answer.hub}/dn/cfg",),
            on_message=lambda received: None,
            on_connection=lambda ok, _why: up.set() if ok else None,
        )
        client.start()
        try:
            assert up.wait(60)
        finally:
            client.stop()


@pytest.mark.slow
def test_a_broker_that_reads_its_files_anew_drops_nobody(tmp_path: Path) -> None:
    """What a claim does at work: one hub more in the files, SIGHUP, while others call."""
    words = {name: f"{name}-word-of-the-test" for name in ("desk", "h-17")}
    with start_broker(tmp_path, words, kind=None) as broker:
        if broker.kind != "mosquitto":
            pytest.skip("mosquitto is not installed: its reload was NOT tested")
        told: dict[str, list[bool]] = {"desk": [], "h-17": [], "h-18": []}
        got: list[bytes] = []

        def client(user: str, word: str, subscriptions: tuple[str, ...]) -> MqttClient:
            return MqttClient(
                BrokerSettings(broker.host, broker.port, user, user, word),
                subscriptions=subscriptions,
                on_message=lambda received: (got.append(received.payload), desk.acknowledge(received))[0],
                on_connection=lambda ok, _why: told[user].append(ok),
            )

        desk = client("desk", words["desk"], ("care/v1/+/+/up/alarm",))
        hub = client("h-17", words["h-17"], ())
        desk.start()
        hub.start()
        clients = [desk, hub]
        try:
            wait_for(lambda: told["desk"][-1:] == told["h-17"][-1:] == [True], "both are connected")
            told["desk"].clear()
            told["h-17"].clear()
            broker_folder.add_hub(tmp_path, "h-18", "a-word-of-the-new-hub")
            os.kill(broker.pid, signal.SIGHUP)
            new = client("h-18", "a-word-of-the-new-hub", ())
            clients.append(new)
            new.start()
            wait_for(lambda: told["h-18"][-1:] == [True], "the new hub is let in")
            assert hub.publish(topic("h-17", Channel.ALARM), b"old")
            assert new.publish(topic("h-18", Channel.ALARM), b"new")
            wait_for(lambda: sorted(got) == [b"new", b"old"], "calls of both arrive")
            assert (told["desk"], told["h-17"]) == ([], []), "nobody was cut off"
        finally:
            for one in clients:
                one.stop()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
