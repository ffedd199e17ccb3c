"""The simulated phone network: how far an SMS has come is told truly, also when the gateway is down for a while."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from simulators.phone_network import PhoneNetwork, SmsProgress

HUB, CENTRE, MONTSE = "+000300001", "+000900112", "+000200021"
DEADLINE_S = 20


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not happened():
            await asyncio.sleep(0.02)


class Centre(BaseHTTPRequestHandler):
    """Answers each SMS."""

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"reply": f"got {told['text']}"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Says nothing."""


@pytest.fixture
def webhook() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Centre) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/sms/in"
        server.shutdown()
        thread.join()


async def test_what_waits_for_a_gateway_that_is_down_arrives_when_it_is_up(webhook: str) -> None:
    network, heard = PhoneNetwork(), list[tuple[str, str]]()
    network.add_gateway(CENTRE, webhook, "word")
    network.connect(HUB, lambda sender, text: heard.append((sender, text)))
    network.shut.add(CENTRE)
    network.carry(HUB, CENTRE, "help")
    network.carry(HUB, MONTSE, "Maria asks for help")
    alarm, to_montse = network.carried
    assert alarm.progress is SmsProgress.TAKEN
    await until(lambda: to_montse.progress is SmsProgress.DELIVERED)
    assert alarm.progress is SmsProgress.TAKEN, "nobody has it"
    network.shut.clear()
    await until(lambda: heard == [(CENTRE, "got help")])
    assert alarm.progress is SmsProgress.ANSWERED
    await network.close()
