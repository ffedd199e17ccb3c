"""The pages about the service as a whole, not about one home."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from central.console.pages import breaches_page, quality_page, quality_work, retention_page, settings_page, wallboard

PAGES: Final[tuple[ModuleType, ...]] = (
    wallboard,
    quality_page,
    quality_work,
    settings_page,
    retention_page,
    breaches_page,
)
"""Their modules, each with a `router`."""
