"""Writes what a claim gave into the hub's folder, all or nothing, also when the power fails at any moment.

    /etc/llar/edge.toml                    names the files of the home in force; replacing it is the step that counts
    /etc/llar/h-17.2/enrolment.toml        the devices, with their keys
    /etc/llar/h-17.2/broker-password       and broker-ca.pem
    /etc/llar/edge.toml.before             the former one, which still names h-17.1: copy it back to undo a claim
    /etc/llar/claim-key                    proves to the centre that the same hub asks again

What the installer set about this board (radio, ports, screen, buttons, modem) is kept. The outbox of a former home and
its people (contacts, the modem's `person`) are not: its calls are not this home's. Files belong to the folder's owner.
"""

from __future__ import annotations

import re
import secrets
import shutil
from pathlib import Path
from typing import Any, Final

import msgspec
import tomlkit

from devices.catalogue import CATALOGUE
from devices.frames import Link
from edge.config import load_config
from edge.enrolment import load_enrolment
from edge.safe_files import give_to_owner_of, sync_folder, write_private
from edge.toml_tables import BadFileError
from gateway.contract.claim import ClaimAnswer, ClaimedDevice

STORAGE: Final = "/var/lib/llar-edge"
SERIAL_PORTS: Final = "dev/serial/by-id/*"
KEY_FILE: Final = "claim-key"
CONFIG_FILE: Final = "edge.toml"
BEFORE_FILE: Final = "edge.toml.before"
SETTINGS_FILE: Final = "settings-first.json"

_GENERATION = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\.(\d{1,6})\Z")


def hub_key(folder: Path) -> str:
    """This hub's key; drawn and on disk before anybody hears of it.

    Raises:
        OSError: it cannot be written.
    """
    file = folder / KEY_FILE
    try:
        known = file.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        known = ""
    if re.fullmatch(r"[0-9a-f]{32}", known):
        return known
    key = secrets.token_hex(16)
    write_private(file, key + "\n")
    return key


def serial_ports(root: Path = Path("/")) -> list[str]:
    """Receivers that are plugged in: those that call themselves ours, else the only one there is."""
    found = sorted(str(port) for port in root.glob(SERIAL_PORTS))
    ours = [port for port in found if "llar" in Path(port).name.lower()]
    return ours or (found if len(found) == 1 else [])


def needs_serial(answer: ClaimAnswer) -> bool:
    """Whether one of the devices speaks by cable."""
    return any(_link(device) is Link.SERIAL for device in answer.devices)


def write_claim(answer: ClaimAnswer, folder: Path, *, ports: list[str], storage: str = STORAGE) -> bool:
    """Makes this hub what the answer says; false when it was that already.

    Args:
        answer: from the centre or a file.
        folder: the hub's folder, "/etc/llar".
        ports: serial ports to listen to, where the configuration names none yet.
        storage: where each hub's outbox has its folder.

    Raises:
        BadFileError: what would be written could not be used (an unknown model, a key that is missing).
        OSError: it cannot be written.
    """
    content = _contents(answer)
    current = _generation_in_force(folder)
    if current is not None and _same(folder / current, content) and _same_hub(folder, answer):
        return False
    name = _next_generation(folder, answer.hub)
    config = _config(answer, folder, name, ports, storage)
    made = folder / name
    made.mkdir(mode=0o700)
    give_to_owner_of(folder, made)
    for file, text in content.items():
        write_private(made / file, text)
    sync_folder(made)
    trial = folder / (CONFIG_FILE + ".new")
    write_private(trial, config)
    try:
        load_enrolment(load_config(trial).enrolment)
    except BadFileError:
        trial.unlink()
        shutil.rmtree(made)
        raise
    _keep_former(folder)
    trial.replace(folder / CONFIG_FILE)
    sync_folder(folder)
    _drop_old(folder, keep={name, current})
    return True


def _contents(answer: ClaimAnswer) -> dict[str, str]:
    content = {"enrolment.toml": enrolment_text(answer.devices), "broker-password": answer.password + "\n"}
    if answer.broker.ca_pem:
        content["broker-ca.pem"] = answer.broker.ca_pem
    if answer.settings is not None:
        content[SETTINGS_FILE] = msgspec.json.encode(answer.settings).decode() + "\n"
    return content


def enrolment_text(devices: list[ClaimedDevice]) -> str:
    """The enrolment file of these devices."""
    document = tomlkit.document()
    document.add(
        tomlkit.comment("The devices of this home, as the centre's register has them. It holds keys: keep it private.")
    )
    tables = tomlkit.aot()
    for device in devices:
        tables.append(device_table(device))
    if devices:
        document.append("device", tables)
    return tomlkit.dumps(document)


