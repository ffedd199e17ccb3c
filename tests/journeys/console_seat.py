"""An operator at the console, over HTTP, as a browser would."""

from __future__ import annotations

import re
from typing import Any

import httpx

from tests.journeys.town import PASSWORD, Town


class Seat:
    """Logged in as `operator`."""

    def __init__(self, town: Town, operator: str = "ana") -> None:
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{town.console_port}", follow_redirects=True, timeout=60)
        form = re.search(r'name="form"\s+value="([^"]+)"', self._http.get("/login").text)
        assert form, "the log-in page carries its token"
        page = self._http.post("/login", data={"name": operator, "password": PASSWORD, "form": form[1]}).text
        token = re.search(r'"form_token":\s*"([0-9a-f]+)"', page)
        assert token, "the console carries its token"
        self._http.headers["x-form-token"] = token[1]

    def get(self, path: str) -> Any:
        """What the API says."""
        return self._http.get(path).raise_for_status().json()

    def do(self, case_id: int, action: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Asks something for a case."""
        return self._http.post(f"/api/cases/{case_id}/{action}", json=body)

    def queue(self) -> list[dict[str, Any]]:
        """The cards in the queue."""
        cards: list[dict[str, Any]] = self.get("/api/queue")["cards"]
        return cards

    def close(self) -> None:
        self._http.close()
