"""What leads to help, in a real browser: contacts, checklist, emergency card, reasons, handing over."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from central.alarm_cases.case import CaseEvent, EventType
from central.alarm_cases.closing import Action, Cause, Closing, Outcome
from central.alarm_cases.rota import Profile
from central.console.offers import HANDED_S
from central.storage import cases, rota
from central.storage.people import Contact, Resident
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import MessageType
from tests.browser.conftest import Console
from tests.central.console_setting import enrol, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def log_of(console: Console, case_id: int) -> list[CaseEvent]:
    with console.setting.database.read() as conn:
        return cases.events_of(conn, case_id)


def state_of(console: Console, case_id: int) -> str:
    with console.setting.database.read() as conn:
        case = cases.find(conn, case_id)
    assert case is not None
    return case.state.value


def taken(console: Console, page: Page, case_id: int) -> None:
    """Takes the case by key."""
    expect(page.locator(f'[data-case="{case_id}"]')).to_be_visible()
    page.keyboard.press("F2")
    expect(page.locator(".case-head")).to_contain_text("Teniu aquest cas")
    expect(page.locator("#contact-marta")).to_be_visible()


def says(page: Page, answer: int) -> None:
    """Triage by key, once the case has the focus."""
    page.keyboard.press(str(answer))
    expect(page.locator(f'[data-act="triage-{answer}"]')).to_have_attribute("aria-pressed", "true")


def test_nobody_answers_leads_by_the_checklist_to_the_team_to_112_and_on(console: Console) -> None:
    page = console.seat()
    case_id = console.setting.alarm("carme")
    taken(console, page, case_id)
    says(page, 5)
    steps = page.locator(".checklist .step")
    expect(steps).to_have_count(8)
    expect(page.locator(".step.now")).to_contain_text("Crida tres vegades")
    expect(page.locator(".step.now [data-until]")).to_have_text(re.compile(r"0:[0-3]\d"))
    page.get_by_role("button", name="Passa a trucar al domicili").click()
    expect(page.locator(".step.skipped")).to_have_count(3)
    expect(page.locator(".step.now a")).to_have_attribute("href", "tel:935550142")
    page.keyboard.press("d")
    expect(page.locator(".step.done")).to_have_count(1)
    page.keyboard.press("k")
    page.keyboard.press("Control+Enter")
    expect(page.locator("dialog [role=alert]")).to_have_text("Escriviu per què s'omet el pas.")
    page.keyboard.type("No en té")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".step.now")).to_contain_text("Truca als contactes")
    expect(page.locator("dialog[open]")).to_have_count(0)
    for name in ("Joan Ferrer", "Marta Puig", "Joan Ferrer", "Marta Puig"):
        page.keyboard.press("F8")
        expect(page.locator(".call h2")).to_have_text(f"Trucada a {name}")
        expect(page.locator(".call [data-until]")).to_have_text(re.compile(r"0:[0-3]\d"))
        expect(page.locator(".call a")).to_be_focused()
        page.keyboard.press("x")
        expect(page.locator(".call")).to_have_count(0)
    expect(page.locator("#contact-joan .chip.bad")).to_contain_text("no contesta")
    expect(page.locator(".step.by_system")).to_have_count(1)
    expect(page.locator(".step.now")).to_contain_text("unitat mòbil")
    page.keyboard.press("d")
    expect(page.locator(".step.now a")).to_have_attribute("href", "tel:112")
    page.keyboard.press("F4")
    expect(page.locator(".emergency")).to_contain_text("Carrer de Verdi 112, 3r 2a, Gràcia")
    expect(page.locator(".emergency")).to_contain_text(re.compile(r"Carme Puig i Soler, uns \d\d anys"))
    expect(page.locator(".emergency")).to_contain_text("sempre ambulància")
    expect(page.locator(".emergency")).to_contain_text("93 555 01 42")
    page.keyboard.press("Escape")
    page.keyboard.press("F8")
    expect(page.locator(".call h2")).to_have_text("Trucada a Joan Ferrer")
    page.keyboard.press("a")
    expect(page.locator("dialog[open] input:checked")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".case-head")).to_contain_text("Joan Ferrer ve de camí")


def test_a_silent_call_says_send_when_in_doubt(console: Console) -> None:
    page = console.seat()
    case_id = console.setting.alarm("carme")
    taken(console, page, case_id)
    says(page, 5)
    page.locator('[data-act="silent"]').click()
    expect(page.locator(".checklist .notice")).to_contain_text("En cas de dubte, envieu ajuda")
    expect(page.locator(".checklist .step")).to_have_count(7)


def test_where_somebody_is_threatened_only_what_is_safe_is_offered(console: Console) -> None:
    page = console.seat()
    case_id = console.setting.alarm("carme", AlarmKind.DURESS)
    taken(console, page, case_id)
    offered = page.locator(
        "#rooms a[href^='tel:93'], [data-act=next-contact], [data-act^='call:'], [data-act^='notify:'], "
        "[data-act=talk], [data-act=silent], [data-act=no-speech]"
    )
    for answer in (3, 5):
        says(page, answer)
        expect(page.locator(".speech [role=alert]")).to_contain_text("SILENCI")
        expect(offered).to_have_count(0)
    page.locator("[data-act=step-done]").click()
    expect(page.locator(".checklist [aria-current=step]")).to_contain_text("Escolta")
    expect(offered).to_have_count(0)
    page.keyboard.press("F8")
    expect(page.locator("#toasts")).to_contain_text("112")
    expect(page.locator(".call")).to_have_count(0)


def test_emergency_services_open_the_card_to_read_aloud(console: Console) -> None:
    page = console.seat()
    case_id = console.setting.alarm("carme", AlarmKind.SMOKE, "cuina")
    taken(console, page, case_id)
    page.keyboard.press("4")
    expect(page.locator("dialog[open] .emergency")).to_be_visible()
    expect(page.locator("dialog a[href='tel:112']")).to_be_focused()
    page.keyboard.press("Escape")
    assert state_of(console, case_id) == "taken"


def test_a_withdrawn_alarm_waits_quietly_for_a_check_call(console: Console) -> None:
    page = console.seat()
    case_id = console.setting.alarm("carme", AlarmKind.HELP, "sala")
    expect(page).to_have_title(re.compile(r"^\(1\)"))
    console.setting.alarm("carme", AlarmKind.HELP, "sala", mty=MessageType.WITHDRAWN)
    card = page.locator(f'[data-case="{case_id}"]')
    expect(card).to_contain_text("Anul·lada a casa")
    expect(card).to_have_class(re.compile("calm"))
    expect(page).not_to_have_title(re.compile(r"^\(1\)"))
    taken(console, page, case_id)
    assert state_of(console, case_id) == "taken"


def test_a_drill_says_test_on_every_line(console: Console) -> None:
    page = console.seat()
    case_id = console.setting.alarm("carme", AlarmKind.TEST)
    console.setting.desk.note(case_id, "marc", "Prova mensual", console.setting.clock())
    taken(console, page, case_id)
    lines = page.locator(".timeline li")
    expect(lines).to_have_count(3)
    for line in lines.all():
        expect(line).to_contain_text("PROVA")
    expect(page.locator(".case")).to_have_class(re.compile(r"\btest\b"))
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-template=test]")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")
    wait_until(lambda: state_of(console, case_id) == "closed")


def test_a_case_that_nobody_took_in_time_is_not_closed_without_a_reason(console: Console) -> None:
    page = console.seat()
    case_id = console.setting.alarm("carme", at=console.setting.clock() - 200)
    taken(console, page, case_id)
    page.keyboard.press("s")
    expect(page.locator(".case-body .notice.warn").first).to_contain_text("Cal explicar per què")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Enter")
    expect(page.locator("#close-explanation")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page.locator("dialog [role=alert]")).to_be_visible()
    assert state_of(console, case_id) == "talking"
    page.keyboard.type("Tots els llocs ocupats per la tempesta")
    page.keyboard.press("Control+Enter")
    wait_until(lambda: state_of(console, case_id) == "closed")


def test_a_closed_case_is_found_among_the_last_ones_and_opened_again_for_a_reason(console: Console) -> None:
    now = console.setting.clock()
    case_id = console.setting.alarm("carme", at=now - 900)
    console.setting.desk.take(case_id, "marc", now - 890)
    console.setting.desk.talk(case_id, "marc", now - 880)
    ended = Closing(Cause.MISTAKE, Action.TALKED, Outcome.RESOLVED_BY_TALK)
    console.setting.desk.close(case_id, "marc", ended, now - 800)
    page = console.seat()
    newer = console.setting.alarm("carme", ref="A2")
    taken(console, page, newer)
    page.locator(f'[data-act="open:{case_id}"]').click()
    expect(page.locator(".case-head")).to_contain_text("Tancat a les")
    page.locator('[data-act="reopen"]').click()
    page.keyboard.type("Ha tornat a trucar")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".timeline")).to_contain_text("Ha tornat a trucar")
    assert state_of(console, case_id) == "taken"


def test_handing_over_rings_at_the_colleague_who_is_named(console: Console) -> None:
    ana, marc = console.seat("ana"), console.seat("marc")
    case_id = console.setting.alarm("carme")
    taken(console, ana, case_id)
    expect(marc.locator(f'[data-case="{case_id}"]')).to_contain_text("Ana")
    ana.locator(".menu-button:not(.rail-button)").click()
    ana.locator("#hand-over").click()
    ana.locator("dialog .choice", has_text="Marc").click()
    ana.fill("#reason", "Acabo el torn")
    ana.keyboard.press("Control+Enter")
    expect(ana.get_by_text("Traspassats: 1.")).to_be_visible()
    expect(marc.locator(f'[data-case="{case_id}"]')).to_have_class(re.compile("ringing"))
    expect(marc.locator(f'[data-case="{case_id}"] .offer.mine')).to_have_text("For you, from Ana: Acabo el torn")
    expect(ana.locator(f'[data-case="{case_id}"] .offer')).to_have_text("Primer per a Marc")
    handed = log_of(console, case_id)[-1]
    assert (handed.type, handed.facts.operator, handed.facts.reason) == (EventType.HANDED_OVER, "marc", "Acabo el torn")


def test_the_giver_is_told_when_the_colleague_has_not_taken_a_case_in_time(console: Console) -> None:
    ana, marc = console.seat("ana"), console.seat("marc")
    now = console.setting.clock()
    case_id = console.setting.alarm("carme", at=now - 120)
    console.setting.desk.take(case_id, "ana", now - 110)
    console.setting.desk.hand_over("ana", "Acabo el torn", now - HANDED_S, by="ana", to="marc")
    expect(ana.get_by_text(f"Marc no ha agafat el cas {case_id} a temps.")).to_be_visible()
    expect(marc.locator(f'[data-case="{case_id}"]')).to_have_class(re.compile("ringing"))
    expect(marc.locator(".offer")).to_have_count(0)


def test_what_is_handed_to_a_colleague_sounds_with_them_and_a_p1_with_all(console: Console) -> None:
    ana, marc = console.seat("ana"), console.seat("marc")
    case_id = console.setting.alarm("carme", AlarmKind.FLOOD)
    console.setting.desk.take(case_id, "ana", console.setting.clock())
    for page in (ana, marc):
        expect(page.locator(f'[data-case="{case_id}"]')).to_have_class(re.compile("p2 calm"))
        page.evaluate(
            """() => {
            const { start } = OscillatorNode.prototype;
            window.notes = 0;
            OscillatorNode.prototype.start = function (...at) { window.notes += 1; return start.apply(this, at); }; }"""
        )
    wait_until(lambda: ("marc", "ready") in {(one.operator, one.state) for one in console.setting.live.at_desk()})
    console.setting.desk.hand_over("ana", "Acabo el torn", console.setting.clock(), by="ana", to="marc")
    wait_until(lambda: marc.evaluate("window.notes > 0"))
    expect(ana.locator(f'[data-case="{case_id}"] .offer')).to_have_text("Primer per a Marc")
    assert ana.evaluate("window.notes") == 0
    console.setting.alarm("carme", AlarmKind.HELP, ref="A2")
    wait_until(lambda: ana.evaluate("window.notes > 0"))


def test_the_closing_dialog_says_who_is_told_how_it_ended_and_the_case_shows_it(console: Console) -> None:
    with console.setting.database.begin() as conn:
        rota.keep_profile(conn, "marta", Profile(consent=("alarms", "history")), 0.0, "carme")
    page = console.seat()
    case_id = console.setting.alarm("carme")
    taken(console, page, case_id)
    page.keyboard.press("s")
    expect(page.locator(".case-head")).to_contain_text("Hi esteu parlant")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#close-summary")).to_contain_text("S'escriu com ha acabat a Marta Puig")
    expect(page.locator("[data-template=mistake]")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")
    expect(page).not_to_have_url(re.compile("#"))  # the console has left the case
    page.goto(f"{console.url}/#{case_id}")
    page.reload()
    expect(page.locator(".deliveries")).to_contain_text("com ha acabat")


def test_log_out_is_held_back_while_one_holds_a_case(console: Console) -> None:
    page = console.seat()
    case_id = console.setting.alarm("carme")
    taken(console, page, case_id)
    page.locator(".menu-button:not(.rail-button)").click()
    page.locator("#logout").click()
    expect(page.locator("dialog[open]")).to_contain_text("Traspassa els meus casos")
    expect(page).to_have_url(re.compile(rf"#{case_id}$"))


def test_it_is_offered_first_to_who_speaks_the_language_and_everybody_sees_it(console: Console) -> None:
    marc = console.seat("marc")
    ana = console.seat("ana")
    case_id = console.setting.alarm("carme")
    expect(ana.locator(f'[data-case="{case_id}"]')).to_contain_text("Primer per a vós")
    expect(marc.locator(f'[data-case="{case_id}"]')).to_contain_text("Offered to Ana")
    marc.keyboard.press("F2")
    expect(marc.locator(".case-head")).to_contain_text("You have this case")
    expect(ana.locator(".offer")).to_have_count(0)


def test_keys_are_changed_kept_on_the_account_and_shown_on_the_buttons(console: Console) -> None:
    page = console.seat()
    page.keyboard.press("?")
    page.get_by_role("button", name="Canvia les tecles").click()
    page.locator("#key-take").focus()
    page.keyboard.press("F4")
    page.get_by_role("button", name="Desa").click()
    expect(page.locator("dialog [role=alert]")).to_contain_text("F4 surt dues vegades")
    page.locator("#key-take").focus()
    page.keyboard.press("F9")
    page.get_by_role("button", name="Desa").click()
    expect(page.locator("dialog[open]")).to_have_count(0)
    console.setting.alarm("carme")
    page.locator(".card").click()
    expect(page.locator('[data-act="take"] kbd')).to_have_text("F9")
    page.reload()
    expect(page.locator("dialog[open]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator('[data-act="take"] kbd')).to_have_text("F9")
    page.keyboard.press("F2")
    expect(page.locator(".case-head")).to_contain_text("Aquest cas encara no el té ningú")
    page.keyboard.press("F9")
    expect(page.locator(".case-head")).to_contain_text("Teniu aquest cas")


def test_many_silent_homes_are_one_row_that_opens_and_a_life_is_never_in_it(console: Console) -> None:
    now = console.setting.clock()
    for number in range(6):
        home = f"casa{number}"
        person = Resident(home, home, f"Pia{number}", f"Pia {number}", 1940, lives_alone=number == 3)
        enrol(
            console.setting, home, f"Carrer Nou {number}", "Sants", [person], [Contact(f"c{number}", home, 1, "Laia")]
        )
        console.setting.finding(home, AlarmKind.HUB_SILENT, "hub_silent", {"hours": 0.5}, now)
    page = console.seat()
    life = console.setting.alarm("casa1", AlarmKind.HELP)
    row = page.locator(".card.incident")
    expect(row).to_contain_text("domicilis en silenci")
    expect(row).to_contain_text("Zona Sants")
    expect(page.locator(f'[data-case="{life}"]')).to_be_visible()
    expect(page.locator(".members .card").first).to_be_hidden()
    row.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".members .card").first).to_contain_text("Pia3")
    expect(page.locator(".card.incident")).to_be_focused()


def test_a_console_that_answers_no_sign_of_life_is_not_ready_within_seconds(console: Console) -> None:
    page = console.seat()
    wait_until(lambda: console.setting.live.ready_operators() == 1)
    page.route("**/api/me/state", lambda route: route.abort())
    wait_until(lambda: console.setting.live.ready_operators() == 0)
