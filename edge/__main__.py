"""`llar-edge`: `run` is the agent, the other verbs are for whoever installs the hub. See docs/installing-a-hub.md."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Final

from edge.agent import Agent
from edge.clock import system_clock
from edge.config import LANGUAGES, Config, load_config
from edge.enrolment import Devices, load_enrolment
from edge.home.voice import PHRASES, script
from edge.hub_session import CertificateError
from edge.outbox_file import AlreadyRunningError
from edge.toml_tables import BadFileError

log = logging.getLogger("edge")

Files = tuple[Config, Devices, str]
"""Configuration, devices, and the password at the broker."""
FOLDER: Final = Path("/etc/llar")
BAD_FILES: Final = 2
READ_ANEW_AGAIN_S: Final = 1.0
"""Files that cannot be read anew now are so after this time."""
_DEVICE_FIELDS: Final = {
    "id": "its name in this home; found by itself when left out",
    "model": "its product, from the catalogue",
    "address": "its address",
    "key": "its secret, 32 hex digits",
    "room": "where it is, in words",
    "place_code": "SCAIP place code",
}
_PRIORITY: Final = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""Level -> syslog priority, for `journalctl -p` (sd-daemon(3))."""


class JournalFormatter(logging.Formatter):
    """Lines for the journal: it has the time already, and takes the priority from the beginning of each line."""

    def format(self, record: logging.LogRecord) -> str:
        """Every line of a traceback has its priority too."""
        before = f"<{_PRIORITY.get(record.levelno, 6)}>"
        return "\n".join(before + line for line in super().format(record).splitlines())


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0; 2 when the configuration cannot be used; the other verbs say their own."""
    options = _parser().parse_args(arguments)
    _log_to_stderr(verbose=getattr(options, "verbose", False))
    if options.verb == "claim":
        from edge.installing import claim_this_hub

        return claim_this_hub(
            options.code,
            centre=options.centre,
            ca_file=options.ca,
            file=options.file,
            folder=options.folder,
            ports=options.serial,
        )
    if options.verb == "phrases":
        for phrase in PHRASES:
            print(f"{phrase}\t{script(phrase, options.language)}")
        return 0
    try:
        config, devices, password = _read_files(options.config)
    except BadFileError as error:
        print(error, file=sys.stderr)
        return BAD_FILES
    if options.verb == "add-device":
        from edge.installing import add_device

        given = ("id", "model", "address", "key", "room", "place_code")
        # a line in the command stands in the list of processes and in sudo's log, with the key
        line = sys.stdin.readline() if options.line == "-" else options.line
        return add_device(config, line, **{name: getattr(options, name) for name in given})
    if options.verb == "check":
        from edge.check import describe, walk

        return walk(config, devices) if options.walk else describe(config, devices, listen_s=options.listen)
    try:
        return _work(options.config, config, devices, password)
    except (CertificateError, AlreadyRunningError) as error:
        print(f"{options.config}: {error}", file=sys.stderr)
        return BAD_FILES


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llar-edge", description="Llar's agent for the hub in the home.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="work until stopped")
    check = verbs.add_parser("check", help="say in plain words what is heard, what is not, and what is wrong")
    for sub in (run, check):
        sub.add_argument("--config", type=Path, default=FOLDER / "edge.toml", help="the hub's TOML file")
        sub.add_argument("--verbose", action="store_true", help="log every frame's fate")
    check.add_argument("--walk", action="store_true", help="walk test: name each device as it is heard")
    check.add_argument(
        "--listen", type=float, default=0.0, metavar="S", help="when no agent runs, listen so many seconds"
    )
    add = verbs.add_parser("add-device", help="one more device for this home, from the line printed on its box")
    add.add_argument(
        "line", nargs="?", default="", help="'llar:dev?model=...&address=...&key=...', in quotes; - reads it"
    )
    add.add_argument("--config", type=Path, default=FOLDER / "edge.toml", help="the hub's TOML file")
    for name, help_text in _DEVICE_FIELDS.items():
        add.add_argument(f"--{name.replace('_', '-')}", default="", help=help_text)
    spoken = verbs.add_parser("phrases", help="everything that the home says, to be recorded: name of the file, words")
    spoken.add_argument("language", choices=LANGUAGES)
    claim = verbs.add_parser("claim", help="make this machine a hub of a centre, by a claim code, its link or a file")
    claim.add_argument("code", nargs="?", default="", help='"K7QM2-XWP9G", or the link of the QR code in quotes')
    claim.add_argument("--centre", default="", metavar="URL", help="the centre's address, https://...")
    claim.add_argument("--ca", default="", metavar="FILE", help="certificate of the centre's own authority (PEM)")
    claim.add_argument("--file", type=Path, help="a claim file; without code and file, the boot partition is looked at")
    claim.add_argument("--folder", type=Path, default=FOLDER, help="where the hub's files are written")
    claim.add_argument("--serial", action="append", default=[], metavar="PORT", help="port of the pendants' receiver")
    return parser


def _log_to_stderr(*, verbose: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    in_journal = "JOURNAL_STREAM" in os.environ
    kind = JournalFormatter if in_journal else logging.Formatter
    handler.setFormatter(
        kind("%(name)s: %(message)s" if in_journal else "%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
    for noisy in ("bumble", "bleak", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _read_files(path: Path) -> Files:
    config = load_config(path)
    devices = load_enrolment(config.enrolment)
    password = ""
    if config.broker.password_file:
        try:
            password = Path(config.broker.password_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise BadFileError(path, [f"[broker]: 'password_file': {error.filename}: {error.strerror}"]) from None
        except UnicodeDecodeError:
            raise BadFileError(path, [f"[broker]: {config.broker.password_file}: is not text in UTF-8"]) from None
    if config.broker.ca_file and not Path(config.broker.ca_file).is_file():
        raise BadFileError(path, [f"[broker]: 'ca_file': {config.broker.ca_file}: there is no such file"])
    return config, devices, password


def _work(path: Path, config: Config, devices: Devices, password: str) -> int:
    """Runs the agent; after SIGHUP with files that can be used, a new one in the same process."""
    while True:
        status, files = asyncio.run(_run(path, config, devices, password))
        if files is None:
            return status
        config, devices, password = files


async def _run(path: Path, config: Config, devices: Devices, password: str) -> tuple[int, Files | None]:
    files: Files | None = None

    def read_anew() -> None:
        nonlocal files
        if not agent.may_restart:
            # an agent that begins anew forgets what the disk did not take
            log.debug("the files are read anew later: a call is being taken, or is only in memory")
            loop.call_later(READ_ANEW_AGAIN_S, read_anew)
            return
        try:
            files = _read_files(path)
        except BadFileError as error:
            log.error("the files are not read anew, because they cannot be used: %s", error)  # noqa: TRY400
            return
        log.info("the files are read anew")
        agent.stop(to_start_anew=True)

    # systemd names each start of a service so; its unit starts us again whenever we end
    agent = Agent(config, devices, password, system_clock(), is_restarted="INVOCATION_ID" in os.environ)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, agent.stop)
    loop.add_signal_handler(signal.SIGHUP, read_anew)
    status = await agent.run()
    return status, files if not status else None


if __name__ == "__main__":
    sys.exit(main())
