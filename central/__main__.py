"""`llar-central`: runs the receiving centre and its small chores."""

from __future__ import annotations

import argparse
import contextlib
import gc
import getpass
import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from central import supervisor
from central.access_rules import EVERYWHERE, Role
from central.config import CentralConfig, ConfigError, load
from central.privacy.commands import add_commands as add_privacy_commands
from central.pulse import PULSE
from central.storage.database import BadDatabaseUrl, Database, DatabaseError, in_words
from central.supervisor import CANNOT_START
from central.whole_types import make_whole
from gateway.contract.claim import CODE_LIVES_S

if TYPE_CHECKING:
    from central.history import History


class UsageError(Exception):
    """The command cannot be done; the message is one sentence for whoever typed it."""


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; the exit code."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if getattr(given, "end_with_parent", False):
        supervisor.end_with_parent()
        PULSE.start()
    run: Callable[[argparse.Namespace, CentralConfig], int] = given.run
    try:
        return run(given, load(Path(given.config))) if given.config is not None else given.run(given)
    except (ConfigError, BadDatabaseUrl, UsageError) as error:
        print(error, file=sys.stderr)
    except DatabaseError as error:
        print(f"The database cannot be used: {in_words(error)}", file=sys.stderr)
    except PermissionError as error:
        print(f"No permission for {error.filename}: run as the user that owns the data folder.", file=sys.stderr)
    return CANNOT_START


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llar-central", description="The receiving centre of Llar.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace, CentralConfig], int], text: str
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--config", default="central.toml", help="the configuration file (default: central.toml)")
        sub.set_defaults(run=run)
        return sub

    command("run", _run, "Start the desk and the receiver, and keep them running.")
    for name, run, text in (
        ("desk", _desk, "Run only the desk: alarms, cases, messages, console."),
        ("receiver", _receiver, "Run only the receiver: measurements and detection."),
    ):
        sub = command(name, run, text)
        sub.add_argument("--end-with-parent", action="store_true", help=argparse.SUPPRESS)
    command("migrate", _migrate, "Bring the database up to date.")
    operator = command(
        "add-operator", _add_operator, "Add an operator; asks for the password (or reads it from stdin)."
    )
    operator.add_argument("id", help="log-in name: lower-case letters, digits, '-'")
    operator.add_argument("--called", required=True, help="given name, as the home may say it")
    people_roles = [role.value for role in Role if role not in {Role.CARER, Role.RESIDENT, Role.API}]
    operator.add_argument("--role", choices=people_roles, default="operator")
    operator.add_argument("--language", choices=["ca", "es", "en"], default="ca")
    operator.add_argument(
        "--municipality", action="append", metavar="NAME", help="whose homes they see; again for more (default: all)"
    )
    operator.add_argument("--first-password", action="store_true", help="it must be changed at the first log-in")
    register = command("import-homes", _import_homes, "Read homes, people and operators from a JSON file.")
    register.add_argument("file", type=Path)
    register.add_argument("--history", type=Path, help="then read these past cases too, as import-history does")
    history = command("import-history", _import_history, "Read past cases and what stands around homes (JSON).")
    history.add_argument("file", type=Path)
    broker = command("broker-config", _broker_config, "Write Mosquitto's configuration, access list and passwords.")
    broker.add_argument("--out", type=Path, required=True, help="folder for the files and `secrets.json`")
    broker.add_argument("--certificate", type=Path, required=True)
    broker.add_argument("--key", type=Path, required=True)
    broker.add_argument("--port", type=int, default=8883)
    paper = command("paper-list", _paper_list, "Write the list by which people help while the centre is down.")
    paper.add_argument("--out", type=Path, help="folder (default: that of [paper] in the configuration)")
    handing = command("hand-over", _hand_over, "Write all of a municipality's data for whoever runs the service next.")
    handing.add_argument("folder", type=Path, help="a new folder")
    handing.add_argument("--municipality", required=True, metavar="NAME", help="as the homes' files have it")
    checking = commands.add_parser("hand-over-check", help="Check such a folder: OK, or what is wrong (exit code 1).")
    checking.add_argument("folder", type=Path)
    checking.set_defaults(run=_hand_over_check, config=None)
    _add_hub_commands(command)
    _add_audit_commands(commands)
    add_privacy_commands(command)
    return parser


