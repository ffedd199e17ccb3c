"""`llar-demo`: the whole system on this machine, with a page to play with it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import logging
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.free_ports import free_ports

if TYPE_CHECKING:
    from simulators.demo.stage import Stage
    from simulators.demo.state_folder import StateFolder

_NEEDED: Final = ("aiosmtpd", "argon2", "bleak", "bumble", "cryptography", "fastapi", "sqlalchemy", "starlette")
_HOMES_MAX: Final = 300
"""More hubs than this belong to a load test (`python -m simulators.fleet`), not to a demo."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 after a demo that ended by itself or by Ctrl-C, 1 when it could not start."""
    started = time.monotonic()
    given = _parser().parse_args(arguments)
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"The demo needs {', '.join(missing)}: pip install 'llar[edge,central,simulators]', or run `make demo`.",
            file=sys.stderr,
        )
        return 1
    from simulators.demo.state_folder import DemoCannotStart, open_folder

    try:
        folder = open_folder(given.state)
        logging.basicConfig(
            filename=folder.log("demo"), level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
        for noisy in ("bumble", "aiosmtpd", "mail.log", "asyncio"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        asyncio.run(_play(folder, given, started))
    except DemoCannotStart as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llar-demo", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path("demo-state"), help="folder for everything (deletable)")
    parser.add_argument("--port-base", type=int, default=8080, help="console; then home screen and demo page")
    parser.add_argument("--homes", type=int, default=40, help="simulated homes in the street")
    parser.add_argument("--no-street", action="store_true", help="only the flat with the real hub")
    parser.add_argument("--broker", choices=["mosquitto", "embedded"], help="default: mosquitto where installed")
    parser.add_argument("--seconds", type=float, help="stop by itself after so long")
    return parser


async def _play(folder: StateFolder, given: argparse.Namespace, started: float) -> None:
    from simulators.demo.moving_in import MovingIn
    from simulators.demo.state_folder import DemoCannotStart, Ports

    base = given.port_base
    if not 1024 <= base <= 65_000:
        raise DemoCannotStart(f"--port-base {base} cannot be used: choose 1024 to 65000.")
    if not 0 <= given.homes <= _HOMES_MAX:
        raise DemoCannotStart(f"--homes {given.homes} cannot be used: choose 0 to {_HOMES_MAX}.")
    _check_ports(base)
    ports = Ports(base, base + 1, base + 2, *free_ports(5))
    homes = 0 if given.no_street else given.homes
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    moving_in = MovingIn(folder, ports, homes)
    # the radio alone takes a second to load, which is another core's second now
    from simulators.demo.page import serve
    from simulators.demo.stage import Stage

    stage = Stage(folder, ports, homes, given.broker)
    page: asyncio.Task[None] | None = None
    try:
        starting = asyncio.create_task(stage.start(moving_in))
        await _first(starting, stop)
        if starting.done():
            await starting
            page = asyncio.create_task(serve(stage, ports.page))
            _greet(stage, folder, time.monotonic() - started)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(given.seconds):
                    await stop.wait()
        else:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
    finally:
        if page is not None:
            page.cancel()
            await asyncio.gather(page, return_exceptions=True)
        print("Stopping ...", flush=True)
        moving_in.stop()
        await stage.stop()


async def _first(task: asyncio.Task[None], stop: asyncio.Event) -> None:
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()


def _check_ports(base: int) -> None:
    from simulators.demo.state_folder import DemoCannotStart

    for port, use in ((base, "console"), (base + 1, "home screen"), (base + 2, "demo page")):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise DemoCannotStart(
                    f"Port {port} for the {use} is in use: stop what listens there, or choose others with "
                    f"--port-base {base + 100}."
                ) from None


def _greet(stage: Stage, folder: StateFolder, took_s: float) -> None:
    from simulators.demo.state_folder import LOGIN_PASSWORD

    ports, homes, missing = stage.ports, len(stage.street.hubs), stage.flat.without_firmware
    wire = f"simulated in Python, for its firmware was not built: {missing}" if missing else "runs its C firmware"
    print(
        f"""
Llar is running: one flat with a real hub, {homes} simulated homes, one centre. Ready after {took_s:.1f} s.

  Demo page     http://127.0.0.1:{ports.page}/
  Console       http://127.0.0.1:{ports.console}/     log in as  ana  (or marc)   password  {LOGIN_PASSWORD}
  Home screen   http://127.0.0.1:{ports.home_screen}/
  Mailbox       http://127.0.0.1:{ports.page}/mail

  The same password opens, each in a browser window of its own (accounts of this demo only, without second factor):
{_surfaces(f"http://127.0.0.1:{ports.console}")}
  Wired pendant {wire}

  1. Open console and home screen side by side, log in, then press the pendant on the demo page.
  2. Take the case with F2: the home says who is with Maria. Close it with cause and outcome.
  3. Press again and let it ring: after 60 s the first carer gets an SMS, then a call: answer it on the demo page.
  4. Cut the line and press: 15 to 25 s later the call goes by SMS; restore it, and it is the same case.
  5. Kill the desk, the broker or the hub's power in the middle of a call: nothing is lost.

Everything is in {folder.path}. Stop with Ctrl-C.
""",
        flush=True,
    )


def _surfaces(console: str) -> str:
    from simulators.demo import city

    return "\n".join(f"    {name:<8}{what:<48}{console}{path}" for name, what, path in city.SURFACES)


if __name__ == "__main__":
    sys.exit(main())
