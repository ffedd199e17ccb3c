"""The description of the interface for programs: as OpenAPI for machines, as a page for people."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from central.console.access import Seat
from central.console.openapi import describe, readable
from central.console.rights import allowed
from central.console.templating import office_page

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("api", "read"))]


@router.get("/api/openapi.json", include_in_schema=False)
def openapi(request: Request, _seat: Reader) -> JSONResponse:
    """OpenAPI 3.1 of everything under `/api/`."""
    return JSONResponse(describe(request.app))


@router.get("/api/docs", include_in_schema=False)
def show(request: Request, seat: Reader) -> Response:
    """The same to be read."""
    schema = describe(request.app)
    return office_page(
        request, seat, "api_docs.html", "/settings/api", groups=readable(schema), about=schema["info"]["description"]
    )
