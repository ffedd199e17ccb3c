"""The least that a Python receiver can do: paho counts and acknowledges, nothing else.

`python -m benchmarks.peers.paho_subscriber PORT USER PASSWORD COUNTER`: COUNTER is a file of 8 bytes that always holds
the number of messages so far.
"""

from __future__ import annotations

import mmap
import sys
from pathlib import Path
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from gateway.contract.topics import Channel, everyone


def main() -> None:
    """Runs until it is stopped."""
    port, user, password, page = sys.argv[1:]
    with Path(page).open("r+b") as file:
        counter = mmap.mmap(file.fileno(), 8)
    seen = 0

    def count(client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        nonlocal seen
        seen += 1
        counter[:] = seen.to_bytes(8)
        client.ack(message.mid, message.qos)

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bare", clean_session=False, manual_ack=True)
    client.username_pw_set(user, password)
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.on_message = count
    client.connect("127.0.0.1", int(port))
    client.subscribe(everyone(Channel.MEASUREMENTS), qos=1)
    client.loop_forever()


if __name__ == "__main__":
    main()
