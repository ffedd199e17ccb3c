"""BlueZ, the system's Bluetooth service, beyond scanning: resetting an adapter, watching it, and who may pair.

A hub has nobody who could press "yes" on a screen, and BlueZ pairs with nobody when no agent answers its questions. The
agent here says yes for the home's own devices and no to all others. Speaks D-Bus as described in BlueZ's
org.bluez.Adapter, org.bluez.AgentManager and org.bluez.Agent. Imported only where an adapter of the system is
configured, since it loads a D-Bus library.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

from dbus_fast import BusType, DBusError, DBusFastError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusObjectPath, DBusSignature, DBusStr, DBusUInt16, DBusUInt32
from dbus_fast.auth import UID_NOT_SPECIFIED, AuthExternal
from dbus_fast.service import ServiceInterface, dbus_method

log = logging.getLogger(__name__)

ANSWERS_S: Final = 10.0
"""A bus or service that takes longer is stuck; the kernel itself gives a mute controller 2 s for each command."""
OFF_S: Final = 1.0
"""How long an adapter that is reset stays without power."""
LOOK_EVERY_S: Final = 3.0
"""How often BlueZ is looked at: after a restart of it nobody hears a press and nobody can pair for so long."""
IDLE_LOOKS_MAX: Final = 4
"""An adapter that does not scan at so many looks has lost the scan; to connect or pair it pauses for some seconds."""

_SERVICE: Final = "org.bluez"
_ROOT: Final = "/org/bluez"
_ADAPTER: Final = "org.bluez.Adapter1"
_AGENT_MANAGER: Final = "org.bluez.AgentManager1"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_AGENT_PATH: Final = "/llar/pairing"
_NO_INPUT_NO_OUTPUT: Final = "NoInputNoOutput"
_REJECTED: Final = "org.bluez.Error.Rejected"
_SWITCHING: Final = frozenset({"org.bluez.Error.Busy", "org.bluez.Error.InProgress"})
_NOT_RUNNING: Final = frozenset(
    {"org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner"}
)
_NOT_THERE: Final = frozenset({"org.freedesktop.DBus.Error.UnknownObject", "org.freedesktop.DBus.Error.UnknownMethod"})

_Nothing = Annotated[None, DBusSignature("")]
"""What a method without a result returns: dbus-fast cannot read a plain `None` from a deferred annotation."""


class AdapterError(Exception):
    """The adapter or BlueZ does not do what it is told; a sentence for a technician.

    `name` is the D-Bus error's, where there is one.
    """

    def __init__(self, sentence: str, name: str = "") -> None:
        super().__init__(sentence)
        self.name = name


async def reset_adapter(adapter: str) -> None:
    """Switches an adapter of the system ("hci0") off and on again. Scans and connections on it end.

    Takes a second or two, and at most some `ANSWERS_S` with a controller that does not answer.

    Raises:
        AdapterError: it is not there, or does not come back.
    """
    async with _system_bus() as bus:
        try:
            await _set(bus, adapter, "Powered", on=False)
        except AdapterError as error:
            if error.name in _NOT_RUNNING | _NOT_THERE:
                raise
            # a controller that no longer answers may still do so after it is switched on anew
            log.warning("%s could not be switched off: %s", adapter, error)
        await asyncio.sleep(OFF_S)
        await _set(bus, adapter, "Powered", on=True)
    log.info("%s was switched off and on again", adapter)


class AdapterWatch:
    """Keeps the adapter on and unseen by strangers, decides who pairs with the hub, and tells when the scan was lost.

    A scan does not survive a restart of BlueZ or a dongle that is pulled out, and nothing tells the one who scans.

    Args:
        adapter: BlueZ's name of the adapter, such as "hci0".
        addresses: Bluetooth addresses of the home's devices that are connected to; nobody else may pair. When there are
            none, the adapter pairs with nobody at all.
        on_scan_lost: called when the adapter no longer scans, or can no longer be doing so.
        on_refused: called with the address of each device that is refused.
        on_fault: takes what is wrong with the adapter or with BlueZ, "" when all is well.
        on_progress: called every few seconds.
    """

    def __init__(
        self,
        adapter: str,
        addresses: Collection[str],
        *,
        on_scan_lost: Callable[[], object],
        on_refused: Callable[[str], object],
        on_fault: Callable[[str], object],
        on_progress: Callable[[], None],
    ) -> None:
        self._adapter = adapter
        self._addresses = frozenset(address.upper() for address in addresses)
        self._on_scan_lost = on_scan_lost
        self._on_refused = on_refused
        self._on_fault = on_fault
        self._on_progress = on_progress
        self._last_refused = ""
        self._registrations = 0
        self._idle_looks = 0
        self._stale = False
        """Whether BlueZ or the adapter was away since the last scan began."""

    async def run(self) -> None:
        """Works until cancelled; comes back by itself when BlueZ or the bus does."""
        while True:
            self._on_progress()
            try:
                async with _system_bus() as bus:
                    bus.export(_AGENT_PATH, _Agent1(self._may_pair))
                    await self._look_after(bus)
            except AdapterError as error:
                self._on_fault(str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look_after(self, bus: MessageBus) -> None:
        """Raises AdapterError when BlueZ or the bus is gone."""
        registered_with = ""
        while True:
            self._on_progress()
            owner = await _owner(bus)
            if owner != registered_with:
                await self._register(bus)
                self._stale = self._registrations > 1
            try:
                if self._stale:
                    # the kernel may still scan for the BlueZ that is gone, and would refuse a new scan for ten seconds
                    await _set(bus, self._adapter, "Powered", on=False)
                await self._settle(bus)
            except AdapterError as error:
                self._stale = True
                self._on_fault(str(error))
            else:
                self._on_fault("")
                if self._stale:
                    log.warning("%s was away and is back", self._adapter)
                    self._lose_scan()
            registered_with = owner
            await asyncio.sleep(LOOK_EVERY_S)

    async def _register(self, bus: MessageBus) -> None:
        await _call(bus, _ROOT, _AGENT_MANAGER, "RegisterAgent", "os", [_AGENT_PATH, _NO_INPUT_NO_OUTPUT])
        await _call(bus, _ROOT, _AGENT_MANAGER, "RequestDefaultAgent", "o", [_AGENT_PATH])
        self._registrations += 1
        log.info("pairing on %s is open to %d devices of this home", self._adapter, len(self._addresses))

    async def _settle(self, bus: MessageBus) -> None:
        reply = await _call(bus, _path(self._adapter), _PROPERTIES, "GetAll", "s", [_ADAPTER])
        now = {name: variant.value for name, variant in reply[0].items()}
        # without "Pairable" BlueZ would pair with a device of ours but forget its key
        wanted = {"Powered": True, "Discoverable": False, "Pairable": bool(self._addresses)}
        for switch, on in wanted.items():
            if now.get(switch) == on:
                continue
            try:
                await _set(bus, self._adapter, switch, on=on)
            except AdapterError as error:
                if error.name not in _SWITCHING:
                    raise
        self._idle_looks = 0 if now.get("Discovering") or self._stale else self._idle_looks + 1
        if self._idle_looks >= IDLE_LOOKS_MAX:
            log.warning("%s does not scan", self._adapter)
            self._lose_scan()

    def _lose_scan(self) -> None:
        self._idle_looks = 0
        self._stale = False
        self._on_scan_lost()

    def _may_pair(self, path: str) -> bool:
        address = path[-17:].replace("_", ":").upper()
        if address in self._addresses:
            log.info("%s asks to pair: it is of this home", address)
            return True
        # said once for each: a stranger may ask again and again
        level = logging.DEBUG if address == self._last_refused else logging.WARNING
        log.log(level, "%s asked to pair and was refused: it is not enrolled", address)
        self._last_refused = address
        self._on_refused(address)
        return False


class _Agent1(ServiceInterface):
    """What BlueZ asks when a device wants to pair. Questions that need a keyboard or a screen are refused."""

    def __init__(self, may_pair: Callable[[str], bool]) -> None:
        super().__init__("org.bluez.Agent1")
        self._may_pair = may_pair

    @dbus_method("RequestConfirmation")
    def request_confirmation(self, device: DBusObjectPath, passkey: DBusUInt32) -> _Nothing:
        self._check(device)

    @dbus_method("RequestAuthorization")
    def request_authorization(self, device: DBusObjectPath) -> _Nothing:
        self._check(device)

    @dbus_method("AuthorizeService")
    def authorize_service(self, device: DBusObjectPath, uuid: DBusStr) -> _Nothing:
        self._check(device)

    @dbus_method("RequestPinCode")
    def request_pin_code(self, device: DBusObjectPath) -> DBusStr:
        raise DBusError(_REJECTED, "nobody is here to type a code")

    @dbus_method("RequestPasskey")
    def request_passkey(self, device: DBusObjectPath) -> DBusUInt32:
        raise DBusError(_REJECTED, "nobody is here to type a code")

    @dbus_method("DisplayPinCode")
    def display_pin_code(self, device: DBusObjectPath, code: DBusStr) -> _Nothing:
        raise DBusError(_REJECTED, "nobody is here to read a code")

    @dbus_method("DisplayPasskey")
    def display_passkey(self, device: DBusObjectPath, passkey: DBusUInt32, entered: DBusUInt16) -> _Nothing:
        raise DBusError(_REJECTED, "nobody is here to read a code")

    @dbus_method("Cancel")
    def cancel(self) -> _Nothing:
        """BlueZ no longer waits for an answer."""

    @dbus_method("Release")
    def release(self) -> _Nothing:
        """BlueZ ends; `AdapterWatch` registers anew when it is back."""

    def _check(self, device: str) -> None:
        if not self._may_pair(device):
            raise DBusError(_REJECTED, "this device is not enrolled here")


# D-Bus


@asynccontextmanager
async def _system_bus() -> AsyncIterator[MessageBus]:
    """A connection to the system's bus; bleak's own variable says as whom, for a bus behind a TCP port."""
    try:
        uid = int(os.environ.get("BLEAK_DBUS_AUTH_UID", UID_NOT_SPECIFIED))
        bus = MessageBus(bus_type=BusType.SYSTEM, auth=AuthExternal(uid))
        async with asyncio.timeout(ANSWERS_S):
            await bus.connect()
    except (OSError, EOFError, ValueError, DBusFastError) as error:
        raise AdapterError(f"the system's message bus cannot be reached: {error or type(error).__name__}") from error
    try:
        yield bus
    finally:
        bus.disconnect()


def _path(adapter: str) -> str:
    return f"{_ROOT}/{adapter}"


async def _owner(bus: MessageBus) -> str:
    reply = await _call(
        bus,
        "/org/freedesktop/DBus",
        "org.freedesktop.DBus",
        "GetNameOwner",
        "s",
        [_SERVICE],
        destination="org.freedesktop.DBus",
    )
    return str(reply[0])


async def _set(bus: MessageBus, adapter: str, switch: str, *, on: bool) -> None:
    value = [_ADAPTER, switch, Variant("b", on)]
    doing = f"cannot switch '{switch}' {'on' if on else 'off'}"
    await _call(bus, _path(adapter), _PROPERTIES, "Set", "ssv", value, doing=doing)


async def _call(
    bus: MessageBus,
    path: str,
    interface: str,
    member: str,
    signature: str,
    body: list[Any],
    *,
    destination: str = _SERVICE,
    doing: str = "",
) -> list[Any]:
    """Calls a method and gives the body of the answer. `doing` names the call in the sentence of an error."""
    what = path.removeprefix(f"{_ROOT}/")
    try:
        message = Message(
            destination=destination, path=path, interface=interface, member=member, signature=signature, body=body
        )
        async with asyncio.timeout(ANSWERS_S):
            reply = await bus.call(message)
    except TimeoutError:
        raise AdapterError(f"{what} does not answer") from None
    except (OSError, EOFError, ValueError, DBusFastError) as error:
        raise AdapterError(f"the connection to BlueZ broke: {error or type(error).__name__}") from error
    if reply.message_type is not MessageType.ERROR:
        return list(reply.body)
    name = reply.error_name or ""
    if name in _NOT_RUNNING:
        raise AdapterError("the system's Bluetooth service is not running", name)
    if name in _NOT_THERE:
        raise AdapterError(f"there is no Bluetooth adapter {what}", name)
    raise AdapterError(f"{what}: {doing or member}: {reply.body[0] if reply.body else name}", name)
