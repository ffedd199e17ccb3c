"""The commands of `llar-central` about hubs: the broker's files, claims, settings."""

from __future__ import annotations

import argparse
import re
import secrets
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import segno
import sqlalchemy as sa

from central import broker_folder, settings_desk
from central.claim_desk import ClaimDesk, broker_for_hubs, claimed_devices, new_claim
from central.config import CentralConfig, ClaimsConfig
from central.refusals import RefusalCounter
from central.sealing import Sealer, SealError, open_sealer
from central.storage import homes, hub_settings
from central.storage.database import Database
from central.storage.hub_secrets import ensure_password, keep_password, new_password, password_of
from central.texts import say_moment
from gateway.broker_files import production_files
from gateway.contract.claim import ClaimFile, ClaimRefusal, ClaimRequest, centre_fault, claim_link
from gateway.contract.settings import HubSettings

VALID_MAX_S: Final = 30 * 86_400.0
"""Longest life of a code: it lies about on paper meanwhile."""
_UNITS_S: Final = {"m": 60.0, "h": 3_600.0, "d": 86_400.0}
RELOAD: Final = "systemctl reload mosquitto"
"""Mosquitto reads its passwords and access list anew on SIGHUP; connections stay."""


class ChoreError(Exception):
    """The command cannot be done; the message is a sentence for whoever typed it."""


def span_s(text: str) -> float:
    """A span such as "48h" or "3d" in seconds.

    Raises:
        argparse.ArgumentTypeError: it is not one, or longer than `VALID_MAX_S`.
    """
    found = re.fullmatch(r"([0-9]{1,5})([mhd])", text)
    length_s = float(found[1]) * _UNITS_S[found[2]] if found else 0.0
    if not 0 < length_s <= VALID_MAX_S:
        raise argparse.ArgumentTypeError(f"{text!r}: write 90m, 48h or 3d, at most 30d")
    return length_s


def write_broker_files(given: argparse.Namespace, config: CentralConfig) -> int:
    """`broker-config`. Passwords once given are kept, so that running it again for a new hub changes no other."""
    sealer = open_sealer(config.secrets.key_file)
    known = _known_passwords(given.out)
    passwords = {user: known.get(user) or new_password() for user in ("desk", "receiver")}
    database = Database.open(config.database.url)
    try:
        with database.begin() as connection:
            for hub in homes.list_hubs(connection):
                passwords[hub] = _password(connection, sealer, hub, known)
    except SealError as error:
        raise ChoreError(str(error)) from None
    finally:
        database.close()
    # mosquitto is not started where this command was typed
    pair = {"certificate": given.certificate.absolute(), "key": given.key.absolute()}
    files = production_files(passwords, **pair, port=given.port)
    broker_folder.write(given.out, files, passwords)
    names = ", ".join(sorted([*files, broker_folder.SECRETS]))
    print(f"{len(passwords)} users; wrote {names} to {given.out}.")
    return 0


class Printed(NamedTuple):
    """A claim as it is handed over. `unheard` are devices that the hub will not hear: the register has no address."""

    code: str
    link: str
    until_at: float
    unheard: list[str]


def print_claim(
    database: Database,
    config: ClaimsConfig,
    sealer: Sealer,
    hub: str,
    valid_s: float,
    now: float,
    *,
    renew_password: bool = False,
) -> Printed:
    """Makes a code for an enrolled hub, after the broker's files know it.

    Raises:
        ChoreError: with a sentence for whoever asked; no claim was made.
    """
    if broker_for_hubs(config) is None or not config.address:
        raise ChoreError("Set address and broker_host in [claims] first: a new hub must be told where to go.")
    if fault := centre_fault(config.address):
        raise ChoreError(f"[claims] address: {fault}.")
    folder = Path(config.broker_folder) if config.broker_folder else None
    known = _known_passwords(folder) if folder else {}
    try:
        with database.begin() as connection:
            home = _enrolled(connection, hub)
            if renew_password:
                keep_password(connection, sealer, hub, new_password(), now)
            password = _password(connection, sealer, hub, {} if renew_password else known)
            unheard = _unheard(connection, sealer, home.home_id)
            code = new_claim(connection, sealer, hub, valid_s, now)
            if folder:
                _put_into(folder, hub, password)
    except SealError as error:
        raise ChoreError(str(error)) from None
    return Printed(code, claim_link(config.address, code), now + valid_s, unheard)


def claim(given: argparse.Namespace, config: CentralConfig) -> int:
    """`claim`: prints a code for an enrolled hub, or writes what a code would have given it."""
    sealer = open_sealer(config.secrets.key_file)
    now = time.time()
    database = Database.open(config.database.url)
    try:
        made = print_claim(
            database, config.claims, sealer, given.hub, given.valid, now, renew_password=given.new_password
        )
        if given.file:
            _write_claim(database, config.claims, sealer, made.code, given.file)
    finally:
        database.close()
    if given.file:
        print(f"{given.file} makes a machine {given.hub}: sudo llar-edge claim --file {given.file.name}")
        print("It holds the hub's secrets: carry it by hand, and delete it when the hub has it.")
    else:
        print(f"Claim code for {given.hub}: {made.code}")
        print(
            f"Good until {say_moment(made.until_at, 0.0, 'en')}, for one hub. In the hub: llar-edge claim '{made.link}'"
        )
    for device in made.unheard:
        print(f"The register has no address of {device}: the hub will not hear it.")
    print(f"Now: {RELOAD}" if config.claims.broker_folder else f"Now: llar-central broker-config, and {RELOAD}")
    if not given.file:
        _show(made.link, given.qr)
    return 0


