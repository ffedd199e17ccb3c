"""Which wearables of a home report their movement to the centre directly, and how they are worn: by the care plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from devices.wearable.judge_lines import Worn

WORN_MAX: Final = 4
"""Most wearables of a home that are followed here: more than its people wear."""


def worn_of(care_plan: Mapping[str, object]) -> tuple[dict[str, Worn], list[str]]:
    """The plan's `worn`, by device, such as `{"watch": {"site": "wrist"}}`; and what could not be used, in words."""
    given = care_plan.get("worn")
    if given is None:
        return {}, []
    try:
        worn = msgspec.convert(given, dict[str, Worn])
    except msgspec.ValidationError as error:
        return {}, [f"worn: {error}"]
    if len(worn) > WORN_MAX:
        return {}, [f"worn: {len(worn)} wearables; at most {WORN_MAX}"]
    return worn, []
