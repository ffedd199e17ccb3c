"""A hub becomes a home's by a code: every fault has its sentence, and not even a power cut leaves half a hub."""

from __future__ import annotations

import json
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from edge import claim, claim_files, safe_files
from edge.__main__ import main
from edge.config import load_config
from edge.enrolment import load_enrolment
from gateway.contract.claim import ClaimAnswer, ClaimedBroker, ClaimedDevice, ClaimFile, claim_code, claim_link
from gateway.contract.topics import shard_of

CODE = claim_code(4_711_000_000)
KEY = "231d39c1d7cc1ab1aee224cd096db932"
DEVICES = [
    ClaimedDevice("pendant", "serial_pendant", "00a1b2c3", "worn"),
    ClaimedDevice("bath-button", "bthome_pendant", "A4:C1:38:00:00:02", "bathroom", 11, KEY),
]


def answer_for(hub: str = "h-17", **more: Any) -> ClaimAnswer:
    given = {"broker": ClaimedBroker("127.0.0.1", 1883, False), "password": "hub-word-1", "devices": DEVICES, **more}
    return ClaimAnswer(hub, shard_of(hub), language="en", **given)


class Centre:
    """The centre's address: keeps what it was asked, and says what a test wants it to say."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self.status, self.body = 200, msgspec.json.encode(answer_for())
        self.headers: dict[str, str] = {}
        centre = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                centre.asked.append({"path": self.path, **json.loads(body)})
                self.send_response(centre.status)
                for name, value in centre.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(centre.body)))
                self.end_headers()
                self.wfile.write(centre.body)

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def centre() -> Iterator[Centre]:
    running = Centre()
    yield running
    running.stop()


@pytest.fixture
def claim_hub(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs `llar-edge claim`; gives its exit code and all that it printed."""

    def run(*arguments: str, folder: str = "etc") -> tuple[int, str]:
        code = main(["claim", *arguments, "--folder", str(tmp_path / folder), "--serial", "/dev/ttyACM0"])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")


