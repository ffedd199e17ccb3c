"""Everything that the demo writes: one folder, deletable, with the programs' configurations, secrets, data and logs."""

from __future__ import annotations

import fcntl
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from simulators.demo import city

LOGIN_PASSWORD: Final = "llar-demo-2026"  # noqa: S105 - printed on the terminal: it opens a demo on this machine only
LOGIN_HASH: Final = "$argon2id$v=19$m=65536,t=3,p=4$REeZ/VfhcZjDe5wdhQuu/g$Ff/El2wgya4rMaHGY2Bji+lvY9MJCcaxTmCpuJTVVfE"
"""The same as it is kept: to work it out for every account would be a quarter of the demo's start."""


class DemoCannotStart(Exception):
    """The message is one sentence for whoever started the demo."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens, all on 127.0.0.1."""

    console: int
    home_screen: int
    page: int
    broker: int
    line: int
    mail: int
    radio: int
    phone_company: int = 0


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The folder, locked for as long as `lock` stays open."""

    path: Path
    lock: IO[str]

    @property
    def central_config(self) -> Path:
        """The centre's configuration."""
        return self.path / "central.toml"

    @property
    def edge_config(self) -> Path:
        """The hub's configuration."""
        return self.path / "edge.toml"

    @property
    def register(self) -> Path:
        """The register of the city."""
        return self.path / "city.json"

    @property
    def history(self) -> Path:
        """What the city has lived."""
        return self.path / "history.json"

    @property
    def pendant_port(self) -> Path:
        """The serial pendant's port."""
        return self.path / "pendant.tty"

    @property
    def modem_port(self) -> Path:
        """The GSM modem's port."""
        return self.path / "modem.tty"

    @property
    def broker_files(self) -> Path:
        """The passwords at the broker, in the form in which the centre takes them over."""
        return self.path / "broker-files"

    @property
    def imported(self) -> Path:
        """There once the centre has taken in the register; holds which edition of it."""
        return self.path / "imported"

    @property
    def quiet_installed(self) -> Path:
        """There once the hub of the quiet home was installed; holds since when nobody moves there, Unix seconds."""
        return self.path / "quiet-installed"

    def log(self, name: str) -> Path:
        """The log of a program."""
        return self.path / "logs" / f"{name}.log"


def open_folder(path: Path) -> StateFolder:
    """Makes the folder where it is missing, and locks it.

    Raises:
        DemoCannotStart: it cannot be written, or another demo is using it.
    """
    path = path.resolve()
    try:
        for name in ("", "secrets", "logs", "broker", "central", "edge"):
            (path / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (path / "lock").open("w", encoding="utf-8")
    except OSError as error:
        raise DemoCannotStart(f"Cannot write to {path} ({error.strerror}): choose another with --state DIR.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise DemoCannotStart(f"Another demo is using {path}: stop it, or choose another with --state DIR.") from None
    return StateFolder(path, lock)


def users(folder: StateFolder, hubs: list[str]) -> dict[str, str]:
    """The broker's users with their passwords, kept in the folder: the same at every start."""
    store = folder.path / "secrets" / "broker-users.json"
    known: dict[str, str] = json.loads(store.read_text(encoding="utf-8")) if store.exists() else {}
    found = {name: known.get(name) or secrets.token_urlsafe(18) for name in ("desk", "receiver", *hubs)}
    _write_private(store, json.dumps({**known, **found}))
    for name in ("desk", "receiver", city.FLAT):
        _write_private(folder.path / "secrets" / name, found[name])
    return found


def gateway_token(folder: StateFolder, name: str = "sms-gateway") -> str:
    """By which a gateway proves itself at the centre ("sms-gateway", "phone-reports") or the centre at it
    ("phone-gateway"); the same at every start."""
    path = folder.path / "secrets" / name
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(18))
    return path.read_text(encoding="utf-8")


def write_broker_passwords(folder: StateFolder, known: dict[str, str]) -> None:
    """Writes the passwords for the centre: by a hub's own it knows that hub's SMS."""
    folder.broker_files.mkdir(mode=0o700, exist_ok=True)
    _write_private(folder.broker_files / "secrets.json", json.dumps(known))


def write_register(folder: StateFolder, homes: int) -> None:
    """Writes the city and what it has lived."""
    register = city.register(homes, dict.fromkeys((name for name, *_ in city.ACCOUNTS), ""))
    for account in register["operators"]:
        del account["password"]
        account["password_hash"] = LOGIN_HASH
    _write_private(folder.register, json.dumps(register, ensure_ascii=False, indent=1))
    now = time.time()
    _write_private(folder.history, json.dumps(city.past(homes, now) | city.measured(homes, now), ensure_ascii=False))


def write_configurations(folder: StateFolder, ports: Ports) -> None:
    """Writes what centre and hub are told: the files that an installation would have."""
    _write_central_config(folder, ports)
    _write_edge_config(folder, ports)
    tables = "\n".join(_device_table(device) for device in city.FLAT_DEVICES)
    _write_private(folder.path / "enrolment.toml", "# Written by llar-demo.\n" + tables)


def _write_central_config(folder: StateFolder, ports: Ports) -> None:
    folder.central_config.write_text(
        f"""# Written by llar-demo.
data_folder = "central"

[broker]
port = {ports.broker}
desk_password_file = "secrets/desk"
receiver_password_file = "secrets/receiver"

[console]
port = {ports.console}
cookie_secure = false

[mail]
host = "127.0.0.1"
port = {ports.mail}
sender = "llar@example.org"

[carers]
address = "http://127.0.0.1:{ports.console}"

[paper]
list_folder = "paper"

[detection]
restart_grace_s = 5.0

[sms]
token_file = "secrets/sms-gateway"

[phone]
url = "http://127.0.0.1:{ports.phone_company}"
token_file = "secrets/phone-gateway"
report_key_file = "secrets/phone-reports"
""",
        encoding="utf-8",
    )


def _write_edge_config(folder: StateFolder, ports: Ports) -> None:
    folder.edge_config.write_text(
        f"""# Written by llar-demo. The hub reaches its broker over a line that the demo can cut.
enrolment = "enrolment.toml"

[hub]
id = "{city.FLAT}"
language = "ca"
called = "Maria"
mistake_s = 30.0
place_address = "Carrer de Verdi 12, 3r 2a"

[broker]
host = "127.0.0.1"
port = {ports.line}
tls = false
password_file = "secrets/{city.FLAT}"

[storage]
folder = "edge"

[ble]
adapter = "tcp-client:127.0.0.1:{ports.radio}"

[[serial]]
port = {json.dumps(str(folder.pendant_port))}

[modem]
port = {json.dumps(str(folder.modem_port))}
centre_number = "{city.CENTRE_NUMBER}"
person = "Maria"

[screen]
port = {ports.home_screen}

{"".join(_contact_table(contact) for contact in city.SMS_CONTACTS)}""",
        encoding="utf-8",
    )


def _device_table(device: Any) -> str:
    return "[[device]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in device.items())


def _contact_table(contact: Any) -> str:
    told = {"name": contact["called"], "number": city.sms_number(contact["phone"]), "language": contact["language"]}
    return "[[contact]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in told.items())


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
