"""Takes the centre's settings from `dn/cfg`, puts them into force, and takes them back when they do harm."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edge import settings
from edge.clock import Clock
from edge.config import Config
from edge.enrolment import Devices
from edge.health import TellFault
from edge.settings import SettingsRecord
from gateway.contract.messages import ProblemCode
from gateway.contract.settings import CONFIRM_WITHIN_S, HubSettings

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 5.0
DETAIL_MAX_S: Final = 86_400.0
"""Longest time of logging in detail, whatever the clock says: it wears out an SD card."""


class RemoteSettings:
    """The settings of one hub.

    Args:
        config, devices: as the hub's files say.
        folder: where the settings are kept.
        clock: of this hub.
        tell_fault: takes what is wrong with the settings.
        put_into_force: makes the parts of the agent obey; may raise, and then the settings are taken back.
    """

    def __init__(
        self,
        config: Config,
        devices: Devices,
        folder: Path,
        clock: Clock,
        *,
        tell_fault: TellFault,
        put_into_force: Callable[[Config, Devices, HubSettings | None], None],
    ) -> None:
        self._config = config
        self._devices = dict(devices)
        self._folder = folder
        self._clock = clock
        self._tell_fault = tell_fault
        self._put_into_force = put_into_force
        self._record = SettingsRecord(config.hub.id)
        self._due_at = 0.0
        self._reached: int | None = None
        self._detail_until = 0.0
        self._usual_level = logging.getLogger().level

    @property
    def version(self) -> int:
        """The version in force, for the hub's state."""
        return self._record.version

    async def load(self) -> None:
        """Reads what is on disk and puts it into force; at every start of the agent."""
        first = self._config.enrolment.parent / settings.FIRST_FILE
        found = await asyncio.to_thread(settings.load_record, self._folder, self._config.hub.id, first)
        self._record = found
        after = settings.started(found)
        if after != found and not await self._keep(after):
            # on a full disk what may be what ends the agent is left all the same
            self._record = after
        await self._obey()

    async def take(self, payload: bytes) -> None:
        """Settings have arrived."""
        ids = {device.id for device in self._devices.values()}
        after = settings.offered(self._record, payload, ids)
        if after == self._record:
            return
        news = after.trial is not None and after.trial != self._record.trial
        if not await self._keep(after):
            return
        if after.problem is not None:
            log.warning("settings %s: %s", after.problem.value, after.reason)
        if news:
            log.info("settings version %d are on trial", self.version)
            await self._obey()
        else:
            self._tell()

    def reached(self, version: int) -> None:
        """The broker has confirmed a state of ours that names this version."""
        self._reached = version

    async def run(self, on_progress: Callable[[], None]) -> None:
        """Watches the due-times until cancelled."""
        while True:
            on_progress()
            now = self._clock.monotonic
            await self._confirm()
            if self._record.trial is not None and now >= self._due_at:
                await self._take_back(f"the centre was not reached with it within {CONFIRM_WITHIN_S:.0f} s")
            if self._detail_until and now >= self._detail_until:
                self._detail_until = 0.0
                logging.getLogger().setLevel(self._usual_level)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _confirm(self) -> None:
        after = self._record if self._reached is None else settings.confirmed(self._record, self._reached)
        if after != self._record and await self._keep(after):
            log.info("settings version %d have proved themselves", self.version)

    async def _take_back(self, reason: str) -> None:
        log.error("settings version %d are taken back: %s", self.version, reason)
        after = settings.taken_back(self._record, reason)
        if not await self._keep(after):
            # what cannot be written down is still done; the next start finds the trial again and counts it
            self._record = after
        await self._obey()

    async def _obey(self) -> None:
        """Lets the parts work by what is in force now; if that fails, by what was before."""
        self._due_at = self._clock.monotonic + CONFIRM_WITHIN_S
        now = self._record.in_force
        try:
            self._put_into_force(
                settings.config_with(self._config, now), settings.devices_with(self._devices, now), now
            )
        except Exception as error:
            log.exception("the settings cannot be put into force")
            if self._record.trial is None:
                self._tell_fault("settings", f"settings: {error}", ProblemCode.SETTINGS_REFUSED)
                return
            await self._take_back(f"it cannot be put into force: {type(error).__name__}")
            return
        self._log_in_detail(now)
        self._tell()

    def _log_in_detail(self, now: HubSettings | None) -> None:
        stamp = self._clock.now()
        left = min(now.detail_until - stamp.wall, DETAIL_MAX_S) if now is not None and stamp.trusted else 0.0
        self._detail_until = stamp.monotonic + left if left > 0 else 0.0
        logging.getLogger().setLevel(logging.DEBUG if left > 0 else self._usual_level)

    def _tell(self) -> None:
        record = self._record
        if record.problem is None:
            self._tell_fault("settings", "")
        else:
            self._tell_fault("settings", f"settings: {record.reason}", record.problem)

    async def _keep(self, after: SettingsRecord) -> bool:
        """Writes it down first, so that a power cut finds the same as the home."""
        try:
            await asyncio.to_thread(settings.save_record, self._folder, after)
        except OSError as error:
            sentence = f"settings cannot be written down: {error.strerror}"
            self._tell_fault("settings", sentence, ProblemCode.SETTINGS_REFUSED)
            log.warning("%s", sentence)
            return False
        self._record = after
        return True
