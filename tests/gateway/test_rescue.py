"""Promise: an alarm with a faulty ornament is still an alarm; one without name or kind is not invented."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from devices.rejection import Rejection
from gateway.contract.encoding import decode
from gateway.contract.messages import Alarm, MessageType
from gateway.contract.rescue import rescue_alarm

WHOLE = {"ref": "abc", "dty": 3, "tim": 1.8e9, "stc": 10, "did": "pendant", "lte": "bathroom", "text": "help"}
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def test_a_text_that_is_too_long_is_cut() -> None:
    payload = msgspec.json.encode({**WHOLE, "text": "x" * 1_000, "lte": "y" * 1_000})
    assert isinstance(decode(Alarm, payload), Rejection)
    saved = rescue_alarm(payload)
    assert saved is not None
    assert (saved.ref, saved.dty, saved.did, saved.tim) == ("abc", 3, "pendant", 1.8e9)
    assert (len(saved.text), len(saved.lte)) == (256, 64)


@given(st.sampled_from(sorted(set(Alarm.__struct_fields__) - {"ref", "dty"})), ANYTHING)
def test_no_single_field_costs_the_alarm(field: str, value: object) -> None:
    saved = rescue_alarm(msgspec.json.encode({**WHOLE, field: value}))
    assert saved is not None
    assert (saved.ref, saved.dty) == ("abc", 3)
    assert isinstance(decode(Alarm, msgspec.json.encode(saved)), Alarm), "what is saved is right"


@given(st.sampled_from(["ref", "dty"]), st.none() | st.text(alphabet="-!", max_size=20) | st.lists(st.none()))
def test_without_name_or_kind_nothing_is_invented(field: str, value: object) -> None:
    assert rescue_alarm(msgspec.json.encode({**WHOLE, field: value})) is None


@given(st.binary(max_size=300))
def test_rubbish_is_no_alarm(payload: bytes) -> None:
    assert rescue_alarm(payload) is None


def test_a_withdrawal_stays_one() -> None:
    saved = rescue_alarm(msgspec.json.encode({**WHOLE, "mty": "RE", "geo": 7}))
    assert saved is not None
    assert saved.mty is MessageType.WITHDRAWN