def _add_audit_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "Check or export the log of who read and changed what."
    kinds = commands.add_parser("audit", help=text, description=text).add_subparsers(required=True, metavar="WHAT")
    verify = kinds.add_parser("verify", help="Follow the chain: OK, or where it is broken (exit code 1).")
    verify.add_argument("--head", action="append", default=[], metavar="NUMBER:HASH", help="a head noted elsewhere")
    export = kinds.add_parser("export", help="Write the log as JSON lines.")
    export.add_argument("--out", type=Path, help="a new file (default: standard output)")
    export.add_argument("--since", type=int, default=0, metavar="NUMBER", help="only rows after this one")
    for name, sub in (("verify", verify), ("export", export)):
        sub.add_argument("--config", default="central.toml", help="the configuration file (default: central.toml)")
        sub.set_defaults(run=_audit, chore=name)


def _add_hub_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    claim = command("claim", _claim, "Print a code by which a new hub gets its name, its password and its devices.")
    claim.add_argument("--hub", required=True, help="id of an enrolled hub")
    claim.add_argument("--valid", type=_span_s, default=CODE_LIVES_S, help="such as 48h or 3d (default: 3d)")
    claim.add_argument("--qr", type=Path, help="write the QR code to this .svg or .png file instead of showing it")
    claim.add_argument(
        "--file", type=Path, help="for a home without a network: write all that the hub needs, instead of a code"
    )
    claim.add_argument(
        "--new-password", action="store_true", help="give the hub a new password; one that is at work is locked out"
    )
    settings = command("settings", _settings, "Show or change what a hub should go by; the desk sends it.")
    settings.add_argument("--hub", required=True, help="id of an enrolled hub")
    settings.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="such as language=es")
    settings.add_argument(
        "--unset", action="append", default=[], metavar="NAME", help="leave it to the hub's own files"
    )
    settings.add_argument("--from-register", action="store_true", help="language and contacts as in the home's record")
    settings.add_argument("--country", default="+34", help="of contacts' numbers that have none (default: +34)")


def _span_s(text: str) -> float:
    from central.hub_chores import span_s

    return span_s(text)


def _run(given: argparse.Namespace, config: CentralConfig) -> int:
    _migrate(given, config)
    return supervisor.supervise(["desk", "receiver"], given.config, config.data_folder)


@contextlib.contextmanager
def _loading() -> Iterator[None]:
    """Around the import of a whole process: what it loads stays for good, so looking for garbage in it is in vain, then
    (a quarter of the start) and later."""
    gc.disable()
    yield
    make_whole()
    gc.freeze()
    gc.enable()


def _desk(_given: argparse.Namespace, config: CentralConfig) -> int:
    with _loading():
        from central import preparing, wiring

    try:
        wiring.run_desk(config)
    except preparing.CannotStart as error:
        raise UsageError(str(error)) from None
    return 0


def _receiver(_given: argparse.Namespace, config: CentralConfig) -> int:
    with _loading():
        from central import receiver

    receiver.run(config)
    return 0


def _migrate(_given: argparse.Namespace, config: CentralConfig) -> int:
    from central import preparing

    try:
        preparing.prepare(config)
    except preparing.CannotStart as error:
        raise UsageError(str(error)) from None
    return 0


def _add_operator(given: argparse.Namespace, config: CentralConfig) -> int:
    from central.passwords import hash_password
    from central.register import PASSWORD_LENGTH_MIN, OperatorId
    from central.storage import people

    try:
        msgspec.convert(given.id, OperatorId)
    except msgspec.ValidationError:
        raise UsageError(
            f"{given.id!r} cannot be a log-in name: small letters, digits and '-', at most 32; not 'desk' or 'hub'."
        ) from None
    _migrate(given, config)
    if sys.stdin.isatty():
        password = getpass.getpass(f"Password for {given.id}: ")
        if getpass.getpass("Again: ") != password:
            raise UsageError("The two passwords differ; nothing was stored.")
    else:
        password = sys.stdin.readline().rstrip("\n")
    if len(password) < PASSWORD_LENGTH_MIN:
        raise UsageError(f"The password needs at least {PASSWORD_LENGTH_MIN} characters; nothing was stored.")
    operator = people.Operator(
        given.id,
        given.called,
        hash_password(password),
        given.role,
        given.language,
        municipalities=tuple(given.municipality or [EVERYWHERE]),
        password_due=given.first_password,
    )
    database = Database.open(config.database.url)
    try:
        with database.begin() as connection:
            people.add_operator(connection, operator)
    except sa.exc.IntegrityError:
        raise UsageError(f"There is an operator {given.id} already; nothing was stored.") from None
    finally:
        database.close()
    print(f"Operator {given.id} ({given.called}) was added.")
    return 0


