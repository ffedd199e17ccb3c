"""The process that looks for falls: numpy and the models live here, so that whoever starts it stays small.

`python -m devices.wearable.judge_process`: a line of JSON in for each window, a line of JSON out with what was found in
it; it ends with its input. What it cannot read it answers with nothing found.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import BinaryIO, Final

import msgspec

from devices.rejection import Rejection
from devices.vocabulary import Reading
from devices.wearable.follow import Follower
from devices.wearable.judge_lines import SaidLine, WindowLine, Worn
from devices.wearable.windows import read_piece

FOLLOWED_MAX: Final = 500
"""Most wearers at a time, at about 100 kB each and a third of a core together; the longest unheard goes first."""

_Followed = OrderedDict[str, tuple[Worn, Follower]]


def judge(windows: BinaryIO, answers: BinaryIO) -> None:
    """Works until there are no more windows."""
    followed: _Followed = OrderedDict()
    for line in windows:
        answers.write(msgspec.json.encode(_said(line, followed)) + b"\n")
        answers.flush()


def _said(line: bytes, followed: _Followed) -> list[SaidLine]:
    try:
        window = msgspec.json.decode(line, type=WindowLine)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    return [
        SaidLine(reading.device, reading.kind, reading.value, reading.measured_at)
        for reading in _readings(window, followed)
        if not isinstance(reading.value, bytes)
    ]


def _readings(window: WindowLine, followed: _Followed) -> list[Reading]:
    if not window.value:
        return _follower(window, followed).silent(window.at)
    piece = read_piece(window.value)
    return [] if isinstance(piece, Rejection) else _follower(window, followed).take(piece, window.at)


def _follower(window: WindowLine, followed: _Followed) -> Follower:
    worn, follower = followed.get(window.device, (None, None))
    if follower is None or worn != window.worn:
        follower = Follower(window.device, window.worn.site, window.worn.threshold)
        followed[window.device] = (window.worn, follower)
        if len(followed) > FOLLOWED_MAX:
            followed.popitem(last=False)
    followed.move_to_end(window.device)
    return follower


if __name__ == "__main__":
    judge(sys.stdin.buffer, sys.stdout.buffer)
