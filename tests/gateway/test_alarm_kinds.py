"""Every kind that Llar raises is read back from its own pair of codes."""

from __future__ import annotations

import pytest

from gateway.contract.alarm_kinds import OF_THE_CENTRE, SCAIP_CODES, AlarmKind, kind_of


def test_a_kind_comes_back_from_its_codes() -> None:
    assert {kind: kind_of(*pair) for kind, pair in SCAIP_CODES.items()} == {kind: kind for kind in SCAIP_CODES}
    assert set(SCAIP_CODES) == set(AlarmKind) - {AlarmKind.OTHER} - OF_THE_CENTRE


@pytest.mark.parametrize("unit", [2, 48])
def test_the_button_on_a_unit_of_another_maker_is_a_call_for_help(unit: int) -> None:
    assert kind_of(unit, 10) is AlarmKind.HELP
    assert kind_of(unit, 85) is AlarmKind.MAINS_LOST
    assert kind_of(unit, 9) is AlarmKind.OTHER
