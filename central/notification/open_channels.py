"""The channels that this centre has, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from central.config import CentralConfig
from central.notification.channel import Channel
from central.notification.channels.by_apprise import AppriseChannel
from central.notification.channels.email import EmailChannel
from central.notification.channels.sms import SmsChannel
from central.notification.channels.voice import VoiceChannel
from central.notification.channels.webpush import VapidKey, WebPushChannel
from central.notification.phone_gateway import PhoneGateway

ALL: Final = ("push", "sms", "voice", "apprise", "email")
"""Every channel there can be, for pages that show which are not set up."""


def open_channels(
    config: CentralConfig, push_key: VapidKey | None = None, forget_push: Callable[[str], None] = lambda _endpoint: None
) -> dict[str, Channel]:
    """Every channel that is configured. Whoever can only be reached by others counts as unreachable.

    Args:
        push_key: of the centre; without it there is no Web Push.
        forget_push: is told the endpoint of a browser that takes no notifications any more.

    Raises:
        ConfigError: a secret cannot be read.
    """
    channels: list[Channel] = []
    if push_key is not None:
        channels.append(WebPushChannel(config.push, push_key, forget_push))
    if config.phone.url:
        gateway = PhoneGateway(config.phone)
        channels += [SmsChannel(gateway), VoiceChannel(gateway)]
    if config.apprise.schemes:
        channels.append(AppriseChannel(config.apprise))
    if config.mail.host:
        channels.append(EmailChannel(config.mail))
    return {channel.name: channel for channel in channels}
