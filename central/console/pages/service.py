"""The pages about the service as a whole, not about one home: wallboard, quality, settings."""

from __future__ import annotations

from fastapi import APIRouter

from central.console.pages import quality_page, quality_work

router = APIRouter()
for _page in (quality_page, quality_work):
    router.include_router(_page.router)
