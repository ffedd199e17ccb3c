from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.broker import Broker, start_broker
from gateway.fast_receiver import FastReceiver
from tests.conformance.harness import PASSWORDS, Driven, Line, Party, settings_for


@pytest.fixture(params=["mosquitto", "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    with start_broker(tmp_path, PASSWORDS, kind=request.param) as started:
        yield started


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with start_broker(tmp_path, PASSWORDS, kind="mosquitto") as started:
        yield started


CLIENTS = (
    Driven("thread", polled=False),
    Driven("poll", polled=True),
    Driven("fast", polled=True, kind=FastReceiver),
)


@pytest.fixture(params=CLIENTS, ids=lambda driven: driven.name)
def driven(request: pytest.FixtureRequest) -> Driven:
    assert isinstance(request.param, Driven)
    return request.param


@pytest.fixture
def line(broker: Broker) -> Iterator[Line]:
    made = Line(broker)
    yield made
    made.close()


@pytest.fixture
def join(driven: Driven) -> Iterator[Callable[..., Party]]:
    """Makes parties: `join(user, port, ...)`; all are stopped at the end."""
    made: list[Party] = []

    def make(user: str, port: int, changes: dict[str, Any] | None = None, **options: Any) -> Party:
        party = Party(settings_for(user, port, **(changes or {})), driven, **options)
        made.append(party)
        return party

    yield make
    for party in made:
        party.stop()
