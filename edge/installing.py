"""The commands of whoever installs a hub: what they print, and with which exit code they end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from edge import claim, claim_files, new_device
from edge.claim import ClaimFault, Request
from edge.config import Config
from edge.enrolment import load_enrolment
from edge.new_device import DeviceFault
from edge.texts import Texts, language_of_this_terminal
from edge.toml_tables import BadFileError
from gateway.contract.claim import ClaimAnswer, read_link

DONE: Final = 0


def claim_this_hub(
    given: str, *, centre: str = "", ca_file: str = "", file: Path | None = None, folder: Path, ports: list[str]
) -> int:
    """Makes this machine a hub of the centre, by a code, a link or a file.

    Args:
        given: a claim code or the link of its QR code; "" for a file.
        centre: the centre's address, unless the link or the file has it.
        ca_file: certificate of the centre's authority, "" for one that the system knows.
        file: a claim file; None and nothing else given: it is looked for.
        folder: the hub's folder.
        ports: serial ports to listen to; empty for what is plugged in.

    Returns:
        0, or why not: 1 the centre refuses, 2 what was given cannot be used, 3 worth another try.
    """
    say = Texts(language_of_this_terminal())
    try:
        file = file if given or file else claim.find_file()
        found = _what_to_ask(given, centre, ca_file, file)
        answer = found if isinstance(found, ClaimAnswer) else _ask(found, folder, say)
        say = Texts(answer.language)
        _write(answer, folder, ports, say)
        if isinstance(found, ClaimAnswer):
            print(say("claim.secrets", file=file))
        return DONE
    except ClaimFault as fault:
        print(say(f"claim.{fault.key}", **fault.values), file=sys.stderr)
        return fault.exit_code
    except BadFileError as error:
        print(say("claim.bad_answer", detail="; ".join(error.faults)), file=sys.stderr)
        return claim.REFUSED
    except OSError as error:
        print(say("claim.no_permission", file=error.filename or folder, detail=error.strerror), file=sys.stderr)
        return claim.BAD_INPUT


def _what_to_ask(given: str, centre: str, ca_file: str, file: Path | None) -> ClaimAnswer | Request:
    if given:
        link = read_link(given)
        address, code = link or (centre, given)
        return claim.checked(Request(address, code, ca_file))
    if file is None:
        raise ClaimFault("no_code", folders=", ".join(claim.LOOK_IN))
    found = claim.read_file(file)
    if isinstance(found, ClaimAnswer):
        return found
    return claim.checked(Request(found.centre, found.code, ca_file, found.ca_pem))


def _ask(request: Request, folder: Path, say: Texts) -> ClaimAnswer:
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    key = claim_files.hub_key(folder)
    print(say("claim.asking", centre=request.centre), flush=True)
    return claim.ask(request, key)


def _write(answer: ClaimAnswer, folder: Path, ports: list[str], say: Texts) -> None:
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    ports = ports or claim_files.serial_ports()
    if not claim_files.write_claim(answer, folder, ports=ports):
        print(say("claim.already", hub=answer.hub))
        return
    key = "claim.done" if answer.place else "claim.done_nowhere"
    print(say(key, hub=answer.hub, place=answer.place, count=len(answer.devices), folder=folder))
    if claim_files.needs_serial(answer) and not ports:
        print(say("claim.no_serial"))
    print(say("claim.next_start"))


def add_device(config: Config, line: str, **given: str) -> int:
    """Adds a device to this home.

    Args:
        config: the hub's.
        line: what is printed on the box; "" when everything is given by hand.
        given: fields that go before the line's: id, model, address, key, room, place_code; "" for not given.

    Returns:
        0, or 2 when it cannot be added.
    """
    say = Texts(config.hub.language)
    try:
        known = (
            {device.id for device in load_enrolment(config.enrolment).values()} if config.enrolment.exists() else set()
        )
        fields = new_device.read_line(line) if line else {}
        device = new_device.device_from({**fields, **{name: text for name, text in given.items() if text}}, known)
        new_device.add(config, device)
    except DeviceFault as fault:
        print(say(f"device.{fault.key}", **fault.values), file=sys.stderr)
        return claim.BAD_INPUT
    except BadFileError as error:
        print(say("device.unusable", detail="; ".join(error.faults)), file=sys.stderr)
        return claim.BAD_INPUT
    except OSError as error:
        print(
            say("claim.no_permission", file=error.filename or config.enrolment, detail=error.strerror), file=sys.stderr
        )
        return claim.BAD_INPUT
    print(say("device.added", device=device.id, room=device.room or say("check.no_room"), model=device.model))
    print(say("device.agent_knows" if new_device.tell_agent(config) else "device.agent_asleep"))
    print(say("device.register"))
    return DONE
