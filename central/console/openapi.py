"""The description of the interface for programs, as OpenAPI 3.1, and the same in an order that people read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from central.console.problem import ProblemBody

VERSION: Final = "1.2"
"""Of the interface: its second number grows when something is added, its first when something would break a program."""

_ABOUT: Final = """Everything that the pages of Llar do, for programs.

A program sends its key as `Authorization: Bearer`; a page sends its session's cookie, and with every change the header
`x-form-token`. Every refusal is a `ProblemBody`: `reason` for programs, `text` for people. Times are Unix seconds, UTC.
Lists that come in pages have `following`: send it back as `after`; it is "" on the last page. What can be edited has
`version`: send back the one that you have seen; 409 `changed_meanwhile` says that somebody else was faster."""

_REFUSALS: Final[Mapping[int, str]] = {
    400: "The request cannot be read at all.",
    401: "No key or session, or one that has ended.",
    403: "Not for this account or key; `needs_reason`: it opens with a written reason.",
    404: "There is no such thing, or it is out of reach.",
    405: "This address does not take this method.",
    409: "Not as things stand now.",
    413: "More than is taken at once.",
    415: "Not `application/json`.",
    422: "Something in it is missing, unknown or beyond its limits.",
    429: "Too many requests; `retry-after` says for how many seconds to wait.",
    503: "The database does not answer, or too much at once: nothing was stored.",
}
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_DEEP: Final = 3
"""How far the page follows what lies in what."""


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter or a member of a body: its limits in words."""

    name: str
    kind: str
    needed: bool
    about: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be done."""

    id: str
    method: str
    path: str
    name: str
    about: str
    takes: list[Field] = field(default_factory=list)
    gives: list[Field] = field(default_factory=list)
    gives_what: str = ""
    statuses: list[str] = field(default_factory=list)


def operation_id(route: APIRoute) -> str:
    """A name that does not change with the address: of what it belongs to, and what it does."""
    module = route.endpoint.__module__.rsplit(".", 1)[-1].removesuffix("_page").removesuffix("_pages")
    return f"{module}_{route.name}"


def describe(app: FastAPI) -> dict[str, Any]:
    """The description as OpenAPI 3.1; made once."""
    if app.openapi_schema is None:
        whole, described = APIRouter(), FastAPI()
        whole.routes.extend(route for route in app.routes if isinstance(route, APIRoute))
        described.include_router(
            whole,
            generate_unique_id_function=operation_id,
            responses={code: {"model": ProblemBody} for code in (401, 403, 404, 409, 422)},
        )
        made = get_openapi(title="Llar", version=VERSION, description=_ABOUT, routes=described.routes)
        made["security"] = [{"key": []}, {"session": []}]
        parts = made.setdefault("components", {})
        parts["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": "llar_session"},
        }
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
        for path in made["paths"].values():
            for operation in (path[method] for method in _METHODS if method in path):
                for status, about in _REFUSALS.items():
                    known = operation["responses"].setdefault(str(status), {"content": content})
                    known["description"] = about
        app.openapi_schema = made
    return app.openapi_schema


def readable(schema: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """The operations by what they belong to, in the order of their addresses."""
    found: dict[str, list[Operation]] = {}
    for path, methods in sorted(schema["paths"].items()):
        for method in (name for name in _METHODS if name in methods):
            operation = methods[method]
            found.setdefault(operation.get("tags", ["other"])[0], []).append(_read(schema, path, method, operation))
    return dict(sorted(found.items()))


def _read(schema: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> Operation:
    takes = [
        Field(one["name"], _kind(schema, one["schema"]), one.get("required", False), _about(one), one["in"])
        for one in operation.get("parameters", [])
    ]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        takes += _fields(schema, content["schema"], "body")
    gives: list[Field] = []
    what = ""
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            for content in answer.get("content", {}).values():
                what = _kind(schema, content.get("schema", {}))
                gives += _fields(schema, content.get("schema", {}), "")
    statuses = [status for status in operation["responses"] if status.startswith("2")]
    name, about = operation.get("summary", ""), operation.get("description", "")
    return Operation(operation["operationId"], method.upper(), path, name, about, takes, gives, what, statuses)


def _fields(schema: Mapping[str, Any], wanted: Mapping[str, Any], where: str) -> list[Field]:
    found = _resolved(schema, wanted)
    if found.get("type") == "array":
        found = _resolved(schema, found.get("items", {}))
    needed = found.get("required", [])
    return [
        Field(name, _kind(schema, one), name in needed, _about(one), where)
        for name, one in found.get("properties", {}).items()
    ]


def _resolved(schema: Mapping[str, Any], wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(wanted.get("$ref", "")).rpartition("/")[2]
    found: Mapping[str, Any] = schema["components"]["schemas"].get(name, {}) if name else wanted
    return found


def _kind(schema: Mapping[str, Any], wanted: Mapping[str, Any], depth: int = 0) -> str:
    """A type with its limits, in few words, such as `string ≤ 80` or `list of Card`."""
    if "$ref" in wanted:
        found = _resolved(schema, wanted)
        return _kind(schema, found, depth) if "enum" in found else str(wanted["$ref"]).rpartition("/")[2]
    for either in ("anyOf", "oneOf", "allOf"):
        if either in wanted and depth < _DEEP:
            return " or ".join(_kind(schema, one, depth + 1) for one in wanted[either])
    if "enum" in wanted:
        return " | ".join(str(value) for value in wanted["enum"])
    if "const" in wanted:
        return str(wanted["const"])
    kind = str(wanted.get("type", "anything"))
    if kind == "array" and depth < _DEEP:
        return f"list of {_kind(schema, wanted.get('items', {}), depth + 1)}"
    signs = {"minLength": "≥", "maxLength": "≤", "minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤"}
    limits = [f"{sign} {wanted[name]:g}" for name, sign in signs.items() if isinstance(wanted.get(name), int | float)]
    return " ".join([kind, ", ".join(limits)]).strip()


def _about(one: Mapping[str, Any]) -> str:
    return str(one.get("description") or one.get("schema", {}).get("description") or "")
