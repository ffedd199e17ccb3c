"""The centre's configuration: one TOML file, read once into frozen values by a strict parser.

An unknown key is an error; all errors are listed together. Secrets stand in files of their own, whose paths are given
here. Relative paths count from the folder of the configuration file.
"""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import msgspec

from central.access_rules import Role

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=31_536_000)]


class ConfigError(Exception):
    """The configuration cannot be used; the message lists everything that is wrong, one sentence a line."""


class DatabaseConfig(msgspec.Struct, frozen=True):
    """`url`: `sqlite:///...` or `postgresql://...`; empty means `central.sqlite3` in the data folder."""

    url: str = ""


class BrokerConfig(msgspec.Struct, frozen=True):
    """Where the MQTT broker is. Empty password files mean that the broker asks for none (never in production)."""

    host: str = "127.0.0.1"
    port: Port = 1883
    tls: bool = False
    ca_file: str = ""
    desk_password_file: str = ""
    receiver_password_file: str = ""


class TelemetryConfig(msgspec.Struct, frozen=True):
    """Which telemetry store, and how to reach it. `retention_days` applies to raw readings of the embedded store."""

    store: Literal["embedded", "influx"] = "embedded"
    url: str = "http://127.0.0.1:8086"
    database: str = "llar"
    username: str = ""
    password_file: str = ""
    token_file: str = ""
    write_api: Literal["v1", "v2"] = "v1"
    org: str = ""
    retention_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 30


class ConsoleConfig(msgspec.Struct, frozen=True):
    """Where the operators' console listens. `cookie_secure` is switched off only for plain http on one machine.

    `second_factor` names the roles whose accounts open nothing until they have a second factor. `call_back` is the
    centre's own telephone number, as it is told to the emergency services: taken over at the first start only.
    """

    host: str = "127.0.0.1"
    port: Port = 8400
    cookie_secure: bool = True
    second_factor: tuple[Role, ...] = ()
    call_back: Annotated[str, msgspec.Meta(max_length=32)] = ""


class MailConfig(msgspec.Struct, frozen=True):
    """The mail server that carers' messages go to. An empty host means that no e-mail can be sent, which is shown."""

    host: str = ""
    port: Port = 25
    sender: str = "llar@localhost"
    security: Literal["none", "starttls", "tls"] = "none"
    username: str = ""
    password_file: str = ""


class CarersConfig(msgspec.Struct, frozen=True):
    """`address` is the centre as carers reach it, "https://...": it stands in the links of messages to them. Empty:
    messages carry no link.

    Attributes:
        phone: on which carers ring the centre; it stands on their pages.
        reach_test_days: how often each contact gets a test message that asks for one tap; 0 for never by itself.
            Taken over at the first start only: from then on the page of settings holds it.
    """

    address: str = ""
    phone: Annotated[str, msgspec.Meta(max_length=32)] = ""
    reach_test_days: Annotated[int, msgspec.Meta(ge=0, le=366)] = 30


class DetectionConfig(msgspec.Struct, frozen=True):
    """Limits that hold where a home's care plan says nothing else.

    Attributes:
        inactivity_hours: hours without a sign of activity that make somebody call.
        hub_silent_shown_s, hub_silent_technical_s, hub_silent_alarm_s: a silent hub is shown, becomes a technician's
            task, makes somebody ring the person.
        sensor_grace_s: added to a sensor's own silence limit.
        restart_grace_s: after a start of the centre, silence is not judged for this long (alarms always are).
    """

    inactivity_hours: Annotated[float, msgspec.Meta(gt=0, le=168)] = 10.0
    hub_silent_shown_s: Seconds = 180.0
    hub_silent_technical_s: Seconds = 1_800.0
    hub_silent_alarm_s: Seconds = 7_200.0
    sensor_grace_s: Seconds = 600.0
    restart_grace_s: Seconds = 180.0


class SecretsConfig(msgspec.Struct, frozen=True):
    """`key_file` holds 64 hex digits (`openssl rand -hex 32`) that seal hubs' passwords and devices' keys in the
    database. Empty: they lie there as they are, guarded by the database's own permissions."""

    key_file: str = ""


