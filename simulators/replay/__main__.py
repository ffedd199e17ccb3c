"""`python -m simulators.replay`: a recorded or simulated home or fall through the real path, at any speed."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from simulators import recorded_homes
from simulators.hub import SimulatedHub
from simulators.replay import to_broker, to_edge
from simulators.replay.sources import NothingToPlay, home_of, movement_of, stretch

DAYS_MAX: Final = 39
"""The wire takes no older readings."""

_EXAMPLES: Final = """
what there is, and the two files that make it known to the centre and to a hub:
  python -m simulators.replay list
  python -m simulators.replay home hh101 --to broker --hub h-1 --enrolment homes.json   # llar-central import-homes
  python -m simulators.replay home hh101 --to edge --enrolment enrolment.toml

as a hub over MQTT to a running centre; times are moved so that the recording reaches now:
  python -m simulators.replay home hh101 --to broker --port 1883 --hub h-1 --password-file h-1.txt --still 14
      16 days at once, nobody noticed for the last 14 hours: the centre finds it within a minute or two
  python -m simulators.replay home simulated:7 --to broker ... --teach --days 20 --hours 12 --speed 60
      the history slowly enough to be learned from (two days a minute), the last 12 hours in 12 minutes,
      and on from now at the pace of the clock. While it catches up the centre sees a hub that back-fills.
      Of a hub that is back the centre learns nothing for ten minutes: they are waited for; with --first-time not
  python -m simulators.replay fall waist --to broker ... --speed max
      the hub's own detector judges the movement; a fall is an alarm, and the centre's answer is shown.
      --trial 12 plays another one, which may be daily life; what it is, is said

