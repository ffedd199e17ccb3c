"""The routes of an application, and what each asks before it does anything."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import APIRoute


def dependencies(route: APIRoute) -> list[object]:
    found: list[object] = []
    waiting = [route.dependant]
    while waiting:
        one = waiting.pop()
        found.append(one.call)
        waiting += one.dependencies
    return found


def routes_of(app: FastAPI) -> list[APIRoute]:
    found: list[APIRoute] = []
    waiting: list[object] = list(app.routes)
    while waiting:
        one = waiting.pop()
        if isinstance(one, APIRoute):
            found.append(one)
        else:
            router = getattr(one, "original_router", None) or one
            waiting += [route for route in getattr(router, "routes", []) or [] if route is not one]
    return found
