"""A BTHome power meter at the kettle, the television or the cooker."""

from __future__ import annotations

from typing import Final

from devices.bthome_reader import bthome_model

MODEL: Final = bthome_model("bthome_plug", ("power",), silence_max_s=3600.0)
