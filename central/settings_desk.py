"""Settings that the centre gives to hubs: made, checked, published retained, and compared with what is in force.

The form and the rules are those of `gateway.contract.settings`: a version that a hub refused or took back is not sent
again; a person must set something else, which is a higher version.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from central.hub_states import HubStates
from central.storage import homes, hub_settings, people
from central.storage.database import Database
from central.storage.hub_settings import Desired
from devices.rejection import Rejection
from gateway.contract.encoding import MESSAGE_BYTES_MAX, encode
from gateway.contract.messages import HubState, ProblemCode
from gateway.contract.settings import CALLED_MAX, CONTACTS_MAX, HubSettings, settings_fault
from gateway.contract.topics import Channel, topic

AGAIN_S: Final = 900.0
"""A hub that is online and does not have its settings gets them again after so long: the broker may have lost them, and
settings under trial count as in force only when the hub has kept them for ten minutes."""
_LISTS: Final = "name:+number, divided by commas"
_NOT_TAKEN: Final = frozenset({ProblemCode.SETTINGS_REFUSED.value, ProblemCode.SETTINGS_ROLLED_BACK.value})
_PLAIN_KEYS: Final = ("language", "called", "mistake_s", "centre_number", "detail_until")
_NUMBERS: Final = frozenset({"detail_until", "mistake_s", "place_code", "silence_max_s"})

log = logging.getLogger(__name__)

Publish = Callable[[str, bytes, Callable[[bool], None]], bool]
"""Publishes retained: topic, payload, and what to call when the broker has confirmed or lost it."""


class BadSettings(Exception):
    """The settings cannot be given to the hub; the message says in a sentence why."""


# making them


def body_of(before: Desired | None) -> dict[str, Any]:
    """What is set now, without its version."""
    body: dict[str, Any] = {} if before is None else msgspec.to_builtins(before.settings)
    body.pop("version", None)
    return body


def change(body: dict[str, Any], sets: Iterable[str], unsets: Iterable[str]) -> dict[str, Any]:
    """Changes written as `name=value`, names to leave out again; names as `flat` shows them.

    Raises:
        BadSettings: a name or value cannot be understood.
    """
    after: dict[str, Any] = {**body, "devices": {name: dict(one) for name, one in body.get("devices", {}).items()}}
    for given in sets:
        name, mark, value = given.partition("=")
        if not mark:
            raise BadSettings(f"{given!r}: write NAME=VALUE.")
        place, key = _place(after, name)
        place[key] = _value(key, value)
    for name in unsets:
        place, key = _place(after, name)
        place.pop(key, None)
    after["devices"] = {name: one for name, one in after["devices"].items() if one}
    return {key: value for key, value in after.items() if value != {}}


def checked(body: dict[str, Any], devices: Collection[str], version: int) -> HubSettings:
    """The settings as they are sent.

    Raises:
        BadSettings: the hub would refuse them.
    """
    try:
        made = msgspec.convert({**body, "version": version}, HubSettings)
    except msgspec.ValidationError as error:
        raise BadSettings(f"The hub would refuse this: {error}.") from None
    fault = settings_fault(made, devices)
    if isinstance(fault, Rejection):
        raise BadSettings(f"The hub would refuse this: {fault.detail}.")
    if (size := len(encode(made))) > MESSAGE_BYTES_MAX:
        raise BadSettings(f"The hub would refuse this: {size} bytes; a message has at most {MESSAGE_BYTES_MAX}.")
    return made


def from_register(connection: sa.Connection, home: homes.HomeOfHub, country: str) -> dict[str, Any]:
    """Language, name and contacts as the home's record has them; numbers without a country get `country` ("+34").

    Where more than one person lives the home speaks to none by name: nobody knows which of them is there.
    """
    numbered: dict[str, str] = {}
    for one in people.contacts_of(connection, home.home_id):
        numbered.setdefault(_international(one.phone, country), one.called[:64])
    contacts = [{"name": called, "number": number} for number, called in numbered.items() if number]
    living = people.residents_of(connection, home.home_id)
    called = living[0].called if len(living) == 1 else ""
    if len(called) > CALLED_MAX:
        called = called.split()[0][:CALLED_MAX]
    return {"language": home.language, "called": called, "contacts": contacts[:CONTACTS_MAX]}


def flat(settings: HubSettings) -> list[tuple[str, str]]:
    """Name and value of everything that is set, in order, as `change` takes them."""
    body = msgspec.to_builtins(settings)
    rows = [(key, str(body[key])) for key in _PLAIN_KEYS if body.get(key) not in (None, "")]
    if settings.contacts is not None:
        rows.append(("contacts", ",".join(f"{one.name}:{one.number}" for one in settings.contacts)))
    for device, given in sorted(body.get("devices", {}).items()):
        rows += [(f"device.{device}.{key}", str(value)) for key, value in given.items()]
    return rows


def _place(body: dict[str, Any], name: str) -> tuple[dict[str, Any], str]:
    """Where a name stands in the settings."""
    found = re.fullmatch(r"device\.([a-z0-9_-]{1,32})\.(room|place_code|silence_max_s)", name)
    if found:
        return body["devices"].setdefault(found[1], {}), found[2]
    if name not in {*_PLAIN_KEYS, "contacts"}:
        known = ", ".join(
            (*_PLAIN_KEYS, "contacts", "device.ID.room", "device.ID.place_code", "device.ID.silence_max_s")
        )
        raise BadSettings(f"There is no setting {name!r}; there are {known}.")
    return body, name


def _value(key: str, text: str) -> Any:
    if key == "contacts":
        pairs = [part.strip().rpartition(":") for part in text.split(",") if part.strip()]
        if not all(mark for _, mark, _ in pairs):
            raise BadSettings(f"contacts: write {_LISTS}.")
        return [{"name": name.strip(), "number": number.strip()} for name, _, number in pairs]
    if key not in _NUMBERS:
        return text
    try:
        return int(text) if key == "place_code" else float(text)
    except ValueError:
        raise BadSettings(f"{key}: {text!r} is not a number.") from None


def _international(phone: str, country: str) -> str:
    digits = re.sub(r"[\s().-]", "", phone)
    number = digits if digits.startswith("+") else f"{country}{digits}"
    return number if re.fullmatch(r"\+[0-9]{6,15}", number) else ""


# giving them


class SettingsDesk:
    """Publishes what hubs should go by, and notes what they do go by. `work` from one thread, `states` from any."""

    def __init__(self, database: Database, publish: Publish, states: HubStates) -> None:
        self._database = database
        self._publish = publish
        self._states = states
        self._lock = threading.Lock()
        self._confirmed: dict[str, int] = {}
        self._sent: dict[str, tuple[int, float]] = {}

    def work(self, now: float) -> float | None:
        """Notes what came, publishes what is due; None: nothing waits for a certain time.

        Raises:
            DatabaseError: the database is away; what was not done is done later.
        """
        self._note(now)
        with self._database.read() as connection:
            waiting = hub_settings.not_in_force(connection)
        for one in waiting:
            if self._is_due(one, now):
                self._send(one, now)
        return None

    def _note(self, now: float) -> None:
        changed = self._states.take_changed()
        with self._lock:
            confirmed, self._confirmed = self._confirmed, {}
        if not changed and not confirmed:
            return
        try:
            with self._database.begin() as connection:
                for hub, version in confirmed.items():
                    hub_settings.mark_published(connection, hub, version, now)
                for hub, version in changed.items():
                    hub_settings.mark_in_force(connection, hub, version)
        except BaseException:
            self._states.changed_again(changed)
            with self._lock:
                self._confirmed = confirmed | self._confirmed
            raise

    def _is_due(self, one: Desired, now: float) -> bool:
        """Whether settings go out: at once when they are new, again when a hub that is there does not have them."""
        version = one.settings.version
        with self._lock:
            sent_version, sent_at = self._sent.get(one.hub_id, (0, 0.0))
        if sent_version == version and now < sent_at + AGAIN_S:
            return False
        if version > one.published_version:
            return True
        heard = self._states.of(one.hub_id)
        if heard is None or not heard.state.online or heard.state.cfg >= version or not_taken(heard.state):
            return False
        return now >= (one.published_at or 0.0) + AGAIN_S

    def _send(self, one: Desired, now: float) -> None:
        hub, version = one.hub_id, one.settings.version

        def on_done(done: bool) -> None:
            with self._lock:
                if done:
                    self._confirmed[hub] = version
                else:
                    self._sent.pop(hub, None)

        with self._lock:
            self._sent[hub] = (version, now)
        if self._publish(topic(hub, Channel.SETTINGS), encode(one.settings), on_done):
            log.info("%s: settings version %d published", hub, version)
        else:
            on_done(False)


def not_taken(state: HubState) -> bool:
    """Whether the hub says that it refused settings or took them back."""
    return any(problem.code in _NOT_TAKEN for problem in state.problems)
