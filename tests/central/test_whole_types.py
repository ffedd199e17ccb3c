"""No thread of a program reads into a type that another thread is just working out: that would end the process."""

from __future__ import annotations

import msgspec
import pytest

from central import __main__ as program


class Part(msgspec.Struct, frozen=True):
    number: int


def test_what_a_program_has_loaded_is_worked_out_before_its_threads_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    with program._loading():

        class Loaded(msgspec.Struct, frozen=True):
            parts: list[Part]

    class Later(msgspec.Struct, frozen=True):
        parts: list[Part]

    monkeypatch.delitem(globals(), "Part")  # whatever is worked out from here on does not find it
    assert msgspec.convert({"parts": [{"number": 1}]}, Loaded).parts[0].number == 1
    with pytest.raises(NameError):
        msgspec.convert({"parts": []}, Later)
