"""The hub's session at the broker: how it is opened, and how it is taken leave of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from edge.clock import Clock
from edge.config import Config
from gateway.contract.encoding import encode
from gateway.contract.messages import HubState
from gateway.contract.topics import Channel, topic
from gateway.mqtt_client import BrokerSettings, MqttClient, Received, Will

log = logging.getLogger(__name__)

GOODBYE_S: Final = 2.0
"""Longest wait for the broker to take "offline" when the agent is stopped."""
INFLIGHT_MAX: Final = 40


class CertificateError(Exception):
    """The file with the authority's certificate cannot be used."""


def make_client(
    config: Config,
    password: str,
    on_message: Callable[[Received], None],
    on_connection: Callable[[bool, str], None],
) -> MqttClient:
    """The connection, not yet started; the callbacks come on its network thread.

    Raises:
        CertificateError: `ca_file` cannot be read as one.
    """
    broker, hub = config.broker, config.hub.id
    settings = BrokerSettings(
        broker.host,
        broker.port,
        client_id=hub,
        username=hub,
        password=password,
        ca_file=broker.ca_file,
        tls=broker.tls,
        inflight_max=INFLIGHT_MAX,
    )
    each = [topic(hub, channel, "x")[:-1] + "+" for channel in (Channel.ALARM_ANSWER, Channel.COMMAND)]
    try:
        return MqttClient(
            settings,
            subscriptions=[topic(hub, Channel.SETTINGS), *each],
            on_message=on_message,
            on_connection=on_connection,
            will=Will(topic(hub, Channel.STATE), encode(HubState(online=False))),
        )
    except ValueError as error:
        raise CertificateError(str(error)) from error


async def say_goodbye(client: MqttClient, hub: str, clock: Clock) -> None:
    """Tells the centre that the hub goes by intention, and ends the connection."""
    taken = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_done(_done: bool) -> None:
        loop.call_soon_threadsafe(taken.set)

    now = clock.now()
    state = HubState(online=False, at=max(now.wall, 0.0), boot=now.boot)
    if client.publish(topic(hub, Channel.STATE), encode(state), retain=True, on_done=on_done):
        try:
            async with asyncio.timeout(GOODBYE_S):
                await taken.wait()
        except TimeoutError:
            log.warning("the broker did not take our good-bye")
    await asyncio.to_thread(client.stop)
