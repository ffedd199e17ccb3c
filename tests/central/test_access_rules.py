"""The matrix of roles, resources and actions, and where it holds; and that every route asks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from central.access_rules import (
    EVERYWHERE,
    RINGS_FOR_ALL_S,
    TABLE,
    Action,
    Place,
    Resource,
    Role,
    Rule,
    Verdict,
    Who,
    decide,
    listed,
    may_give,
    personal,
)
from central.alarm_cases import escalation
from central.alarm_cases.priority import Priority
from central.console.pages.account_words import ACTIONS, RESOURCES, ROLES
from central.console.rights import open_door, rule_of
from tests.central.app_routes import dependencies, routes_of
from tests.central.console_setting import Clock, open_setting

ROLES_ALL = list(Role)
STAFF = [Role.OPERATOR, Role.SUPERVISOR, Role.COORDINATOR]
HOME = Place("carme", "Gràcia", "carme-r")


def who(role: Role, *municipalities: str, homes: tuple[str, ...] = (), resident: str = "") -> Who:
    return Who("someone", role, frozenset(municipalities), frozenset(homes), resident)


def near(role: Role) -> Who:
    """Somebody of this role within whose reach HOME is."""
    if role in {Role.CARER, Role.RESIDENT}:
        return who(role, homes=("carme",), resident="carme-r" if role is Role.RESIDENT else "")
    return who(role, "Gràcia")


def far(role: Role) -> Who:
    if role in {Role.CARER, Role.RESIDENT}:
        return who(role, homes=("elsewhere",), resident="somebody" if role is Role.RESIDENT else "")
    return who(role, "Sants")


@pytest.mark.parametrize("role", ROLES_ALL)
def test_the_matrix_in_full_within_reach_and_beyond(role: Role) -> None:
    for resource in Resource:
        for action in Action:
            look(role, resource, action)


def look(role: Role, resource: Resource, action: Action) -> None:
    plain = listed(role, resource, action)
    glass = Rule(resource, action) in TABLE[role].glass
    within = decide(near(role), resource, action, HOME)
    beyond = decide(far(role), resource, action, HOME)
    assert (within is Verdict.ALLOWED) == plain
    assert within in {Verdict.ALLOWED, Verdict.NEEDS_GLASS if glass else Verdict.REFUSED}
    if not plain and not glass:
        assert beyond is Verdict.REFUSED
    elif resource is not Resource.GLASS:
        assert beyond in {Verdict.HIDDEN, Verdict.NEEDS_GLASS}
    opened = decide(far(role), resource, action, HOME, opened=True)
    assert opened.granted == (beyond in {Verdict.NEEDS_GLASS, Verdict.ALLOWED})


def test_what_nobody_may_do_by_right() -> None:
    for role in (Role.CARER, Role.RESIDENT, Role.TECHNICIAN, Role.AUDITOR, Role.API):
        assert not listed(role, Resource.CASE, Action.WORK), "only named persons of the desk work and close cases"
    for role in (Role.TECHNICIAN, Role.CARER, Role.AUDITOR, Role.API):
        assert not listed(role, Resource.MEDICAL, Action.READ)
    for role in (Role.AUDITOR, Role.API):
        written = {
            rule.resource for rule in TABLE[role].plain if rule.action is Action.WRITE and personal(rule.resource)
        }
        assert written == ({Resource.ABSENCES} if role is Role.API else set())
    assert {role for role in Role if listed(role, Resource.AUDIT_LOG, Action.READ)} == {
        Role.SUPERVISOR,
        Role.COORDINATOR,
        Role.AUDITOR,
    }
    assert not any(
        Rule(Resource.AUDIT_LOG, action) in TABLE[role].plain
        for role in Role
        for action in (Action.WRITE, Action.DELETE)
    )


def test_carers_and_residents_can_never_break_glass() -> None:
    for role in (Role.CARER, Role.RESIDENT, Role.AUDITOR, Role.API):
        for rule in TABLE[role].plain:
            if rule.resource not in {Resource.ME, Resource.STATION, Resource.API}:
                assert decide(far(role), rule.resource, rule.action, HOME, opened=True) in {
                    Verdict.HIDDEN,
                    Verdict.REFUSED,
                }


def test_two_people_in_one_home_do_not_read_each_others_file() -> None:
    husband = who(Role.RESIDENT, homes=("carme",), resident="pere")
    assert decide(husband, Resource.RESIDENT_FILE, Action.READ, HOME) is Verdict.HIDDEN
    assert decide(husband, Resource.RESIDENT_FILE, Action.READ, Place("carme", "Gràcia")) is Verdict.HIDDEN
    own = Place("carme", "Gràcia", "pere")
    assert decide(husband, Resource.RESIDENT_FILE, Action.READ, own) is Verdict.ALLOWED


def test_nobody_lies_on_the_floor_for_the_sake_of_a_boundary() -> None:
    ana = who(Role.OPERATOR, "Sants")
    assert decide(ana, Resource.CASE, Action.WORK, HOME) is Verdict.NEEDS_GLASS
    calling = Place("carme", "Gràcia", case_id=7, calls=7)
    assert decide(ana, Resource.CASE, Action.WORK, calling) is Verdict.ALLOWED
    assert decide(ana, Resource.RESIDENT_FILE, Action.READ, calling) is Verdict.ALLOWED
    assert decide(who(Role.TECHNICIAN, "Sants"), Resource.KEYS, Action.READ, calling) is Verdict.NEEDS_GLASS
    assert decide(ana, Resource.CASE, Action.WORK, Place("unknown-h9", "")) is Verdict.ALLOWED


def test_a_case_rings_for_all_when_the_ladder_says_so() -> None:
    ladders = escalation._LADDERS
    for priority, wait_s in RINGS_FOR_ALL_S.items():
        steps = {step.name: step.after_s for step in ladders[Priority(priority)]}
        assert steps[escalation.EVERY_OPERATOR] == wait_s


@given(st.sampled_from(ROLES_ALL), st.sampled_from(list(Resource)), st.sampled_from(list(Action)), st.booleans())
def test_a_written_reason_never_gives_less_and_a_refusal_by_role_never_tells_what_exists(
    role: Role, resource: Resource, action: Action, near_by: bool
) -> None:
    asker = near(role) if near_by else far(role)
    closed, opened = (decide(asker, resource, action, HOME, opened=reason) for reason in (False, True))
    assert opened.granted >= closed.granted
    if decide(asker, resource, action, None) is Verdict.REFUSED and Rule(resource, action) not in TABLE[role].glass:
        assert closed is opened is Verdict.REFUSED


def test_nobody_hands_out_more_than_they_hold() -> None:
    supervisor = who(Role.SUPERVISOR, "Gràcia")
    assert may_give(supervisor, Role.OPERATOR, frozenset({"Gràcia"}))
    assert not may_give(supervisor, Role.OPERATOR, frozenset({"Gràcia", "Sants"}))
    assert not may_give(supervisor, Role.OPERATOR, frozenset({EVERYWHERE}))
    for role in (Role.SUPERVISOR, Role.COORDINATOR, Role.AUDITOR, Role.API):
        assert not may_give(supervisor, role, frozenset({"Gràcia"}))
    assert may_give(who(Role.COORDINATOR, EVERYWHERE), Role.AUDITOR, frozenset({EVERYWHERE}))
    for role in set(Role) - {Role.SUPERVISOR, Role.COORDINATOR}:
        assert not any(may_give(who(role, EVERYWHERE), given_role, frozenset()) for given_role in Role)


def test_every_word_of_the_matrix_has_its_name() -> None:
    assert (set(ROLES), set(RESOURCES), set(ACTIONS)) == (set(Role), set(Resource), set(Action))


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    with open_setting(tmp_path, Clock(1_795_262_400.0), with_store=False) as setting:
        yield setting.app()


def test_every_route_says_who_may_use_it(app: FastAPI) -> None:
    routes = routes_of(app)
    assert len(routes) > 40
    silent = [
        f"{sorted(route.methods)} {route.path}"
        for route in routes
        if not any(rule_of(call) or call is open_door for call in dependencies(route))
    ]
    assert silent == []


def test_what_changes_something_asks_for_more_than_reading(app: FastAPI) -> None:
    loose = [
        route.path
        for route in routes_of(app)
        if route.methods - {"GET", "HEAD"}
        for rule in map(rule_of, dependencies(route))
        if rule is not None and rule.action is Action.READ
    ]
    assert loose == []