def device_table(device: ClaimedDevice) -> Any:
    """One `[[device]]` of the enrolment file."""
    link = _link(device)
    table = tomlkit.table()
    table.update({"id": device.id, "model": device.model, "link": link.value, "address": device.address})
    if device.room:
        table["room"] = device.room
    if device.place_code:
        table["place_code"] = device.place_code
    if device.key:
        table["key"] = device.key
    return table


def _link(device: ClaimedDevice) -> Link:
    """By its model; a model that nobody knows is refused when the file is read back."""
    model = CATALOGUE.get(device.model)
    return model.link if model else Link.BLE_ADVERT


def _config(answer: ClaimAnswer, folder: Path, home: str, ports: list[str], storage: str) -> str:
    document = _former(folder)
    former = document.get("hub", {}).get("id", answer.hub)
    if former != answer.hub or "storage" not in document:
        document["storage"] = {"folder": f"{storage}/{answer.hub}"}
    if former != answer.hub:
        _forget_people(document)
    document["enrolment"] = f"{home}/enrolment.toml"
    hub = tomlkit.table()
    hub.update({"id": answer.hub, "language": answer.language, "place_address": answer.place})
    if former == answer.hub and "question_s" in document.get("hub", {}):
        hub["question_s"] = document["hub"]["question_s"]
    broker = tomlkit.table()
    broker.update({"host": answer.broker.host, "port": answer.broker.port, "tls": answer.broker.tls})
    broker["ca_file"] = f"{home}/broker-ca.pem" if answer.broker.ca_pem else ""
    broker["password_file"] = f"{home}/broker-password"
    document["hub"] = hub
    document["broker"] = broker
    if any(_link(device) is Link.BLE_ADVERT or _link(device) is Link.BLE_GATT for device in answer.devices):
        document.setdefault("ble", {"adapter": "hci0"})
    if ports and needs_serial(answer) and "serial" not in document:
        tables = tomlkit.aot()
        for port in ports:
            table = tomlkit.table()
            table["port"] = port
            tables.append(table)
        document.append("serial", tables)
    document.setdefault("screen", {"host": "127.0.0.1", "port": 8090})
    return tomlkit.dumps(document)


def _forget_people(document: tomlkit.TOMLDocument) -> None:
    """Nobody is told of calls from a home that is not theirs, nor in another person's name; and where one wears a
    sensor another need not."""
    document.pop("contact", None)
    document.pop("worn", None)
    modem = document.get("modem")
    if isinstance(modem, dict):
        modem.pop("person", None)


def _former(folder: Path) -> tomlkit.TOMLDocument:
    """The configuration that is there, for what it says about this board; a new one where none can be read."""
    try:
        return tomlkit.parse((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError, tomlkit.exceptions.TOMLKitError):
        document = tomlkit.document()
        document.add(
            tomlkit.comment("Written by llar-edge claim; what stands here about this board stays at the next one.")
        )
        document["enrolment"] = ""
        return document


def _generation_in_force(folder: Path) -> str | None:
    name = Path(str(_former(folder).get("enrolment", ""))).parent.name
    return name if _GENERATION.match(name) and (folder / name).is_dir() else None


def _same(made: Path, content: dict[str, str]) -> bool:
    return {file.name for file in made.iterdir()} == set(content) and all(
        (made / file).read_text(encoding="utf-8") == text for file, text in content.items()
    )


def _same_hub(folder: Path, answer: ClaimAnswer) -> bool:
    try:
        config = load_config(folder / CONFIG_FILE)
    except BadFileError:
        return False
    broker = (config.broker.host, config.broker.port, config.broker.tls)
    hub = (config.hub.id, config.hub.language, config.hub.place_address)
    return (hub, broker) == (
        (answer.hub, answer.language, answer.place),
        (answer.broker.host, answer.broker.port, answer.broker.tls),
    )


def _generations(folder: Path) -> dict[str, int]:
    found = ((path.name, _GENERATION.match(path.name)) for path in folder.iterdir() if path.is_dir())
    return {name: int(match[1]) for name, match in found if match}


def _next_generation(folder: Path, hub: str) -> str:
    return f"{hub}.{max(_generations(folder).values(), default=0) + 1}"


def _keep_former(folder: Path) -> None:
    config = folder / CONFIG_FILE
    if config.exists():
        write_private(folder / BEFORE_FILE, config.read_text(encoding="utf-8", errors="replace"))


def _drop_old(folder: Path, keep: set[str | None]) -> None:
    for name in _generations(folder):
        if name not in keep:
            shutil.rmtree(folder / name, ignore_errors=True)
