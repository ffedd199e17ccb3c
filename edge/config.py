"""The agent's configuration: one TOML file, read once into frozen values."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from devices.wearable.judge_lines import Threshold
from devices.wearable.site import Site
from edge.home.question import ASK_MAX_S, ASK_MIN_S, ASK_S
from edge.toml_tables import BadFileError, load_toml, read_table
from gateway.contract.settings import MISTAKE_MAX_S, Called
from gateway.contract.topics import valid_hub_id

LANGUAGES: Final = ("ca", "es", "en")

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class HubConfig(msgspec.Struct, frozen=True):
    """`[hub]`: who this is. `place_address` is printed by `check` for the technician and never sent.

    `question_s`: so long the home waits for the answer to "Have you fallen?" before it calls. `called` and `mistake_s`:
    as in `gateway.contract.settings.HubSettings`.
    """

    id: Words
    language: Literal["ca", "es", "en"] = "ca"
    place_address: str = ""
    question_s: Annotated[float, msgspec.Meta(ge=ASK_MIN_S, le=ASK_MAX_S)] = ASK_S
    called: Called = ""
    mistake_s: Annotated[float, msgspec.Meta(ge=0, le=MISTAKE_MAX_S)] = 0.0


class BrokerConfig(msgspec.Struct, frozen=True):
    """`[broker]`. The user name is the hub's id; the password stands in a file that only the agent may read."""

    host: Words
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 8883
    tls: bool = True
    ca_file: str = ""
    password_file: str = ""


class StorageConfig(msgspec.Struct, frozen=True):
    """`[storage]`: the folder of the outbox. `readings_max` caps the readings kept on disk while there is no line.

    The default holds seven days of a home with 30 sensors reporting every minute (302,400), at about 100 bytes each.
    """

    folder: Words
    readings_max: Annotated[int, msgspec.Meta(ge=1_000, le=10_000_000)] = 350_000


class BleConfig(msgspec.Struct, frozen=True):
    """`[ble]`: `adapter` is BlueZ's name ("hci0") or a HCI transport ("tcp-client:127.0.0.1:9123")."""

    adapter: Words = "hci0"

    @property
    def is_transport(self) -> bool:
        """Whether `adapter` names a HCI transport and not an adapter of the operating system."""
        return ":" in self.adapter


class SerialConfig(msgspec.Struct, frozen=True):
    """One `[[serial]]`: a port of the pendant's receiver."""

    port: Words
    baud: Annotated[int, msgspec.Meta(ge=1_200, le=4_000_000)] = 115_200


class ButtonConfig(msgspec.Struct, frozen=True):
    """One `[[button]]`: an emergency button on a wire. `name` is its address in the enrolment.

    Attributes:
        device: of a USB button: its path in `/dev/input/by-id`, "vendor:product" in hex, or the name it gives itself.
        pin: of a GPIO button: its GPIO number.
        answers: "fine" for a green button, which answers "I am fine" when that is asked, and never calls.
    """

    kind: Literal["usb", "gpio"]
    name: Annotated[str, msgspec.Meta(pattern=r"^\S{1,64}\Z")]
    device: Annotated[str, msgspec.Meta(max_length=256)] = ""
    pin: Annotated[int, msgspec.Meta(ge=0, le=63)] | None = None
    answers: Literal["", "fine"] = ""


class ScreenConfig(msgspec.Struct, frozen=True):
    """`[screen]`: where the home's page is served; port 0 takes a free one.

    `voice` is a folder with what somebody has recorded of the home's phrases, as `voice/ca/received.ogg`; "" for none
    (`edge.home.voice`). Where a phrase is not recorded the browser's own voice says it, if it has one.
    """

    host: Words = "127.0.0.1"
    port: Port = 8090
    voice: Annotated[str, msgspec.Meta(max_length=256)] = ""


PhoneNumber = Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9]{3,15}\Z")]
CONTACTS_MAX: Final = 5
"""Most people who get an SMS about a call: each is one more that costs money and frightens somebody."""


class ModemConfig(msgspec.Struct, frozen=True):
    """`[modem]`: a GSM modem as second path.

    Attributes:
        centre_number: where the centre takes SMS alarms; without one only the contacts are written to. The centre's
            settings may give both; while there is nobody to write to, the agent says so.
        pin_file: holds the SIM's PIN, readable by the agent only; empty for a SIM without one.
        person: whose home this is, as the contacts call her ("Maria"), for the texts to them.
    """

    port: Words
    baud: Annotated[int, msgspec.Meta(ge=1_200, le=4_000_000)] = 115_200
    pin_file: str = ""
    centre_number: PhoneNumber | Literal[""] = ""
    person: Annotated[str, msgspec.Meta(max_length=32)] = ""


class ContactConfig(msgspec.Struct, frozen=True):
    """One `[[contact]]`: somebody who gets an SMS when a call stays without an answer. The order is that of sending."""

    name: Words
    number: PhoneNumber
    language: Literal["ca", "es", "en"] = "ca"


class WornConfig(msgspec.Struct, frozen=True):
    """One `[[worn]]`: a wearable, by its id in the enrolment, in whose movement falls are looked for.

    `site` and `threshold`: see `devices.wearable.judge_lines.Worn`.
    """

    device: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    site: Site
    threshold: Threshold | None = None


class Config(msgspec.Struct, frozen=True):
    """The whole file; relative paths count from its folder."""

    hub: HubConfig
    broker: BrokerConfig
    storage: StorageConfig
    enrolment: Path
    ble: BleConfig | None = None
    serial: tuple[SerialConfig, ...] = ()
    button: tuple[ButtonConfig, ...] = ()
    screen: ScreenConfig | None = None
    modem: ModemConfig | None = None
    contact: tuple[ContactConfig, ...] = ()
    worn: tuple[WornConfig, ...] = ()


