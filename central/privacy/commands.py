"""The commands of privacy in `llar-central`, without loading what they work with before one is asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from central.config import CentralConfig
from central.supervisor import CANNOT_START


def add_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds them. `command` makes a parser of a name, what runs and a sentence of help."""
    purging = command("purge", _run, "Purge now what is due by its term, as is done every night.")
    register = command("register-of-processing", _run, "Print the register of processing activities (GDPR Art. 30).")
    register.add_argument("--json", action="store_true", help="for programs (default: a page of Markdown)")
    export = command("export-pseudonymised", _run, "Write pseudonymised cases and figures for research.")
    export.add_argument("recipient", help="for whom: a short name; each has pseudonyms of their own")
    export.add_argument(
        "--key-file", type=Path, required=True, help="64 hex digits; keep it off the database's machine"
    )
    export.add_argument("--since", required=True, metavar="DAY", help="first day, such as 2026-01-01")
    export.add_argument("--until", required=True, metavar="DAY", help="last day")
    export.add_argument("--k", type=int, default=5, help="households that must be alike (default and least: 5)")
    export.add_argument("--out", type=Path, help="a new folder (default: in the data folder, where it is purged)")
    for parser, chore in ((purging, "purge"), (register, "register_of_processing"), (export, "export_pseudonymised")):
        parser.set_defaults(chore=chore)


def _run(given: argparse.Namespace, config: CentralConfig) -> int:
    from central import preparing
    from central.privacy import chores

    try:
        preparing.prepare(config)
        run: Callable[[argparse.Namespace, CentralConfig], int] = getattr(chores, given.chore)
        return run(given, config)
    except (chores.ChoreError, preparing.CannotStart) as error:
        sys.stderr.write(f"{error}\n")
        return CANNOT_START