def _audit(given: argparse.Namespace, config: CentralConfig) -> int:
    from central import audit_chores

    _migrate(given, config)
    try:
        run: Callable[[argparse.Namespace, CentralConfig], int] = getattr(audit_chores, given.chore)
        return run(given, config)
    except audit_chores.BadHead as error:
        raise UsageError(str(error)) from None
    except FileExistsError:
        raise UsageError(f"{given.out} is there already; nothing was written.") from None


def _paper_list(given: argparse.Namespace, config: CentralConfig) -> int:
    from central import paper_list

    folder = given.out or Path(config.paper.list_folder)
    if not given.out and not config.paper.list_folder:
        raise UsageError("No folder: give --out, or set list_folder under [paper] in the configuration.")
    database = Database.open(config.database.url)
    try:
        where = paper_list.write_by_hand(database, folder, time.time(), config.paper.language, getpass.getuser())
    except OSError as error:
        raise UsageError(f"Cannot write to {folder}: {error.strerror}.") from None
    finally:
        database.close()
    print(f"Written to {where}. It holds people's names, numbers and addresses: lock it up, and shred what is old.")
    return 0


def _hand_over(given: argparse.Namespace, config: CentralConfig) -> int:
    from central import hand_over
    from central.telemetry.store import StoreUnavailable

    try:
        homes = hand_over.export(config, given.municipality, given.folder, time.time())
    except hand_over.HandOverError as error:
        raise UsageError(str(error)) from None
    except StoreUnavailable as error:
        raise UsageError(f"The measurements cannot be read ({error}): the folder is not whole.") from None
    except FileExistsError:
        raise UsageError(f"{given.folder} is no folder.") from None
    print(
        f"{homes} homes are in {given.folder}. It holds everything about people: hand it over sealed, by two persons."
    )
    print("Whoever receives it checks it: llar-central hand-over-check, or sha256sum -c SHA256SUMS.")
    return 0


def _hand_over_check(given: argparse.Namespace) -> int:
    from central import hand_over

    found = list(hand_over.faults(given.folder))
    print("\n".join(found) if found else f"OK: {hand_over.summary(given.folder)}")
    return 1 if found else 0


def _import_homes(given: argparse.Namespace, config: CentralConfig) -> int:
    from central import history, history_import, seeding
    from central.sealing import open_sealer

    _migrate(given, config)
    database = Database.open(config.database.url)
    brought = history_import.NOTHING
    try:
        lived = history.load(given.history) if given.history else None
        sealer = open_sealer(config.secrets.key_file)
        imported = seeding.import_homes(database, seeding.load(given.file), time.time(), sealer)
        if lived is not None:
            brought = history_import.import_history(database, lived, time.time())
            _import_readings(lived, config)
    except seeding.SeedError as error:
        raise UsageError(str(error)) from None
    finally:
        database.close()
    print(
        f"{imported.homes} homes are up to date. New: {imported.residents} residents, {imported.contacts} contacts, "
        f"{imported.operators} operators, {imported.cases + brought.cases} past cases."
    )
    return 0


def _import_history(given: argparse.Namespace, config: CentralConfig) -> int:
    from central import history, history_import
    from central.register import SeedError

    _migrate(given, config)
    database = Database.open(config.database.url)
    try:
        lived = history.load(given.file)
        brought = history_import.import_history(database, lived, time.time())
        _import_readings(lived, config)
    except SeedError as error:
        raise UsageError(str(error)) from None
    finally:
        database.close()
    print(f"New: {brought.cases} cases, {brought.open} of them open, and {brought.around} entries around homes.")
    return 0


def _import_readings(lived: History, config: CentralConfig) -> None:
    from central import history_import
    from central.telemetry.open_store import open_store

    if lived.readings:
        with contextlib.closing(open_store(config.telemetry, config.data_folder)) as store:
            history_import.import_readings(store, lived)


def _broker_config(given: argparse.Namespace, config: CentralConfig) -> int:
    return _hub_chore("write_broker_files", given, config)


def _claim(given: argparse.Namespace, config: CentralConfig) -> int:
    _migrate(given, config)
    return _hub_chore("claim", given, config)


def _settings(given: argparse.Namespace, config: CentralConfig) -> int:
    _migrate(given, config)
    return _hub_chore("settings", given, config)


def _hub_chore(name: str, given: argparse.Namespace, config: CentralConfig) -> int:
    from central import hub_chores

    try:
        run: Callable[[argparse.Namespace, CentralConfig], int] = getattr(hub_chores, name)
        return run(given, config)
    except hub_chores.ChoreError as error:
        raise UsageError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
