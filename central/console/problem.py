"""How the console says no: a status, a reason for programs and a sentence for people."""

from __future__ import annotations

from math import ceil

from fastapi.responses import JSONResponse
from pydantic import BaseModel


class ProblemBody(BaseModel):
    """What every refused request is answered with. `who` names the operator in whose favour it was refused."""

    reason: str
    text: str
    who: str | None = None


class Problem(Exception):
    """A request that is refused. `text` is a message id, translated for who asks. `wait_s`: try again after it."""

    def __init__(self, status: int, reason: str, text: str, who: str | None = None, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.text = text
        self.who = who
        self.wait_s = wait_s

    def answer(self, text: str | None = None) -> JSONResponse:
        """The refusal as an HTTP answer."""
        body = ProblemBody(reason=self.reason, text=self.text if text is None else text, who=self.who)
        headers = {"retry-after": str(max(1, ceil(self.wait_s)))} if self.wait_s else {}
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        return JSONResponse(body.model_dump(), status_code=self.status, headers=headers)
