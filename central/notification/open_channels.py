"""The channels that this centre has, by name, in the order in which a contact without wishes of their own is tried."""

from __future__ import annotations

from central.config import CentralConfig
from central.notification.channel import Channel
from central.notification.channels.email import EmailChannel


def open_channels(config: CentralConfig) -> dict[str, Channel]:
    """Every channel that is configured. E-mail is always there: without a mail server it says so at each attempt.

    Raises:
        ConfigError: a secret cannot be read.
    """
    channels: list[Channel] = [EmailChannel(config.mail)]
    return {channel.name: channel for channel in channels}
