"""Every kind that Llar raises is read back from its own pair of codes."""

from __future__ import annotations

from gateway.contract.alarm_kinds import OF_THE_CENTRE, SCAIP_CODES, AlarmKind, kind_of


def test_a_kind_comes_back_from_its_codes() -> None:
    assert {kind: kind_of(*pair) for kind, pair in SCAIP_CODES.items()} == {kind: kind for kind in SCAIP_CODES}
    assert set(SCAIP_CODES) == set(AlarmKind) - {AlarmKind.OTHER} - OF_THE_CENTRE
