"""People with browsers at a console that is tested: they log in by the form, and send what its pages would send."""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from central.console import access
from tests.central.console_setting import PASSWORD

HOST = "http://desk.test"
TABS = [
    "overview",
    "people",
    "contacts",
    "access",
    "health",
    "plan",
    "calls",
    "absences",
    "devices",
    "consents",
    "history",
    "measurements",
]
"""Of a file."""


def log_in(client: TestClient, name: str = "ana", password: str = PASSWORD, **headers: str) -> Response:
    form = re.search(r'name="form" value="([^"]+)"', client.get("/login").text)
    assert form
    return client.post("/login", data={"name": name, "password": password, "form": form[1]}, headers=headers)


def form_token(client: TestClient) -> dict[str, str]:
    """The header that a page sends with every change."""
    return {"x-form-token": access.form_token(client.cookies.get(access.SESSION_COOKIE, ""))}


class Person:
    """Somebody with a browser; what they ask for and send comes back as (status, body)."""

    def __init__(self, app: FastAPI, name: str, password: str = PASSWORD) -> None:
        self.client = TestClient(app, base_url=HOST, follow_redirects=False)
        self.name = name
        self.password = password
        self.sit_down()

    def sit_down(self) -> None:
        """Logs in."""
        self.client.cookies.clear()
        assert log_in(self.client, self.name, self.password).status_code == 303

    def get(self, path: str) -> tuple[int, Any]:
        answer = self.client.get(path, headers={"accept": "application/json"})
        return answer.status_code, answer.json() if "json" in answer.headers.get("content-type", "") else answer.text

    def post(self, path: str, **body: object) -> tuple[int, Any]:
        return self.send("POST", path, **body)

    def put(self, path: str, **body: object) -> tuple[int, Any]:
        return self.send("PUT", path, **body)

    def send(self, method: str, path: str, **body: object) -> tuple[int, Any]:
        headers = form_token(self.client) | {"accept": "application/json"}
        answer = self.client.request(method, path, json=body, headers=headers)
        return answer.status_code, answer.json() if answer.content else None
