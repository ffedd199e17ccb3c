"""The whole interface against its own description: made-up requests of every role, good ones and bad ones.

Whatever comes: no fault of ours, and every answer is one that the description names, in the shape that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from central.access_rules import Role
from tests.central.every_route import HOST, Client, Everybody, everybody

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = {Role.COORDINATOR: 4, Role.OPERATOR: 2}
"""Made-up requests of each sort for each operation; of the other roles, of which each run affords one, a single one."""
LEFT_OUT = {"/api/logout", "/api/me/password"}
"""The one ends the session that asks, the other costs a hash of a password each time."""


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everybody]:
    with everybody(tmp_path_factory.mktemp("fuzz")) as opened:
        yield opened


@pytest.fixture(scope="module")
def operations(centre: Everybody) -> list[Any]:
    schema = schemathesis.openapi.from_dict(centre.app.openapi())
    found = [one.ok() for one in schema.get_all_operations()]
    assert len(found) > 60
    return [one for one in found if one.path not in LEFT_OUT]


@pytest.mark.parametrize(
    ("role", "thorough"),
    [(Role.SUPERVISOR, False), *(pytest.param(role, True, marks=pytest.mark.long) for role in Role)],
)
def test_every_answer_is_one_that_is_described(
    centre: Everybody, operations: list[Any], role: Role, thorough: bool
) -> None:
    """By default with ids that exist, of which bad input leads furthest; `test_bad_input` makes up others."""
    client = centre.client(role)
    faults: list[str] = []
    for operation in operations:
        known = {one.name: centre.ids[one.name] for one in operation.path_parameters if one.name in centre.ids}
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            for ids in (known, None) if known and thorough else (known,):
                _run(client, operation, mode, ids, EXAMPLES.get(role, 1), faults)
    assert faults == []


def _run(
    client: Client, operation: Any, mode: GenerationMode, ids: dict[str, str] | None, examples: int, faults: list[str]
) -> None:
    made = operation.as_strategy(mode, path_parameters=ids) if ids else operation.as_strategy(mode)

    @seed(20_261_122)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(made)
    def ask(case: Case) -> None:
        answer = _send(client, case)
        try:
            case.validate_response(answer, checks=CHECKS)
        except BaseExceptionGroup as group:
            told = "; ".join(f"{type(one).__name__}: {one}"[:400] for one in group.exceptions)
            faults.append(f"{operation.label} ({client.role}): {told}")

    _quietly(ask)


def _quietly(ask: Callable[[], None]) -> None:
    try:
        ask()
    except Exception as error:  # nothing bad can be made of a route that takes nothing
        if type(error).__name__ not in {"Unsatisfiable", "Unsatisfied"}:
            raise


def _send(client: Client, case: Case) -> Any:
    kwargs = case.as_transport_kwargs(base_url=HOST)
    headers = {**dict(kwargs.get("headers") or {}), **client.headers}
    http: TestClient = client.http
    answer = http.request(
        kwargs["method"],
        kwargs["url"],
        params=kwargs.get("params"),
        headers={name: value for name, value in headers.items() if value is not None},
        **({"json": kwargs["json"]} if "json" in kwargs else {"content": kwargs.get("data")}),
    )
    if answer.status_code == 401:
        client.renew()
    return answer
