"""What can be done on the stage: everything a visitor of the demo may press."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.contract.alarm_kinds import AlarmKind
from simulators.demo import city
from simulators.demo.stage import Stage
from simulators.smtp_sink import Fault

_SMOKE_S: Final = 20.0

Action = Callable[[Stage], Awaitable[None]]


async def _press(stage: Stage) -> None:
    await stage.flat.press()


async def _press_serial(stage: Stage) -> None:
    await stage.flat.press_wired()


async def _fall(stage: Stage) -> None:
    await stage.flat.fall()


async def _say_fine(stage: Stage) -> None:
    with contextlib.suppress(OSError, TimeoutError):
        await stage.screen.answer("fine")


async def _smoke(stage: Stage) -> None:
    await stage.flat.smoke()
    stage.begin(_clear_smoke(stage))


async def _clear_smoke(stage: Stage) -> None:
    await asyncio.sleep(_SMOKE_S)
    await stage.flat.clear_smoke()


async def _pressure(stage: Stage) -> None:
    systolic, diastolic, pulse = await stage.flat.measure_pressure()
    stage.note("flat", "pressure", systolic=systolic, diastolic=diastolic, pulse=pulse)


async def _oxygen(stage: Stage) -> None:
    stage.begin(_read_oxygen(stage))


async def _read_oxygen(stage: Stage) -> None:
    measured = await stage.flat.measure_oxygen()
    if measured is None:
        stage.note("flat", "oxygen_not_read")
    else:
        stage.note("flat", "oxygen", saturation=measured[0], pulse=measured[1])


async def _walk(stage: Stage) -> None:
    stage.begin(stage.flat.walk())


async def _street_press(stage: Stage) -> None:
    hubs = [hub for hub in stage.street.hubs.values() if hub.online]
    if hubs:
        hub = hubs[int(time.time()) % len(hubs)]
        hub.alarm(AlarmKind.HELP, device="pendant", place="sala")
        stage.note(hub.id, "street_pressed", hub=hub.id)


async def _silence(stage: Stage) -> None:
    since_at = stage.install_quiet()
    if since_at is not None:
        stage.note(city.QUIET, "quiet_since", hours=round((time.time() - since_at) / 3600))


async def _line_cut(stage: Stage) -> None:
    await stage.line.cut()


async def _line_freeze(stage: Stage) -> None:
    stage.line.freeze()


async def _line_restore(stage: Stage) -> None:
    await stage.line.restore()


async def _hub_off(stage: Stage) -> None:
    stage.hub_has_power = False
    stage.hub.kill()


async def _hub_on(stage: Stage) -> None:
    stage.hub_has_power = True
    stage.hub.start()


async def _radio_off(stage: Stage) -> None:
    await stage.flat.radio.die()


async def _radio_on(stage: Stage) -> None:
    await stage.flat.radio.start()


async def _credit_gone(stage: Stage) -> None:
    stage.phones.credit(is_left=False)


async def _credit_back(stage: Stage) -> None:
    stage.phones.credit(is_left=True)


async def _modem_mute(stage: Stage) -> None:
    stage.phones.modem.mute = True


async def _sim_out(stage: Stage) -> None:
    stage.phones.sim(is_in=False)


async def _sim_in(stage: Stage) -> None:
    stage.phones.sim(is_in=True)


async def _gateway_off(stage: Stage) -> None:
    stage.phones.gateway_up = False


async def _gateway_on(stage: Stage) -> None:
    stage.phones.gateway_up = True


async def _wire_off(stage: Stage) -> None:
    stage.flat.wire.unplug()


async def _wire_on(stage: Stage) -> None:
    stage.flat.wire.plug_in()


async def _desk_kill(stage: Stage) -> None:
    stage.centre.kill_child("desk")


async def _receiver_kill(stage: Stage) -> None:
    stage.centre.kill_child("receiver")


async def _broker_off(stage: Stage) -> None:
    if stage.broker is not None:
        stage.broker.kill()
        stage.broker_up = False


async def _broker_on(stage: Stage) -> None:
    if stage.broker is not None and not stage.broker_up:
        stage.broker.restart()
        stage.broker_up = True


async def _mail_refuse(stage: Stage) -> None:
    stage.mail.fault = Fault.REFUSE_FOR_NOW


async def _mail_take(stage: Stage) -> None:
    stage.mail.fault = Fault.NONE


ACTIONS: Final[dict[str, Action]] = {
    "press": _press,
    "press_serial": _press_serial,
    "fall": _fall,
    "say_fine": _say_fine,
    "smoke": _smoke,
    "pressure": _pressure,
    "oxygen": _oxygen,
    "walk": _walk,
    "street_press": _street_press,
    "silence": _silence,
    "line_cut": _line_cut,
    "line_freeze": _line_freeze,
    "line_restore": _line_restore,
    "hub_off": _hub_off,
    "hub_on": _hub_on,
    "radio_off": _radio_off,
    "radio_on": _radio_on,
    "credit_gone": _credit_gone,
    "credit_back": _credit_back,
    "modem_mute": _modem_mute,
    "sim_out": _sim_out,
    "sim_in": _sim_in,
    "gateway_off": _gateway_off,
    "gateway_on": _gateway_on,
    "wire_off": _wire_off,
    "wire_on": _wire_on,
    "desk_kill": _desk_kill,
    "receiver_kill": _receiver_kill,
    "broker_off": _broker_off,
    "broker_on": _broker_on,
    "mail_refuse": _mail_refuse,
    "mail_take": _mail_take,
}


async def do(stage: Stage, action: str) -> bool:
    """Does one of `ACTIONS` and writes it down; false when there is none of that name."""
    work = ACTIONS.get(action)
    if work is None:
        return False
    stage.note("you", f"did_{action}")
    await work(stage)
    return True
