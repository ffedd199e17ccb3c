"""The process that looks for falls: numpy and the models live here, so that the agent stays small.

Started by `edge.fall_watch`. A line of JSON in for each window, a line of JSON out with what was found in it; it ends
with its input. What it cannot read it answers with nothing found.
"""

from __future__ import annotations

import sys
from typing import BinaryIO

import msgspec

from devices.rejection import Rejection
from devices.wearable.follow import Follower
from devices.wearable.windows import read_piece
from edge.fall_lines import SaidLine, WindowLine, Worn


def judge(worn: list[Worn], windows: BinaryIO, answers: BinaryIO) -> None:
    """Works until there are no more windows."""
    followers = {each.device: Follower(each.device, each.site, each.threshold) for each in worn}
    for line in windows:
        said = _said(msgspec.json.decode(line, type=WindowLine), followers)
        answers.write(msgspec.json.encode(said) + b"\n")
        answers.flush()


def _said(window: WindowLine, followers: dict[str, Follower]) -> list[SaidLine]:
    piece, follower = read_piece(window.value), followers.get(window.device)
    if isinstance(piece, Rejection) or follower is None:
        return []
    return [
        SaidLine(reading.device, reading.kind, reading.value, reading.measured_at)
        for reading in follower.take(piece, window.at)
        if not isinstance(reading.value, bytes)
    ]


if __name__ == "__main__":
    judge(msgspec.json.decode(sys.argv[1], type=list[Worn]), sys.stdin.buffer, sys.stdout.buffer)
