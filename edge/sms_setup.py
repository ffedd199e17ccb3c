"""Makes the second path from the configuration: the modem's numbers, the PIN of its SIM, the key of our SMS."""

from __future__ import annotations

from pathlib import Path

from edge.clock import Clock
from edge.config import Config
from edge.health import Health, TellFault
from edge.home.presence import Presence
from edge.outbox_thread import OutboxThread
from edge.sms_path import SmsPath
from gateway.contract.sms import sms_key


def open_sms_path(
    config: Config,
    password: str,
    clock: Clock,
    outbox: OutboxThread,
    health: Health,
    presence: Presence,
    tell_fault: TellFault,
) -> SmsPath | None:
    """The second path that is configured, None for none. `password` is the hub's at the broker."""
    modem = config.modem
    if modem is None:
        return None
    pin = pin_fault = ""
    try:
        pin = Path(modem.pin_file).read_text(encoding="ascii").strip() if modem.pin_file else ""
    except (OSError, UnicodeDecodeError) as error:
        pin_fault = f"[modem]: the file of the SIM's PIN cannot be read: {error}"
    return SmsPath(
        config.hub.id,
        sms_key(password),
        modem,
        config.contact,
        pin=pin,
        pin_fault=pin_fault,
        folder=Path(config.storage.folder),
        clock=clock,
        outbox=outbox,
        health=health,
        presence=presence,
        tell_fault=tell_fault,
    )