def _write_claim(database: Database, config: ClaimsConfig, sealer: Sealer, code: str, file: Path) -> None:
    """Redeems a code here and writes the answer to a file that only this user may read.

    Raises:
        ChoreError: it cannot be written, or the register does not make an answer.
    """
    broker = broker_for_hubs(config)
    assert broker is not None, "a code was made"
    request = ClaimRequest(code.replace("-", ""), secrets.token_hex(16), model="by a file")
    answer = ClaimDesk(database, sealer, broker, RefusalCounter()).redeem(msgspec.json.encode(request), "", time.time())
    if isinstance(answer, ClaimRefusal):
        raise ChoreError(f"No file was made: {answer.text}.")
    try:
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(msgspec.json.encode(ClaimFile(1, centre=config.address, answer=answer)))
    except OSError as error:
        raise ChoreError(f"Cannot write to {file}: {error.strerror}.") from None


def settings(given: argparse.Namespace, config: CentralConfig) -> int:
    """`settings`: shows what a hub should go by, after changing it when asked to."""
    now = time.time()
    database = Database.open(config.database.url)
    try:
        with database.begin() as connection:
            home = _enrolled(connection, given.hub)
            before = hub_settings.desired_of(connection, given.hub)
            if given.set or given.unset or given.from_register:
                wanted = settings_desk.body_of(before)
                if given.from_register:
                    wanted |= settings_desk.from_register(connection, home, given.country)
                wanted = settings_desk.change(wanted, given.set, given.unset)
                devices = [device.id for device in homes.devices_of(connection, home.home_id)]
                made = settings_desk.checked(wanted, devices, hub_settings.next_version(before))
                if before is None or settings_desk.body_of(before) != wanted:
                    hub_settings.keep(connection, given.hub, made, now)
            desired = hub_settings.desired_of(connection, given.hub)
    except settings_desk.BadSettings as error:
        raise ChoreError(str(error)) from None
    finally:
        database.close()
    print(_said(given.hub, desired.settings if desired else None, desired.in_force if desired else 0))
    return 0


def _said(hub: str, wanted: HubSettings | None, in_force: int) -> str:
    if wanted is None:
        return f"{hub}: nothing is set; its own files hold."
    lines = [f"{hub}: version {wanted.version}, in force: {in_force or 'not known'}"]
    return "\n".join(lines + [f"  {name} = {value}" for name, value in settings_desk.flat(wanted)])


def _known_passwords(folder: Path) -> dict[str, str]:
    try:
        return broker_folder.known_passwords(folder)
    except (OSError, ValueError) as error:
        raise ChoreError(f"Cannot read {folder / broker_folder.SECRETS}: {error}.") from None


def _password(connection: sa.Connection, sealer: Sealer, hub: str, known: dict[str, str]) -> str:
    """The hub's password: the one in the database, else the one that the broker has already, else a new one."""
    kept = password_of(connection, sealer, hub)
    if kept is None and hub in known:
        keep_password(connection, sealer, hub, known[hub], time.time())
        return known[hub]
    return kept or ensure_password(connection, sealer, hub, time.time())


def _enrolled(connection: sa.Connection, hub: str) -> homes.HomeOfHub:
    home = homes.find_by_hub(connection, hub)
    if home is None or homes.is_unknown(home.home_id):
        raise ChoreError(f"Nobody enrolled a hub {hub!r}: put it into the register and run import-homes.")
    return home


def _unheard(connection: sa.Connection, sealer: Sealer, home_id: str) -> list[str]:
    told = {device.id for device in claimed_devices(connection, sealer, home_id)}
    return [device.id for device in homes.devices_of(connection, home_id) if device.id not in told]


def _put_into(folder: Path, hub: str, password: str) -> None:
    try:
        broker_folder.add_hub(folder, hub, password)
    except FileNotFoundError:
        raise ChoreError(
            f"{folder} has no broker's files yet: run llar-central broker-config --out {folder}."
        ) from None
    except OSError as error:
        raise ChoreError(
            f"Cannot write to {folder}: {error.strerror}. Nothing was printed, no claim was made."
        ) from None


def _show(link: str, file: Path | None) -> None:
    code: Any = segno.make(link, error="m")
    if file is None:
        code.terminal(compact=True)
        return
    try:
        code.save(str(file), scale=8)
    except (OSError, ValueError) as error:
        raise ChoreError(f"Cannot write the QR code to {file}: {error}.") from None
    print(f"QR code: {file}")