class SmsConfig(msgspec.Struct, frozen=True):
    """`token_file` holds the word by which the SMS gateway proves itself at `POST /sms/in`; empty: no SMS is taken."""

    token_file: str = ""


class PushConfig(msgspec.Struct, frozen=True):
    """Notifications of browsers. An empty `contact` means that none are sent.

    Attributes:
        contact: where makers of browsers reach whoever runs this centre, "mailto:..." or "https://...".
        services: hosts that subscriptions may point to, with their subdomains, so that nobody makes the centre call
            other addresses. One that begins with "http://" is that very address: for trials on one machine.
    """

    contact: str = ""
    services: tuple[str, ...] = (
        "fcm.googleapis.com",
        "push.services.mozilla.com",
        "notify.windows.com",
        "push.apple.com",
    )


class PhoneConfig(msgspec.Struct, frozen=True):
    """The gateway for SMS and calls to carers (`docs/wire/phone-gateway.md`). An empty `url` means that there is none.

    Attributes:
        url: of the gateway, "https://...".
        token_file: the word by which the centre proves itself there.
        report_key_file: what the gateway signs its reports with. Without it nothing comes back, so none is sent.
        country_code: put before numbers that are written without one.
        centre_number: where somebody is connected to whose home has no number on file; "" for nowhere.
    """

    url: str = ""
    token_file: str = ""
    report_key_file: str = ""
    country_code: Annotated[str, msgspec.Meta(pattern=r"^\+[1-9][0-9]{0,2}$")] = "+34"
    centre_number: str = ""


class AppriseConfig(msgspec.Struct, frozen=True):
    """Telegram, ntfy and the like. No `schemes` means that none are used.

    Attributes:
        schemes: kinds of addresses that contacts may have.
        servers: those to which addresses with a server of their own may point; nobody makes the centre call others.
    """

    schemes: tuple[Literal["tgram", "pover", "ntfy", "ntfys", "gotify", "gotifys", "matrixs"], ...] = ()
    servers: tuple[str, ...] = ("ntfy.sh",)


class ClaimsConfig(msgspec.Struct, frozen=True):
    """What new hubs are told. An empty `broker_host` means that the centre gives no hubs out.

    Attributes:
        address: of the centre as hubs reach it, "https://...", for the QR code.
        broker_host, broker_port, broker_tls: where hubs find the broker.
        broker_ca_file: PEM of the authority that signed the broker's certificate, when no system knows it.
        broker_folder: where `broker-config` wrote the broker's files, to put new hubs into them.
    """

    address: str = ""
    broker_host: str = ""
    broker_port: Port = 8883
    broker_tls: bool = True
    broker_ca_file: str = ""
    broker_folder: str = ""


class WebhooksConfig(msgspec.Struct, frozen=True):
    """`networks`, such as "10.1.0.0/16", are those besides the public Internet to which webhooks may point, and the
    only ones that are served without TLS. None by default: nobody makes the centre call its own neighbours."""

    networks: tuple[str, ...] = ()


class PaperConfig(msgspec.Struct, frozen=True):
    """The list by which people help while the centre is down. An empty `list_folder` means that none is written.

    Attributes:
        list_folder: where it is written every night: better on another disk, or one that other machines see.
        language: of its headings.
    """

    list_folder: str = ""
    language: Literal["ca", "es", "en"] = "ca"


class CentralConfig(msgspec.Struct, frozen=True):
    """All of it. `data_folder` holds what the centre writes: databases, spool."""

    data_folder: Path
    database: DatabaseConfig = DatabaseConfig()
    broker: BrokerConfig = BrokerConfig()
    telemetry: TelemetryConfig = TelemetryConfig()
    console: ConsoleConfig = ConsoleConfig()
    mail: MailConfig = MailConfig()
    carers: CarersConfig = CarersConfig()
    detection: DetectionConfig = DetectionConfig()
    secrets: SecretsConfig = SecretsConfig()
    sms: SmsConfig = SmsConfig()
    claims: ClaimsConfig = ClaimsConfig()
    push: PushConfig = PushConfig()
    phone: PhoneConfig = PhoneConfig()
    apprise: AppriseConfig = AppriseConfig()
    webhooks: WebhooksConfig = WebhooksConfig()
    paper: PaperConfig = PaperConfig()


