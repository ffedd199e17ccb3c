"""`llar-central`: runs the receiving centre and its small chores."""

from __future__ import annotations

import argparse
import getpass
import json
import logging
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import sqlalchemy as sa

from central import supervisor
from central.config import CentralConfig, ConfigError, load
from central.storage.database import BadDatabaseUrl, Database, DatabaseError, in_words
from central.supervisor import CANNOT_START


class UsageError(Exception):
    """The command cannot be done; the message is one sentence for whoever typed it."""


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; the exit code."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if getattr(given, "end_with_parent", False):
        supervisor.end_with_parent()
    run: Callable[[argparse.Namespace, CentralConfig], int] = given.run
    try:
        return run(given, load(Path(given.config)))
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
    operator.add_argument("--role", choices=["operator", "supervisor"], default="operator")
    operator.add_argument("--language", choices=["ca", "es", "en"], default="ca")
    register = command("import-homes", _import_homes, "Read homes, people and operators from a JSON file.")
    register.add_argument("file", type=Path)
    broker = command("broker-config", _broker_config, "Write Mosquitto's configuration, access list and passwords.")
    broker.add_argument("--out", type=Path, required=True, help="folder for the files and `secrets.json`")
    broker.add_argument("--certificate", type=Path, required=True)
    broker.add_argument("--key", type=Path, required=True)
    broker.add_argument("--port", type=int, default=8883)
    return parser


def _run(given: argparse.Namespace, config: CentralConfig) -> int:
    _migrate(given, config)
    return supervisor.supervise(["desk", "receiver"], given.config)


def _desk(_given: argparse.Namespace, config: CentralConfig) -> int:
    from central import wiring

    try:
        wiring.run_desk(config)
    except wiring.CannotStart as error:
        raise UsageError(str(error)) from None
    return 0


def _receiver(_given: argparse.Namespace, config: CentralConfig) -> int:
    from central import receiver

    receiver.run(config)
    return 0


def _migrate(_given: argparse.Namespace, config: CentralConfig) -> int:
    from central import wiring

    try:
        wiring.prepare(config)
    except wiring.CannotStart as error:
        raise UsageError(str(error)) from None
    return 0


def _add_operator(given: argparse.Namespace, config: CentralConfig) -> int:
    from central.console.access import hash_password
    from central.seeding import PASSWORD_LENGTH_MIN, OperatorId
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
    operator = people.Operator(given.id, given.called, hash_password(password), given.role, given.language)
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


def _import_homes(given: argparse.Namespace, config: CentralConfig) -> int:
    from central import seeding

    _migrate(given, config)
    database = Database.open(config.database.url)
    try:
        imported = seeding.import_homes(database, seeding.load(given.file), time.time())
    except seeding.SeedError as error:
        raise UsageError(str(error)) from None
    finally:
        database.close()
    print(
        f"{imported.homes} homes are up to date. New: {imported.residents} residents, {imported.contacts} contacts, "
        f"{imported.operators} operators, {imported.cases} past cases."
    )
    return 0


def _broker_config(given: argparse.Namespace, config: CentralConfig) -> int:
    """Passwords once given are kept in `secrets.json`, so that running it again for a new hub changes no other."""
    from central.storage import homes
    from gateway.broker_files import production_files

    database = Database.open(config.database.url)
    try:
        with database.read() as connection:
            users = ["desk", "receiver", *homes.list_hubs(connection)]
    finally:
        database.close()
    given.out.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = given.out / "secrets.json"
    known: dict[str, str] = json.loads(kept.read_text()) if kept.exists() else {}
    passwords = {user: known.get(user) or secrets.token_urlsafe(24) for user in users}
    files = production_files(passwords, certificate=given.certificate, key=given.key, port=given.port)
    for name, content in {**files, "secrets.json": json.dumps(passwords, indent=1)}.items():
        # replaced whole: half a file of passwords would lock every hub out
        part = given.out / f"{name}.part"
        part.touch(mode=0o600)
        part.write_text(content, encoding="utf-8")
        part.replace(given.out / name)
    print(f"{len(users)} users; wrote {', '.join(sorted([*files, 'secrets.json']))} to {given.out}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