as radios to a running hub, whose configuration names the port as its Bluetooth adapter:
  python -m simulators.replay home casas_al --to edge --radio-port 9600 --hours 3 --speed 60
  python -m simulators.replay fall wrist --to edge --radio-port 9600
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    given = _parser().parse_args(arguments)
    line = _Line()
    try:
        if given.what == "list":
            return _list()
        if given.enrolment is not None:
            return _enrol(given)
        asyncio.run(_play_home(given, line.tell) if given.what == "home" else _play_fall(given, line.tell))
    except NothingToPlay as fault:
        line.end()
        print(fault, file=sys.stderr)
        return 1
    except OSError as fault:
        line.end()
        print(f"Cannot go on: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        line.end()
        print("stopped")
        return 0
    line.end()
    return 0


class _Line:
    """Says how it goes: in one line that changes on a terminal, in lines of their own elsewhere, a second apart."""

    def __init__(self) -> None:
        self._here = sys.stdout.isatty()
        self._at = float("-inf")
        self._kept = ""

    def tell(self, text: str) -> None:
        """A word on how it stands."""
        if self._here:
            print(f"\r\x1b[K{text}", end="", flush=True)
        elif text[:1].isdigit() and time.monotonic() - self._at < 1.0:
            self._kept = text
        else:
            self._at, self._kept = time.monotonic(), ""
            print(text, flush=True)

    def end(self) -> None:
        """The last word stands."""
        if self._here:
            print()
        elif self._kept:
            print(self._kept, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.replay",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(dest="what", required=True, metavar="home|fall|list")
    kinds.add_parser("list", help="what there is to play")
    home = kinds.add_parser("home", help="a home: a recording's name, or simulated:SEED")
    home.add_argument("name")
    _add_common(home, speed=float("inf"))
    home.add_argument("--days", type=_days, default=16, help=f"days up to now, at most {DAYS_MAX}")
    home.add_argument("--today", type=date.fromisoformat, metavar="DATE", help="the day of the recording that is today")
    home.add_argument("--hours", type=_hours, default=0.0, help="the last hours, which are played at --speed")
    home.add_argument("--still", type=_hours, default=0.0, metavar="HOURS", help="nobody is noticed since so long")
    home.add_argument("--teach", action="store_true", help="the history at a pace at which the centre learns it")
    home.add_argument("--first-time", action="store_true", help="with --teach: the centre never heard of this hub")
    home.add_argument("--until-now", action="store_true", help="ends when now is reached")
    home.add_argument("--timezone", type=_timezone, default="Europe/Madrid", help="where the home stands")
    fall = kinds.add_parser("fall", help="movement: wrist, waist, simulated, simulated-sitting")
    fall.add_argument("name")
    _add_common(fall, speed=1.0)
    fall.add_argument("--trial", type=int, help="number in the recordings; the first fall where it is left out")
    fall.add_argument("--site", choices=("wrist", "waist"), default="wrist", help="of simulated movement")
    return parser


def _add_common(parser: argparse.ArgumentParser, speed: float) -> None:
    parser.add_argument("--to", choices=("broker", "edge"), required=True)
    parser.add_argument("--speed", type=_speed, default=speed, metavar="N", help="so many times as fast; or max")
    parser.add_argument("--host", default="127.0.0.1", help="the broker's")
    parser.add_argument("--port", type=int, default=1883, help="the broker's")
    parser.add_argument("--hub", default="", help="id of the hub that is played")
    parser.add_argument("--password-file", type=Path, help="with the hub's password")
    parser.add_argument("--radio-port", type=int, default=9600, help="of the virtual radio, with --to edge")
    parser.add_argument(
        "--enrolment", type=Path, metavar="FILE", help="writes who is played for centre or hub, and ends"
    )


def _speed(text: str) -> float:
    speed = float("inf") if text == "max" else float(text)
    if not speed > 0:
        raise argparse.ArgumentTypeError("a speed is greater than 0, or max")
    return speed


def _days(text: str) -> int:
    if not (text.isdigit() and 1 <= int(text) <= DAYS_MAX):
        raise argparse.ArgumentTypeError(f"a number of days from 1 to {DAYS_MAX}")
    return int(text)


def _hours(text: str) -> float:
    hours = float(text)
    if not 0 <= hours <= DAYS_MAX * 24:
        raise argparse.ArgumentTypeError(f"hours from 0 to {DAYS_MAX * 24}")
    return hours


def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time zone, such as Europe/Madrid") from None
    return text


def _list() -> int:
    from devices.wearable.site import Site
    from simulators.recorded_falls import NAMED, other_files, recordings_files

    names = recorded_homes.names()
    print(f"homes in {recorded_homes.folder()}: {', '.join(names) or 'none; LLAR_DATA says where to look'}")
    for part in recorded_homes.other_folders():
        print(f"homes in {part} are not looked at")
    for site in Site:
        files = [f"falls/{path.name} is there" for path in recordings_files(site)]
        print(f"falls at the {site}: {', '.join(files) or f'no falls/{NAMED[site][0]}*.npz is there'}")
    for path in other_files():
        print(f"falls/{path.name}: its name does not say where it was worn")
    print("and without recordings: home simulated:SEED, fall simulated, fall simulated-sitting")
    return 0


def _enrol(given: argparse.Namespace) -> int:
    if given.what == "fall":
        text = to_edge.worn_enrolment()
        print(f'and in the hub\'s configuration: [[worn]] device = "worn" site = "{_site(given)}"')
    else:
        devices = home_of(given.name, given.days, given.timezone, time.time()).devices
        text = to_edge.enrolment_of(devices)
        if given.to == "broker":
            enrolled = [
                {"id": one.id, "model": model, "room": str(one.room)}
                for one in devices
                if (model := to_edge.model_of(one))
            ]
            home = {"id": given.hub or "replay", "hub": given.hub or "replay", "address": f"replay of {given.name}"}
            text = json.dumps({"homes": [{**home, "timezone": given.timezone, "devices": enrolled}]}, indent=1)
    given.enrolment.write_text(text, encoding="utf-8")
    print(f"written: {given.enrolment}")
    return 0


def _hub(given: argparse.Namespace) -> SimulatedHub:
    if not (given.hub and given.password_file):
        raise NothingToPlay("--to broker needs --hub and --password-file: the hub's own, as the broker knows it.")
    try:
        password = given.password_file.read_text(encoding="utf-8").strip()
    except OSError as fault:
        raise NothingToPlay(f"The password cannot be read from {given.password_file}: {fault.strerror}.") from None
    return SimulatedHub(given.hub, password, host=given.host, port=given.port)


async def _play_home(given: argparse.Namespace, tell: Callable[[str], None]) -> None:
    now = time.time()
    recording = home_of(given.name, given.days, given.timezone, now)
    days = given.days if given.to == "broker" else max(given.hours / 24, 1 / 24)
    past, coming = stretch(recording, now, days, given.today, given.still)
    if not past:
        raise NothingToPlay(f"{given.name} has nothing in the days that are asked for.")
    if given.to == "edge":
        await to_edge.play_home(given.radio_port, recording.devices, past, given.speed, tell)
        return
    hub = _hub(given)
    line = await to_broker.connected(hub)
    try:
        pace = to_broker.Pace(given.hours, given.speed, given.teach, not given.until_now, given.first_time)
        await to_broker.play_home(hub, past, coming, pace, tell)
    finally:
        line.cancel()


async def _play_fall(given: argparse.Namespace, tell: Callable[[str], None]) -> None:
    trial = movement_of(given.name, given.trial)
    if given.to == "edge":
        await to_edge.play_fall(given.radio_port, trial, given.speed, tell)
        return
    hub = _hub(given)
    line = await to_broker.connected(hub)
    try:
        await to_broker.play_fall(hub, trial, _site(given), given.speed, tell)
    finally:
        line.cancel()


def _site(given: argparse.Namespace) -> str:
    return str(given.name if given.name in {"wrist", "waist"} else given.site)


if __name__ == "__main__":
    sys.exit(main())
