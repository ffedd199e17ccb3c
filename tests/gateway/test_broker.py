"""Brokers that we start ourselves: clear errors, nothing left behind, and every hub held to its branch."""

from __future__ import annotations

import datetime as dt
import ipaddress
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.broker import BrokerError, Kind, start_broker
from gateway.broker_files import access_list, password_line, production_files
from gateway.contract.topics import Channel, read_topic, shard_of, topic, valid_hub_id
from gateway.fast_receiver import FastReceiver
from gateway.free_ports import free_port
from tests.conformance.harness import PASSWORDS, Driven, Party, eventually, settings_for

KINDS: tuple[Kind, ...] = ("mosquitto", "embedded")
THREAD = Driven("thread", polled=False)
FAST = Driven("fast", polled=True, kind=FastReceiver)


@pytest.fixture(params=[THREAD, FAST], ids=lambda driven: driven.name)
def driven(request: pytest.FixtureRequest) -> Driven:
    assert isinstance(request.param, Driven)
    return request.param


@pytest.fixture
def join(driven: Driven) -> Iterator[Callable[..., Party]]:
    made: list[Party] = []

    def make(user: str, port: int, *, changes: dict[str, object] | None = None, **options: object) -> Party:
        party = Party(settings_for(user, port, **(changes or {})), driven, **options)  # type: ignore[arg-type]
        made.append(party)
        return party

    yield make
    for party in made:
        party.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_a_port_in_use_is_told(tmp_path: Path, kind: Kind) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BrokerError, match=f"port {port} is in use.*choose another"):
            start_broker(tmp_path, PASSWORDS, port=port, kind=kind)


def test_a_missing_mosquitto_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.broker._BINARY_FOLDERS", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrokerError, match="mosquitto is not installed: install"):
        start_broker(tmp_path, PASSWORDS, kind="mosquitto")


@pytest.mark.slow
def test_without_mosquitto_the_embedded_broker_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.broker._BINARY_FOLDERS", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with start_broker(tmp_path, PASSWORDS) as broker:
        assert broker.kind == "embedded"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM])
