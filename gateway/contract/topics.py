"""Topics between a home and the centre: building and reading them.

A hub owns one branch, `care/v1/{shard}/{hub}`; the broker's access list keeps it there. What central processes
tell each other travels under `care-in/v1`, which no hub may read or write.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple
from zlib import crc32

ROOT: Final = "care/v1"
INTERNAL_ROOT: Final = "care-in/v1"
SHARDS: Final = 64
"""Homes are divided over this many shards, so that central processes can share them out."""

CENTRAL_USERS: Final = ("desk", "receiver")
"""What the centre's processes are called at the broker; a hub of such a name would get their rights there."""

_HUB = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z")
_SHARD = re.compile(r"[0-9a-f]{2}\Z")
_TAIL = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


class Channel(StrEnum):
    """The part of a topic under a hub's branch that says what the message is."""

    MEASUREMENTS = "up/meas"
    ALARM = "up/alarm"
    STATE = "up/state"
    HEARTBEAT = "up/hb"
    COMMAND_OUTCOME = "up/cmd"
    ALARM_ANSWER = "dn/alarm"
    COMMAND = "dn/cmd"
    SETTINGS = "dn/cfg"


_WITH_TAIL: Final = frozenset({Channel.COMMAND_OUTCOME, Channel.ALARM_ANSWER, Channel.COMMAND})
_CHANNELS: Final = {channel.value: channel for channel in Channel}


class Address(NamedTuple):
    """A topic, taken apart. `tail` is the reference or command id where the channel has one, else ""."""

    shard: str
    hub: str
    channel: Channel
    tail: str = ""


def shard_of(hub: str) -> str:
    """The shard told to a hub at enrolment: two hex digits from the CRC-32 of its id."""
    return f"{crc32(hub.encode()) % SHARDS:02x}"


def valid_hub_id(text: str) -> bool:
    """Whether `text` may name a hub: lower-case letters, digits and `-`, at most 32, and none of `CENTRAL_USERS`."""
    return _HUB.match(text) is not None and text not in CENTRAL_USERS


def topic(hub: str, channel: Channel, tail: str = "") -> str:
    """The topic for `channel` of `hub`.

    Raises:
        ValueError: the hub id or the tail would not be a valid topic level, or a tail is missing or superfluous.
    """
    if not valid_hub_id(hub):
        raise ValueError(f"not a hub id: {hub!r}")
    if (channel in _WITH_TAIL) != bool(tail) or (tail and not _TAIL.match(tail)):
        raise ValueError(f"bad last level {tail!r} for {channel.value}")
    base = f"{ROOT}/{shard_of(hub)}/{hub}/{channel.value}"
    return f"{base}/{tail}" if tail else base


def everyone(channel: Channel, shard: str = "+") -> str:
    """The subscription filter that receives `channel` from every hub, of one shard or of all."""
    base = f"{ROOT}/{shard}/+/{channel.value}"
    return f"{base}/+" if channel in _WITH_TAIL else base


def read_topic(text: str) -> Address | None:
    """Takes a topic apart; None when it is not one of ours, or when shard and hub do not belong together."""
    levels = text.split("/")
    if len(levels) not in (6, 7) or levels[0] != "care" or levels[1] != "v1":
        return None
    shard, hub = levels[2], levels[3]
    channel = _CHANNELS.get(f"{levels[4]}/{levels[5]}")
    if channel is None or not _SHARD.match(shard) or not valid_hub_id(hub) or shard != shard_of(hub):
        return None
    tail = levels[6] if len(levels) == 7 else ""
    if (channel in _WITH_TAIL) != bool(tail) or (tail and not _TAIL.match(tail)):
        return None
    return Address(shard, hub, channel, tail)