Section = TypeVar("Section", bound=msgspec.Struct)

_SECTIONS: Final[dict[str, type[msgspec.Struct]]] = {
    "database": DatabaseConfig,
    "broker": BrokerConfig,
    "telemetry": TelemetryConfig,
    "console": ConsoleConfig,
    "mail": MailConfig,
    "carers": CarersConfig,
    "detection": DetectionConfig,
    "secrets": SecretsConfig,
    "sms": SmsConfig,
    "claims": ClaimsConfig,
    "push": PushConfig,
    "phone": PhoneConfig,
    "apprise": AppriseConfig,
    "webhooks": WebhooksConfig,
    "paper": PaperConfig,
}


def load(path: Path) -> CentralConfig:
    """Reads the file.

    Raises:
        ConfigError: the file is missing, is not TOML, or holds anything unknown or wrong; all of it is listed.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"Cannot read the configuration {path}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from None
    config, errors = parse(document, path.resolve().parent)
    if config is None:
        raise ConfigError("\n".join(f"{path}: {error}" for error in errors))
    return config


def parse(document: dict[str, object], folder: Path) -> tuple[CentralConfig | None, list[str]]:
    """A TOML document to a configuration, or None and every error found; `folder` is where relative paths begin."""
    errors = [f"unknown key {key!r}" for key in document if key != "data_folder" and key not in _SECTIONS]
    data_folder = document.get("data_folder")
    if not isinstance(data_folder, str) or not data_folder:
        errors.append("data_folder is missing: name the folder that the centre may write to")
        data_folder = "."
    sections = {name: _section(name, kind, document.get(name, {}), folder, errors) for name, kind in _SECTIONS.items()}
    home = (folder / data_folder).resolve()
    config = msgspec.structs.replace(CentralConfig(home), **sections)
    if not config.database.url:
        database = DatabaseConfig(f"sqlite:///{home / 'central.sqlite3'}")
        config = msgspec.structs.replace(config, database=database)
    elif not config.database.url.startswith(("sqlite:///", "postgresql://")):
        errors.append("database.url must begin with sqlite:/// or postgresql://")
    errors += _channel_faults(config)
    errors += [f"webhooks.networks: {text} is no network" for text in config.webhooks.networks if not _network(text)]
    return (None if errors else config), errors


def _channel_faults(config: CentralConfig) -> list[str]:
    """What the sections of channels to carers say that cannot be meant."""
    push, phone, faults = config.push, config.phone, []
    if push.contact and not push.contact.startswith(("mailto:", "https://")):
        faults.append("push.contact must begin with mailto: or https://")
    if phone.url and not phone.url.startswith(("https://", "http://")):
        faults.append("phone.url must begin with https:// (http:// only within one machine)")
    if phone.url and not (phone.token_file and phone.report_key_file):
        faults.append("phone.url needs phone.token_file and phone.report_key_file")
    return faults


def _network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _section(name: str, kind: type[Section], given: object, folder: Path, errors: list[str]) -> Section:
    if not isinstance(given, dict):
        errors.append(f"{name} must be a table: [{name}]")
        return kind()
    values: dict[str, object] = {}
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for key, value in given.items():
        if key not in fields:
            errors.append(f"unknown key {name}.{key}")
            continue
        try:
            values[key] = msgspec.convert(value, fields[key].type)
        except msgspec.ValidationError as error:
            errors.append(f"{name}.{key}: {error}")
            continue
        if key.endswith(("_file", "_folder")) and value:
            values[key] = str((folder / str(value)).resolve())
    return kind(**values)


def read_secret(path: str) -> str:
    """The secret in a file, without its line end; "" for an empty path.

    Raises:
        ConfigError: the file cannot be read, or is empty.
    """
    if not path:
        return ""
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"Cannot read the secret file {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"The secret file {path} is not text.") from None
    if not secret:
        raise ConfigError(f"The secret file {path} is empty.")
    return secret
