"""The desk as it is, but killed, as by a power cut, when an alarm reaches a step: `dying_desk.py STEP CONFIG`."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from central import wiring
from central.alarm_lane import AlarmLane
from central.case_desk import CaseDesk
from central.config import load
from central.storage import cases
from gateway.mqtt_client import MqttClient

ON_THE_WIRE_S = 0.3
"""What was handed to the network thread has left by then; the kill comes after it on purpose."""


def die(*_args: Any, **_kwargs: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def then_die(original: Callable[..., Any], pause_s: float = 0.0) -> Callable[..., Any]:
    def step(*args: Any, **kwargs: Any) -> Any:
        original(*args, **kwargs)
        time.sleep(pause_s)
        return die()

    return step


STEPS: dict[str, Callable[[], None]] = {
    "received": lambda: setattr(CaseDesk, "receive_alarm", die),
    "decided": lambda: setattr(cases, "add", then_die(cases.add)),
    "committed": lambda: setattr(AlarmLane, "_send", die),
    "receipt_sent": lambda: setattr(AlarmLane, "_send", then_die(AlarmLane._send, ON_THE_WIRE_S)),
    "acknowledged": lambda: setattr(MqttClient, "acknowledge", then_die(MqttClient.acknowledge, ON_THE_WIRE_S)),
}

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    STEPS[sys.argv[1]]()
    wiring.run_desk(load(Path(sys.argv[2])))
