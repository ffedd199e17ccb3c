"""How the console says no: a status, a reason for programs and a sentence for people."""

from __future__ import annotations

from fastapi.responses import JSONResponse
from pydantic import BaseModel


class ProblemBody(BaseModel):
    """What every refused request is answered with. `who` names the operator in whose favour it was refused."""

    reason: str
    text: str
    who: str | None = None


class Problem(Exception):
    """A request that is refused. `text` is a message id; it is translated for who asks."""

    def __init__(self, status: int, reason: str, text: str, who: str | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.text = text
        self.who = who

    def answer(self, text: str | None = None) -> JSONResponse:
        """The refusal as an HTTP answer."""
        body = ProblemBody(reason=self.reason, text=self.text if text is None else text, who=self.who)
        return JSONResponse(body.model_dump(), status_code=self.status)