_TABLES: Final[dict[str, tuple[type[msgspec.Struct], bool]]] = {
    "hub": (HubConfig, True),
    "broker": (BrokerConfig, True),
    "storage": (StorageConfig, True),
    "ble": (BleConfig, False),
    "screen": (ScreenConfig, False),
    "modem": (ModemConfig, False),
}
_OTHERS: Final = frozenset({"serial", "button", "contact", "worn", "enrolment"})


def load_config(path: Path) -> Config:
    """Reads the configuration.

    Raises:
        BadFileError: with every fault of the file at once.
    """
    document = load_toml(path)
    faults: list[str] = [f"unknown key '{key}'" for key in document if key not in _TABLES and key not in _OTHERS]
    parts: dict[str, Any] = {}
    for name, (kind, required) in _TABLES.items():
        if name in document:
            parts[name] = read_table(kind, document[name], f"[{name}]", faults)
        elif required:
            faults.append(f"the table [{name}] is missing")
    serial = _serial_ports(document.get("serial", []), faults)
    button = _buttons(document.get("button", []), faults)
    contact = _contacts(document.get("contact", []), "modem" in document, faults)
    worn = _worn(document.get("worn", []), faults)
    enrolment = document.get("enrolment", "enrolment.toml")
    if not isinstance(enrolment, str) or not enrolment:
        faults.append("'enrolment' must be the name of a file")
    hub = parts.get("hub")
    if hub is not None and not valid_hub_id(hub.id):
        faults.append(f"[hub]: 'id': {hub.id!r} may have only lower-case letters, digits and '-', at most 32")
    if faults:
        raise BadFileError(path, faults)
    config = Config(enrolment=Path(enrolment), serial=serial, button=button, contact=contact, worn=worn, **parts)
    return _with_full_paths(config, path.resolve().parent)


def _serial_ports(tables: object, faults: list[str]) -> tuple[SerialConfig, ...]:
    if not isinstance(tables, list):
        faults.append("[[serial]] must be a list of tables")
        return ()
    ports = [read_table(SerialConfig, table, f"[[serial]] {i}", faults) for i, table in enumerate(tables, 1)]
    found = tuple(port for port in ports if port is not None)
    if len({port.port for port in found}) != len(found):
        faults.append("[[serial]]: the same port stands there twice")
    return found


def _worn(tables: object, faults: list[str]) -> tuple[WornConfig, ...]:
    if not isinstance(tables, list):
        faults.append("[[worn]] must be a list of tables")
        return ()
    rows = [read_table(WornConfig, table, f"[[worn]] {i}", faults) for i, table in enumerate(tables, 1)]
    found = tuple(row for row in rows if row is not None)
    if len({row.device for row in found}) != len(found):
        faults.append("[[worn]]: the same device stands there twice")
    return found


def _contacts(tables: object, has_modem: bool, faults: list[str]) -> tuple[ContactConfig, ...]:
    if not isinstance(tables, list):
        faults.append("[[contact]] must be a list of tables")
        return ()
    rows = [read_table(ContactConfig, table, f"[[contact]] {i}", faults) for i, table in enumerate(tables, 1)]
    found = tuple(row for row in rows if row is not None)
    if len(found) > CONTACTS_MAX:
        faults.append(f"[[contact]]: {len(found)} contacts; at most {CONTACTS_MAX}")
    if len({row.number for row in found}) != len(found):
        faults.append("[[contact]]: the same number stands there twice")
    if found and not has_modem:
        faults.append("[[contact]]: nobody can be written to without a [modem]")
    return found


def _buttons(tables: object, faults: list[str]) -> tuple[ButtonConfig, ...]:
    if not isinstance(tables, list):
        faults.append("[[button]] must be a list of tables")
        return ()
    found = []
    for number, table in enumerate(tables, 1):
        where = f"[[button]] {number}"
        button = read_table(ButtonConfig, table, where, faults)
        if button is None:
            continue
        if button.kind == "usb" and (not button.device or button.pin is not None):
            faults.append(f"{where}: a USB button needs 'device' (and no 'pin')")
        if button.kind == "gpio" and (button.pin is None or button.device):
            faults.append(f"{where}: a GPIO button needs 'pin' (and no 'device')")
        found.append(button)
    used = Counter(f"name {button.name!r}" for button in found)
    used.update(f"device {button.device!r}" if button.kind == "usb" else f"pin {button.pin}" for button in found)
    faults.extend(f"[[button]]: the {what} stands there {times} times" for what, times in used.items() if times > 1)
    return tuple(found)


def _with_full_paths(config: Config, folder: Path) -> Config:
    broker = msgspec.structs.replace(
        config.broker,
        ca_file=_from(folder, config.broker.ca_file),
        password_file=_from(folder, config.broker.password_file),
    )
    storage = msgspec.structs.replace(config.storage, folder=_from(folder, config.storage.folder))
    modem = config.modem and msgspec.structs.replace(config.modem, pin_file=_from(folder, config.modem.pin_file))
    screen = config.screen and msgspec.structs.replace(config.screen, voice=_from(folder, config.screen.voice))
    return msgspec.structs.replace(
        config, broker=broker, storage=storage, modem=modem, screen=screen, enrolment=folder / config.enrolment
    )


def _from(folder: Path, name: str) -> str:
    return str(folder / name) if name else ""