def test_a_broker_dies_with_the_process_that_started_it(tmp_path: Path, kind: Kind, death: signal.Signals) -> None:
    program = (
        "import sys, time; from pathlib import Path; from gateway.broker import start_broker\n"
        "broker = start_broker(Path(sys.argv[1]), {'h-17': 'x'}, kind=sys.argv[2])\n"
        "print(broker.port, flush=True); time.sleep(600)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path), kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        assert listens(port)
        process.send_signal(death)
    eventually(lambda: not listens(port), "the broker gone")


def listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


@pytest.mark.slow
def test_a_hub_is_held_to_its_own_branch(tmp_path: Path, join: Callable[..., Party]) -> None:
    with start_broker(tmp_path, PASSWORDS, kind="mosquitto") as broker:
        desk = join("desk", broker.port, subscriptions=["care/#", "care-in/#"]).up()
        thief = join("h-18", broker.port, subscriptions=["care/#", "care-in/#"]).up()
        hub = join("h-17", broker.port, subscriptions=[topic("h-17", Channel.COMMAND, "c1")]).up()

        thief.attempt(topic("h-17", Channel.ALARM), b"forged alarm")
        thief.attempt("care-in/v1/finding/home-1", b"forged finding")
        thief.attempt(topic("h-17", Channel.COMMAND, "c1"), b"forged command")
        thief.attempt(topic("h-18", Channel.COMMAND, "c1"), b"command to itself")
        thief.send(topic("h-18", Channel.ALARM), b"own alarm")
        hub.send(topic("h-17", Channel.ALARM), b"true alarm")
        eventually(lambda: len(desk.received) >= 2, "the two true alarms")
        desk.send(topic("h-17", Channel.COMMAND, "c1"), b"true command")
        desk.send(topic("h-18", Channel.COMMAND, "c1"), b"own command")
        eventually(lambda: hub.received and thief.received, "the commands")

        assert sorted(desk.payloads) == [b"own alarm", b"true alarm"]
        assert hub.payloads == [b"true command"]
        assert thief.payloads == [b"own command"]


@pytest.mark.slow
def test_a_hub_that_calls_itself_the_desk_does_not_throw_the_desk_out(
    tmp_path: Path, join: Callable[..., Party]
) -> None:
    with start_broker(tmp_path, PASSWORDS, kind="mosquitto") as broker:
        desk = join("desk", broker.port, subscriptions=["care/#"]).up()
        thief = join("h-18", broker.port, changes={"client_id": "desk"}).up()
        hub = join("h-17", broker.port).up()
        hub.send(topic("h-17", Channel.ALARM), b"true alarm")
        eventually(lambda: desk.received, "the alarm at the desk")
        assert desk.told == [(True, "")]
        assert thief.client.connected


@pytest.mark.slow
def test_the_receiver_reads_hubs_and_cannot_command_them(tmp_path: Path, join: Callable[..., Party]) -> None:
    with start_broker(tmp_path, PASSWORDS, kind="mosquitto") as broker:
        hub = join("h-17", broker.port, subscriptions=[topic("h-17", Channel.COMMAND, "c1")]).up()
        desk = join("desk", broker.port, subscriptions=["care-in/v1/#"]).up()
        receiver = join("receiver", broker.port, subscriptions=["care/v1/+/+/up/meas"]).up()
        receiver.attempt(topic("h-17", Channel.COMMAND, "c1"), b"not allowed")
        receiver.send("care-in/v1/health/receiver", b"health", retain=True)
        hub.send(topic("h-17", Channel.MEASUREMENTS), b"pack")
        eventually(lambda: desk.received and receiver.received, "health and pack")
        desk.send(topic("h-17", Channel.COMMAND, "c1"), b"allowed")
        eventually(lambda: hub.received, "the desk's command")
        assert hub.payloads == [b"allowed"]


def certificates(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker under test")])
    today = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file


def told(party: Party, *words: str) -> bool:
    """Whether its client has said why it is not connected, in these words; it may have said something else before."""
    return any(all(word in reason for word in words) for _up, reason in party.told)


@pytest.mark.slow
def test_the_production_files_run_a_real_mosquitto_with_tls(tmp_path: Path, join: Callable[..., Party]) -> None:
    certificate, key = certificates(tmp_path)
    port = free_port()
    files = production_files(
        PASSWORDS, certificate=certificate, key=key, port=port, folder=tmp_path, state_folder=tmp_path
    )
    assert not any(password in "".join(files.values()) for password in PASSWORDS.values())
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with (tmp_path / "mosquitto.conf").open("a") as config:
        config.write("user root\n")
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(["/usr/sbin/mosquitto", "-c", str(tmp_path / "mosquitto.conf")], stderr=log) as process,
    ):
        try:
            eventually(lambda: listens(port), "mosquitto listening")
            other = tmp_path / "other"
            other.mkdir()
            strangers_certificate, _ = certificates(other)
            secured = {"tls": True, "ca_file": str(certificate)}
            desk = join("desk", port, changes=secured, subscriptions=["care/#"]).up()
            hub = join("h-17", port, changes=secured).up()
            hub.attempt(topic("h-18", Channel.ALARM), b"forged")
            # mosquitto 2.0.11 with TLS may hang up on a hub because another one's greeting failed, as `listens` did
            hub.insist(topic("h-17", Channel.ALARM), b"true")
            eventually(lambda: desk.received, "the true alarm")
            assert set(desk.payloads) == {b"true"}

            wrong = join("h-18", port, changes={**secured, "password": "wrong"})
            eventually(lambda: told(wrong, "password"), "the refusal told")
            wary = join("h-18", port, changes={"tls": True, "ca_file": str(strangers_certificate)})
            eventually(lambda: told(wary, "certificate of 127.0.0.1", "not trusted"), "the distrust told")
            plain = join("h-18", port)
            eventually(lambda: plain.told, "the failure without TLS told")
            assert not any(up for up, _ in (*wrong.told, *wary.told, *plain.told))
            for party in (desk, hub, wrong, wary, plain):
                party.stop()
        finally:
            process.terminate()


def test_an_unreadable_authority_is_told_at_once(tmp_path: Path, driven: Driven) -> None:
    settings = settings_for("desk", 1, tls=True, ca_file=str(tmp_path / "missing.pem"))
    with pytest.raises(ValueError, match=r"cannot read .*missing\.pem"):
        Party(settings, driven)


@pytest.mark.parametrize("user", ["", "Hub", "a/b", "a:b", "#", "h 1", "x" * 33])
def test_a_name_that_could_widen_the_access_list_is_refused(user: str) -> None:
    with pytest.raises(ValueError, match="not a hub id"):
        access_list([user])


@pytest.mark.parametrize("name", ["desk", "receiver"])
def test_no_hub_can_have_the_name_and_so_the_rights_of_a_process_of_the_centre(name: str) -> None:
    assert "care-in/v1/#" in access_list([name])
    assert not valid_hub_id(name)
    assert read_topic(f"care/v1/{shard_of(name)}/{name}/up/alarm") is None


def test_an_empty_password_is_refused() -> None:
    with pytest.raises(ValueError, match="empty password for h-17"):
        password_line("h-17", "")
