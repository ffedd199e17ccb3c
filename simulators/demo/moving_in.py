"""How the city moves into the centre: homes, people, their past and the hubs' passwords, in a program of its own."""

from __future__ import annotations

from typing import Final

from simulators.demo import city
from simulators.demo.programs import Program
from simulators.demo.state_folder import (
    DemoCannotStart,
    Ports,
    StateFolder,
    users,
    write_broker_passwords,
    write_configurations,
    write_register,
)

WAIT_S: Final = 60.0
_BOTH: Final = (
    "import sys; from central.__main__ import main; at = sys.argv.index('then'); "
    "sys.exit(main(sys.argv[1:at]) or main(sys.argv[at + 1:]))"
)
"""Two commands of the centre in one program: to load it takes longer than the second of them."""


class MovingIn:
    """Begins before the rest of the demo is even loaded; nothing is done where this very city lives already."""

    def __init__(self, folder: StateFolder, ports: Ports, homes: int) -> None:
        """Writes what centre and hub are told, and begins."""
        self._folder = folder
        self._edition = city.edition(homes)
        self._program: Program | None = None
        known = users(folder, [city.FLAT, city.QUIET, *city.street(homes)])
        write_configurations(folder, ports)
        if folder.imported.exists() and folder.imported.read_text(encoding="ascii") == self._edition:
            return
        write_register(folder, homes)
        write_broker_passwords(folder, known)
        self._program = Program("prepare", ["-c", _BOTH, *self._commands()], folder.log("prepare"))
        self._program.start()

    def _commands(self) -> list[str]:
        folder, files = self._folder, self._folder.broker_files
        config = ["--config", str(folder.central_config)]
        homes = ["import-homes", str(folder.register), "--history", str(folder.history), *config]
        # by its password the centre knows a hub's SMS
        none = str(files / "none")
        return [*homes, "then", "broker-config", "--out", str(files), "--certificate", none, "--key", none, *config]

    async def done(self) -> None:
        """Waits until everybody has moved in.

        Raises:
            DemoCannotStart: the centre does not take them.
        """
        program = self._program
        if program is None:
            return
        if await program.ended(WAIT_S) != 0:
            raise DemoCannotStart(
                f"The centre cannot take in the homes: {program.last_words()} (see {program.log_file})."
            )
        self._folder.imported.write_text(self._edition, encoding="ascii")

    def stop(self) -> None:
        """Ends it, however far it has come; the next start does it anew."""
        if self._program is not None:
            self._program.kill()