def files_in(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_code_makes_a_hub_whose_files_work_and_are_private(
    centre: Centre, claim_hub: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    code, said = claim_hub(CODE.lower().replace("-", " "), "--centre", centre.url)
    assert (code, "This hub is h-17 now" in said) == (0, True), said
    config = load_config(tmp_path / "etc" / "edge.toml")
    devices = load_enrolment(config.enrolment)
    assert (config.hub.id, config.broker.port, [port.port for port in config.serial]) == (
        "h-17",
        1883,
        ["/dev/ttyACM0"],
    )
    assert {device.id for device in devices.values()} == {"pendant", "bath-button"}
    assert Path(config.broker.password_file).read_text() == "hub-word-1\n"
    assert {p.stat().st_mode & 0o077 for p in (tmp_path / "etc").rglob("*") if p.is_file()} == {0}
    asked = centre.asked[0]
    assert (asked["path"], asked["code"]) == ("/claim", CODE.replace("-", ""))
    assert asked["key"] == (tmp_path / "etc" / "claim-key").read_text().strip()
    assert KEY not in said
    assert "hub-word-1" not in said


def test_the_link_of_the_qr_code_is_enough(centre: Centre, claim_hub: Callable[..., tuple[int, str]]) -> None:
    assert claim_hub(claim_link(centre.url, CODE))[0] == 0


def test_claiming_again_changes_nothing_and_shows_the_same_key(
    centre: Centre, claim_hub: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    claim_hub(CODE, "--centre", centre.url)
    before = files_in(tmp_path / "etc")
    code, said = claim_hub(CODE, "--centre", centre.url)
    assert (code, "was h-17 already" in said) == (0, True)
    assert files_in(tmp_path / "etc") == before
    assert centre.asked[0]["key"] == centre.asked[1]["key"]


def test_a_new_password_replaces_the_old_one_and_the_installers_own_tables_stay(
    centre: Centre, claim_hub: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    claim_hub(CODE, "--centre", centre.url)
    config = tmp_path / "etc" / "edge.toml"
    config.write_text(config.read_text().replace("port = 8090", "port = 9999  # the kiosk's"))
    config.write_text(config.read_text().replace('id = "', 'question_s = 30\nid = "', 1))
    former = load_config(config)
    centre.body = msgspec.json.encode(answer_for(password="hub-word-2"))
    assert claim_hub(CODE, "--centre", centre.url)[0] == 0
    now = load_config(config)
    assert Path(now.broker.password_file).read_text() == "hub-word-2\n"
    assert now.screen is not None
    assert now.screen.port == 9999
    assert "# the kiosk's" in config.read_text()
    assert now.storage == former.storage
    assert now.hub.question_s == 30
    before = load_config(tmp_path / "etc" / "edge.toml.before")
    assert Path(before.broker.password_file).read_text() == "hub-word-1\n", "the former home's files are still whole"


def test_the_outbox_of_another_home_is_left_alone(
    centre: Centre, claim_hub: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    claim_hub(CODE, "--centre", centre.url)
    former = load_config(tmp_path / "etc" / "edge.toml")
    centre.body = msgspec.json.encode(answer_for("h-18"))
    claim_hub(CODE, "--centre", centre.url)
    assert load_config(tmp_path / "etc" / "edge.toml").storage.folder != former.storage.folder


def test_the_people_of_another_home_are_not_written_to(
    centre: Centre, claim_hub: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    claim_hub(CODE, "--centre", centre.url)
    config = tmp_path / "etc" / "edge.toml"
    theirs = (
        '\n[modem]\nport = "/dev/modem"\ncentre_number = "+34930000112"\nperson = "Maria"\n'
        '[[contact]]\nname = "Marta"\nnumber = "+34600555010"\n'
        '[[worn]]\ndevice = "watch"\nsite = "waist"\n'
    )
    config.write_text(config.read_text() + theirs)
    centre.body = msgspec.json.encode(answer_for(password="hub-word-2"))
    claim_hub(CODE, "--centre", centre.url)
    same = load_config(config)
    assert [one.name for one in same.contact] == ["Marta"], "the same home keeps its people"
    assert [one.device for one in same.worn] == ["watch"]
    centre.body = msgspec.json.encode(answer_for("h-18"))
    assert claim_hub(CODE, "--centre", centre.url)[0] == 0
    now = load_config(config)
    assert now.modem is not None
    assert (now.modem.port, now.modem.centre_number) == ("/dev/modem", "+34930000112")
    assert (now.modem.person, now.contact, now.worn) == ("", (), ())


@pytest.mark.parametrize("centre_address", ["https://centre..example.org", f"https://{'c' * 70}.example.org"])
def test_an_address_that_no_network_takes_is_one_sentence(
    claim_hub: Callable[..., tuple[int, str]], centre_address: str
) -> None:
    code, said = claim_hub(CODE, "--centre", centre_address)
    assert code in {2, 3}, said
    assert "Traceback" not in said
    assert "centre" in said


def test_a_claim_file_whose_authority_is_none_is_one_sentence(
    claim_hub: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    file = tmp_path / "llar-claim.json"
    file.write_bytes(msgspec.json.encode(ClaimFile(1, "https://centre.example.org", CODE, ca_pem="café")))
    code, said = claim_hub("--file", str(file))
    assert (code, "A safe connection" in said) == (2, True), said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_link_in_the_agents_folder_gives_nobody_another_file(tmp_path: Path) -> None:
    ours, secret = tmp_path / "etc", tmp_path / "shadow"
    ours.mkdir()
    os.chown(ours, 12_345, 12_345)
    secret.write_text("root's")
    (ours / "link").symlink_to(secret)
    safe_files.give_to_owner_of(ours, ours / "link")
    assert secret.stat().st_uid == 0
    safe_files.write_private(ours / "word", "x")
    assert (ours / "word").stat().st_uid == 12_345


REFUSALS = [
    ("unknown_code", 404, 1, "does not know this code"),
    ("expired_code", 410, 1, "too old"),
    ("used_code", 409, 1, "Another hub has used"),
    ("bad_request", 400, 1, "needs an update"),
    ("too_many", 429, 3, "again in 10 minutes"),
    ("not_ready", 503, 3, "again in 10 minutes"),
]


@pytest.mark.parametrize(("reason", "status", "code", "expected"), REFUSALS)
def test_each_refusal_has_its_sentence_and_leaves_nothing_behind(
    centre: Centre,
    claim_hub: Callable[..., tuple[int, str]],
    tmp_path: Path,
    reason: str,
    status: int,
    code: int,
    expected: str,
) -> None:
    centre.status = status
    centre.body = json.dumps({"reason": reason, "wait_s": 600}).encode()
    ended, said = claim_hub(CODE, "--centre", centre.url)
    assert (ended, expected in said) == (code, True), said
    assert set(files_in(tmp_path / "etc")) == {"claim-key"}


STRANGE = [
    (200, b"{}", {}, "cannot be used"),
    (200, b"\xff", {}, "cannot be used"),
    (200, b" " * 70_000, {}, "cannot be used"),
    (200, msgspec.json.encode(answer_for(devices=[ClaimedDevice("x", "toaster", "1")])), {}, "toaster"),
    (
        200,
        msgspec.json.encode(answer_for(devices=[ClaimedDevice("x", "bthome_pendant", "A4:C1:38:00:00:02")])),
        {},
        "key",
    ),
    (404, b"<html>not here</html>", {}, "not as a centre does"),
    (302, b"", {"Location": "http://elsewhere.example/claim"}, "elsewhere.example"),
]


@pytest.mark.parametrize(("status", "body", "headers", "expected"), STRANGE)
def test_a_strange_answer_is_one_sentence_and_half_a_hub_is_never_left(
    centre: Centre,
    claim_hub: Callable[..., tuple[int, str]],
    tmp_path: Path,
    status: int,
    body: bytes,
    headers: dict[str, str],
    expected: str,
) -> None:
    centre.status, centre.body, centre.headers = status, body, headers
    code, said = claim_hub(CODE, "--centre", centre.url)
    assert code in (1, 2), said
    assert expected in said
    assert set(files_in(tmp_path / "etc")) == {"claim-key"}
    assert len(centre.asked) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["K7QM2-XWP9O", "--centre", "https://c.example"], "never 0, 1, I"),
        (["K7QM2", "--centre", "https://c.example"], "has 5"),
        (["K7QM2-XWP9H", "--centre", "https://c.example"], "exchanged"),
        ([CODE], "--centre https://"),
        ([CODE, "--centre", "http://c.example"], "https://centre.example.org"),
        ([CODE, "--centre", "https://127.0.0.1:9", "--ca", "/nowhere.pem"], "no such file"),
        (["--file", "/nowhere.json"], "No such file"),
    ],
)
def test_what_cannot_work_is_said_without_asking_anybody(
    claim_hub: Callable[..., tuple[int, str]], arguments: list[str], expected: str
) -> None:
    code, said = claim_hub(*arguments)
    assert (code, expected in said) == (2, True), said


def test_without_a_network_it_says_so(centre: Centre, claim_hub: Callable[..., tuple[int, str]]) -> None:
    centre.stop()
    code, said = claim_hub(CODE, "--centre", centre.url)
    assert (code, "cannot be reached" in said) == (3, True), said


# files


def test_a_file_with_the_whole_answer_needs_no_network(
    claim_hub: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    file = tmp_path / "llar-claim.json"
    file.write_bytes(msgspec.json.encode(ClaimFile(1, answer=answer_for())))
    code, said = claim_hub("--file", str(file))
    assert (code, "holds secrets" in said) == (0, True), said
    assert load_config(tmp_path / "etc" / "edge.toml").hub.id == "h-17"


def test_a_file_may_name_the_centre_and_a_code(
    centre: Centre, claim_hub: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    file = tmp_path / "llar-claim.json"
    file.write_bytes(msgspec.json.encode(ClaimFile(1, centre.url, CODE)))
    assert claim_hub("--file", str(file))[0] == 0


def test_a_file_on_a_stick_is_found_by_itself(
    claim_hub: Callable[..., tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stick = tmp_path / "media" / "installer" / "STICK"
    monkeypatch.setattr(claim, "LOOK_IN", (f"{tmp_path}/boot", f"{tmp_path}/media/*/*"))
    code, said = claim_hub()
    assert (code, "No llar-claim.json was found" in said) == (2, True)
    stick.mkdir(parents=True)
    (stick / claim.CLAIM_FILE).write_bytes(msgspec.json.encode(ClaimFile(1, answer=answer_for())))
    assert claim_hub()[0] == 0


@pytest.mark.parametrize("content", [b"", b"[]", b'{"llar_claim": 2}', b'{"llar_claim": 1}', b"\xff" * 70_000])
def test_a_file_that_is_none_is_told(claim_hub: Callable[..., tuple[int, str]], tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "llar-claim.json"
    file.write_bytes(content)
    code, said = claim_hub("--file", str(file))
    assert (code, "cannot be used" in said) == (2, True)


# the power fails


def test_a_power_cut_at_any_step_leaves_the_former_home_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ends the process at each of its writes in turn, and looks at what stands on the disk then."""

    class PowerCut(BaseException):
        pass

    old, new = answer_for("h-17"), answer_for("h-18", password="hub-word-2", devices=DEVICES[:1])
    real = Path.replace
    cuts = 0
    while True:
        folder = tmp_path / f"etc-{cuts}"
        folder.mkdir()
        claim_files.write_claim(old, folder, ports=["/dev/ttyACM0"])
        left = cuts

        def replace(source: Path, target: Path) -> Path:
            nonlocal left
            if left == 0:
                raise PowerCut
            left -= 1
            return real(source, target)

        monkeypatch.setattr(Path, "replace", replace)
        try:
            claim_files.write_claim(new, folder, ports=["/dev/ttyACM0"])
            whole = True
        except PowerCut:
            whole = False
        monkeypatch.setattr(Path, "replace", real)
        config = load_config(folder / "edge.toml")
        count, word = {"h-17": (2, "hub-word-1"), "h-18": (1, "hub-word-2")}[config.hub.id]
        assert len(load_enrolment(config.enrolment)) == count
        assert Path(config.broker.password_file).read_text().strip() == word
        claim_files.write_claim(new, folder, ports=["/dev/ttyACM0"])
        assert load_config(folder / "edge.toml").hub.id == "h-18", "repeating the claim repairs it"
        cuts += 1
        if whole:
            break
    assert cuts >= 5


# certificates


class Authority:
    """Signs certificates for 127.0.0.1 or another name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        now = datetime.now(UTC)
        certificate = (
            self._builder(self._name, self._key.public_key(), now - timedelta(days=900), now + timedelta(days=900))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=True,
                    crl_sign=True,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .sign(self._key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(Encoding.PEM).decode()
        self.file = folder / "ca.pem"
        self.file.write_text(self.pem)

    def _builder(self, subject: x509.Name, key: Any, start: datetime, end: datetime) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
        )

    def server(self, *, days: int = 30, name: str = "") -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        start, end = sorted([now - timedelta(days=2), now - timedelta(days=2) + timedelta(days=days)])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name or "127.0.0.1")])
        san: x509.GeneralName = x509.DNSName(name) if name else x509.IPAddress(ip_address("127.0.0.1"))
        certificate = (
            self._builder(subject, key.public_key(), start, end)
            .add_extension(x509.SubjectAlternativeName([san]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        file = self.folder / f"server-{days}-{name}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    folder = tmp_path / "authority"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture
def safe_centre(authority: Authority) -> Iterator[Callable[..., Centre]]:
    running: list[Centre] = []

    def start(**options: Any) -> Centre:
        running.append(Centre(authority.server(**options)))
        return running[-1]

    yield start
    for one in running:
        one.stop()


def test_the_centres_own_authority_is_given_by_file_or_stands_in_the_claim_file(
    authority: Authority, safe_centre: Callable[..., Centre], claim_hub: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    centre = safe_centre()
    assert claim_hub(CODE, "--centre", centre.url, "--ca", str(authority.file))[0] == 0
    file = tmp_path / "llar-claim.json"
    file.write_bytes(msgspec.json.encode(ClaimFile(1, centre.url, CODE, authority.pem)))
    assert claim_hub("--file", str(file), folder="other")[0] == 0


@pytest.mark.parametrize(
    ("options", "with_authority", "clock_is_right", "expected"),
    [
        ({}, False, True, "authority that this hub does not know"),
        ({"name": "other.example"}, True, True, "for another name"),
        ({"days": 1}, True, True, "has expired or is not valid yet"),
        ({"days": 1}, True, False, "This hub's clock says"),
    ],
)
def test_a_certificate_that_cannot_be_trusted_is_explained_and_nothing_is_sent(
    authority: Authority,
    safe_centre: Callable[..., Centre],
    options: dict[str, Any],
    with_authority: bool,
    clock_is_right: bool,
    expected: str,
) -> None:
    from edge.texts import Texts

    centre = safe_centre(**options)
    request = claim.checked(claim.Request(centre.url, CODE, str(authority.file) if with_authority else ""))
    with pytest.raises(claim.ClaimFault) as caught:
        claim.ask(request, "0" * 32, lambda: clock_is_right)
    assert expected in Texts("en")(f"claim.{caught.value.key}", **caught.value.values)
    assert centre.asked == []


# words


def test_every_sentence_exists_in_every_language_with_the_same_blanks() -> None:
    import re
    import tomllib

    folder = Path(claim.__file__).parent / "texts"
    languages = {path.stem: tomllib.loads(path.read_text()) for path in folder.glob("*.toml")}
    assert set(languages) == {"ca", "es", "en"}

    def shape(texts: dict[str, dict[str, str]]) -> dict[str, list[str]]:
        return {
            f"{t}.{k}": sorted(re.findall(r"{(\w+)}", text)) for t, rows in texts.items() for k, text in rows.items()
        }

    assert shape(languages["ca"]) == shape(languages["en"]) == shape(languages["es"])
