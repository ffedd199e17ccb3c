"""Works out what every message type consists of, before threads read into them.

msgspec does so when a type is first read into; another thread that reads into it meanwhile ends the process with a
segmentation fault (msgspec 0.22, its check of fields that are not there yet).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec


def make_whole() -> None:
    """For all types that are loaded by now. Takes some ten milliseconds."""
    for kind in _all_below(msgspec.Struct):
        with contextlib.suppress(TypeError):  # one that is only ever written
            msgspec.json.Decoder(kind)


def _all_below(kind: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for below in kind.__subclasses__():
        yield below
        yield from _all_below(below)
