"""`llar-edge run --config edge.toml` and `llar-edge check --config edge.toml`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from edge.agent import Agent, CertificateError
from edge.clock import system_clock
from edge.config import Config, load_config
from edge.enrolment import Devices, load_enrolment
from edge.toml_tables import BadFileError


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0, or 2 when the configuration cannot be used."""
    parser = argparse.ArgumentParser(prog="llar-edge", description="Llar's agent for the hub in the home.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, help_text in (
        ("run", "work until stopped"),
        ("check", "say whether the files are right, and what they say"),
    ):
        sub = verbs.add_parser(verb, help=help_text)
        sub.add_argument("--config", type=Path, required=True, help="the hub's TOML file")
        sub.add_argument("--verbose", action="store_true", help="log every frame's fate")
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.INFO,
        format="%(levelname)s %(name)s: %(message)s"
        if "JOURNAL_STREAM" in os.environ
        else "%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for noisy in ("bumble", "bleak", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        config, devices, password = _read_files(options.config)
    except BadFileError as error:
        print(error, file=sys.stderr)
        return 2
    if options.verb == "check":
        from edge.check import describe

        return describe(config, devices)
    try:
        asyncio.run(_run(config, devices, password))
    except CertificateError as error:
        print(f"{options.config}: {error}", file=sys.stderr)
        return 2
    return 0


def _read_files(path: Path) -> tuple[Config, Devices, str]:
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


async def _run(config: Config, devices: Devices, password: str) -> None:
    agent = Agent(config, devices, password, system_clock())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, agent.stop)
    await agent.run()


if __name__ == "__main__":
    sys.exit(main())
