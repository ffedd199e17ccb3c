"""Every page that the centre serves, and who is to look at it: what no list names, a house rule finds."""

from __future__ import annotations

from typing import Final

from central.console.pages.quality_page import VIEWS
from central.console.pages.resident_file import TABS

SUPERVISOR: Final = (
    "/wallboard",
    "/wallboard?big=true",
    *(f"/quality?show={view}&period=month" for view in VIEWS),
    "/quality/report",
    "/settings",
    "/settings/api",
    "/settings/api/webhooks/{hook_id}",
    "/api/docs",
    "/accounts",
    "/audit",
    "/me",
)
COORDINATOR: Final = (
    "/residents",
    *(f"/residents/carme?tab={tab}" for tab in TABS),
    "/paper-list?municipality=*",
    "/agenda",
    "/keys",
    "/drills",
    "/devices?which=all",
    "/devices/hub-carme",
    "/repairs",
)
CARER: Final = ("/family/case/{case_id}", "/family/looked/carme")
STRANGER: Final = ("/c/test/{token}", "/claim", "/login/code")
"""Without an account, or not quite logged in."""

ELSEWHERE: Final = {
    "/": "test_console_accessibility.test_console_with_an_open_case_and_its_windows",
    "/login": "test_console_accessibility.test_log_in",
    "/health": "test_console_accessibility.test_health",
    "/c/{token}": "test_carers_pages.test_going_by_the_link_of_a_message_with_one_tap",
    "/c/invite/{token}": "test_carers_phones.test_a_coordinator_invites_and_the_contact_is_in_by_their_own_password",
    "/family": "test_carers_pages.test_the_familys_page_between_alarms_and_with_one",
    "/family/rota": "test_carers_pages.test_the_rota_by_keyboard_and_thumb",
    "/family/phone": "test_carers_pages.test_the_rota_by_keyboard_and_thumb",
    "/family/offline": "test_carers_pages.test_without_a_connection_the_phone_says_so_and_nothing_is_pretended",
    "/rights": "test_carers_pages.test_the_residents_page_in_large_print",
    "/rights/{resident_id}/export": "test_carers_pages.test_the_residents_page_in_large_print",
    "/requests": "test_carers_pages.test_the_residents_page_in_large_print",
    "/retention": "test_privacy_pages.test_a_coordinator_holds_a_file_and_writes_down_a_breach",
    "/breaches": "test_privacy_pages.test_a_coordinator_holds_a_file_and_writes_down_a_breach",
}
"""Looked at by a test that needs them as they are in the middle of something."""

NO_PAGES: Final = frozenset(
    {
        "/live",
        "/api/openapi.json",
        "/family/now",
        "/family/case/{case_id}/now",
        "/family/manifest.webmanifest",
        "/family/sw.js",
        "/c/{token}/now",
        "/c/{token}/app.webmanifest",
        "/c/invite/{token}/log-in",
    }
)
"""Parts of pages, files for programs, and what only leads on."""
