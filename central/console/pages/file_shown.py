"""What the configuration file decides, in words, to be read on the page of settings. Nothing of it is a secret."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlsplit

from central.config import CentralConfig
from central.console.pages.account_words import ROLES
from central.texts import LANGUAGES, Words, later

_NOT_SET_UP: Final = later("not set up")


class Shown(NamedTuple):
    """One line: the key as it stands in the file, what it is, and its value in words."""

    key: str
    name: str
    value: str


class Part(NamedTuple):
    """Lines that belong together."""

    name: str
    lines: list[Shown]


def shown(config: CentralConfig, words: Words) -> list[Part]:
    """All that decides how the service works, in the reader's language."""
    parts = (
        (later("What counts as too long"), _detection(config)),
        (later("How the centre is reached"), _ways(config, words)),
        (later("The machine"), _machine(config, words)),
    )
    return [Part(words.gettext(name), [_shown(line, words) for line in lines]) for name, lines in parts]


_Line = tuple[str, str, str]


def _shown(line: _Line, words: Words) -> Shown:
    key, name, value = line
    return Shown(key, words.gettext(name), words.gettext(value) if value else "–")


def _detection(config: CentralConfig) -> list[_Line]:
    limits = config.detection
    return [
        ("detection.inactivity_hours", later("Hours without a sign of life"), f"{limits.inactivity_hours:g} h"),
        ("detection.hub_silent_shown_s", later("A silent unit is shown after"), f"{limits.hub_silent_shown_s:g} s"),
        (
            "detection.hub_silent_technical_s",
            later("A silent unit is a technician's task after"),
            f"{limits.hub_silent_technical_s:g} s",
        ),
        (
            "detection.hub_silent_alarm_s",
            later("A silent unit makes somebody ring after"),
            f"{limits.hub_silent_alarm_s:g} s",
        ),
        ("detection.sensor_grace_s", later("Sensors may be late by"), f"{limits.sensor_grace_s:g} s"),
        (
            "detection.restart_grace_s",
            later("After a start silence is not judged for"),
            f"{limits.restart_grace_s:g} s",
        ),
    ]


def _ways(config: CentralConfig, words: Words) -> list[_Line]:
    phone = config.phone
    return [
        ("carers.address", later("Address in messages to contacts"), config.carers.address or _NOT_SET_UP),
        ("carers.phone", later("Number on which contacts ring the centre"), config.carers.phone or _NOT_SET_UP),
        ("phone.url", later("Gateway for SMS and calls"), urlsplit(phone.url).hostname or _NOT_SET_UP),
        ("phone.country_code", later("Country code of numbers without one"), phone.country_code),
        (
            "phone.centre_number",
            later("Where a contact is connected to whose home has no number"),
            phone.centre_number or _NOT_SET_UP,
        ),
        ("mail.host", later("Mail server"), config.mail.host or _NOT_SET_UP),
        ("mail.sender", later("Sender of e-mails"), config.mail.sender),
        ("push.contact", later("Notifications of browsers"), config.push.contact or _NOT_SET_UP),
        ("apprise.schemes", later("Telegram and the like"), ", ".join(config.apprise.schemes) or _NOT_SET_UP),
        ("sms.token_file", later("Alarms by SMS"), _is_set_up(bool(config.sms.token_file))),
        ("claims.broker_host", later("New units are sent to"), config.claims.broker_host or _NOT_SET_UP),
        (
            "webhooks.networks",
            later("Networks of ours that webhooks may point to"),
            ", ".join(config.webhooks.networks) or words.gettext(later("none")),
        ),
    ]


def _machine(config: CentralConfig, words: Words) -> list[_Line]:
    console, paper = config.console, config.paper
    roles = ", ".join(words.gettext(ROLES[role]) for role in console.second_factor)
    database = "PostgreSQL" if config.database.url.startswith("postgresql") else "SQLite"
    return [
        ("console.host", later("The console listens on"), f"{console.host}:{console.port}"),
        (
            "console.second_factor",
            later("Roles that need a second factor"),
            roles or words.gettext(later("none")),
        ),
        ("console.cookie_secure", later("Log-ins only over https"), _yes(console.cookie_secure)),
        ("database.url", later("Database"), database),
        ("telemetry.store", later("Store of measurements"), config.telemetry.store),
        ("secrets.key_file", later("Secrets are sealed with a key"), _yes(bool(config.secrets.key_file))),
        ("paper.list_folder", later("The list on paper is written to"), paper.list_folder or _NOT_SET_UP),
        ("paper.language", later("Language of the list on paper"), LANGUAGES[paper.language]),
    ]


def _yes(is_so: bool) -> str:
    return later("yes") if is_so else later("no")


def _is_set_up(is_so: bool) -> str:
    return later("set up") if is_so else _NOT_SET_UP
