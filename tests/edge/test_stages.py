"""The home says nothing before it has happened, and nothing that is no longer true."""

from __future__ import annotations

import itertools
import math
import string

import pytest
from hypothesis import given, strategies

from edge.config import LANGUAGES
from edge.drivers.gsm_pdu import encode_submit
from edge.home.contact_text import contact_text
from edge.home.question import About
from edge.home.stages import (
    AGAIN_S,
    CLOSED_SHOWN_S,
    FORGOTTEN_AFTER_S,
    GLAD_SHOWN_S,
    SAME_CALL_S,
    TRYING_AFTER_S,
    Home,
    Scene,
    SceneName,
    answered,
    asked,
    changes_at,
    heard,
    line,
    messaged,
    not_asked,
    not_messaged,
    reassured,
    scene,
    second_path,
)
from edge.home.wording import phrases, put_in_words
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import AlarmAnswer, Stage

IDLE, HEARD, TRYING = SceneName.IDLE, SceneName.HEARD, SceneName.TRYING


def said(
    ref: str = "a1", stage: Stage = Stage.RECEIVED, *, snu: int = 0, case: str = "C-1", **more: object
) -> AlarmAnswer:
    return AlarmAnswer(ref, snu, 0.0, stage, case=case, **more)  # type: ignore[arg-type]


def pressed(*refs: str, at: float = 0.0) -> Home:
    home = line(Home(), connected=True)
    for ref in refs:
        home = heard(home, ref, AlarmKind.HELP, at)
    return home


def test_the_whole_way_of_a_call() -> None:
    home = line(Home(), connected=True)
    assert scene(home, 0).name is IDLE
    home = heard(home, "a1", AlarmKind.HELP, 1)
    assert scene(home, 1).name is HEARD
    home = answered(home, said(), 2)
    assert scene(home, 2).name is SceneName.RECEIVED
    home = answered(home, said(stage=Stage.TAKEN, who="Ana"), 3)
    assert (scene(home, 3).name, scene(home, 3).who) == (SceneName.TAKEN, "Ana")
    home = answered(home, said(stage=Stage.ON_THE_WAY, who="Marc", eta_minutes=12), 4)
    assert (scene(home, 4).who, scene(home, 4).eta_minutes) == ("Marc", 12)
    home = answered(home, said(stage=Stage.ARRIVED, who="Marc"), 5)
    assert scene(home, 5).name is SceneName.ARRIVED
    home = answered(home, said(stage=Stage.CLOSED), 6)
    assert scene(home, 6).name is SceneName.CLOSED
    assert scene(home, 6 + CLOSED_SHOWN_S).name is IDLE


def test_without_a_receipt_it_says_that_it_is_still_trying() -> None:
    home = pressed("a1")
    assert scene(home, TRYING_AFTER_S - 0.1).name is HEARD
    assert scene(home, TRYING_AFTER_S).name is TRYING
    assert changes_at(home, 0) == TRYING_AFTER_S
    refused = answered(home, said(snu=6), TRYING_AFTER_S)
    assert scene(refused, TRYING_AFTER_S).name is TRYING
    assert scene(answered(home, said(), 60), 60).name is SceneName.RECEIVED


def test_a_late_receipt_does_not_take_back_what_was_said() -> None:
    home = answered(pressed("a1"), said(stage=Stage.TAKEN, who="Ana"), 1)
    home = answered(home, said(), 2)
    assert (scene(home, 2).name, scene(home, 2).who) == (SceneName.TAKEN, "Ana")


def test_a_second_press_is_heard_as_itself_and_then_shares_the_stage_of_its_case() -> None:
    home = answered(pressed("a1"), said(stage=Stage.TAKEN, who="Ana"), 1)
    home = heard(home, "a2", AlarmKind.HELP, 30)
    assert scene(home, 30).name is HEARD
    home = answered(home, said("a2"), 31)
    assert (scene(home, 31).name, scene(home, 31).who) == (SceneName.TAKEN, "Ana")
    home = answered(home, said("a1", Stage.CLOSED), 60)
    assert scene(home, 60).name is SceneName.CLOSED
    assert scene(home, 60 + CLOSED_SHOWN_S).name is IDLE


def test_the_newest_of_two_different_cases_is_shown() -> None:
    home = answered(pressed("a1"), said(stage=Stage.TAKEN, who="Ana"), 1)
    home = answered(heard(home, "a2", AlarmKind.SMOKE, 30), said("a2", case="C-2"), 31)
    assert scene(home, 31).name is SceneName.RECEIVED
    assert scene(home, 31).kind is AlarmKind.SMOKE


def test_promised_minutes_count_down_and_then_nothing_is_promised() -> None:
    home = answered(pressed("a1"), said(stage=Stage.ON_THE_WAY, who="Marc", eta_minutes=2), 0)
    assert [scene(home, t).eta_minutes for t in (0, 59, 61, 121)] == [2, 2, 1, None]
    assert changes_at(home, 5) == 60
    assert scene(home, 121).name is SceneName.ON_THE_WAY


def test_a_call_that_nobody_closed_leaves_the_screen() -> None:
    home = answered(pressed("a1"), said(), 1)
    assert scene(home, FORGOTTEN_AFTER_S).name is IDLE


def test_an_answer_to_an_unknown_alarm_shows_nothing() -> None:
    assert scene(answered(line(Home(), connected=True), said("other", Stage.TAKEN, who="Ana"), 0), 0).name is IDLE


_answers = strategies.builds(
    said,
    strategies.sampled_from(["a1", "a2", "a3"]),
    strategies.sampled_from(list(Stage)),
    snu=strategies.sampled_from([0, 0, 0, 4, 5, 6]),
    case=strategies.sampled_from(["", "C-1", "C-2"]),
    who=strategies.sampled_from(["", "Ana", "Marc"]),
)


@given(strategies.lists(strategies.one_of(_answers, strategies.sampled_from(["a1", "a2", "a3"])), max_size=12))
def test_no_order_of_events_makes_it_say_more_than_was_said(events: list[AlarmAnswer | str]) -> None:
    home = line(Home(), connected=True)
    good: list[AlarmAnswer] = []
    for now, event in enumerate(events):
        if isinstance(event, str):
            home = heard(home, event, AlarmKind.HELP, float(now))
        else:
            home = answered(home, event, float(now))
            good += [event] if event.snu == 0 else []
        shown = scene(home, float(now))
        if shown.name not in {IDLE, HEARD, TRYING}:
            assert any(a.stage.value == shown.name.value for a in good)
        if shown.who:
            assert any(a.who == shown.who for a in good)
        assert changes_at(home, float(now)) > now


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_scene_has_words_in_every_language(language: str) -> None:
    kinds = [AlarmKind.HELP, AlarmKind.FALL, AlarmKind.SMOKE, AlarmKind.TEST, AlarmKind.OTHER]
    for name, kind, who, eta in itertools.product(SceneName, kinds, ("", "Ana"), (None, 1, 12)):
        shown = put_in_words(Scene(name, kind, who, eta), language)
        text = f"{shown.word}{shown.sentence}{shown.detail}"
        assert shown.word
        assert shown.sentence
        assert not set("{}") & set(text)
        if who and name in {SceneName.TAKEN, SceneName.ON_THE_WAY, SceneName.ARRIVED}:
            assert "Ana" in shown.sentence
        assert ("12" in shown.sentence) == (name is SceneName.ON_THE_WAY and eta == 12)
        assert bool(shown.label) == (kind is AlarmKind.TEST)
        assert len(shown.sentence) <= 60, "one sentence, readable across the room"


def test_the_languages_have_the_same_phrases_and_blanks() -> None:
    def outline(language: str) -> dict[str, dict[str, set[str]]]:
        return {
            table: {key: {f for _, f, _, _ in string.Formatter().parse(text) if f} for key, text in entries.items()}
            for table, entries in phrases(language).items()
        }

    assert outline("ca") == outline("es") == outline("en")


def test_idle_without_a_line_says_so() -> None:
    shown = put_in_words(Scene(IDLE, connected=False), "en")
    assert "no line" in shown.detail
    assert shown.sentence == ""
    assert changes_at(Home(), 0) == math.inf


def test_a_call_repeated_on_a_cut_line_does_not_hide_that_help_is_coming() -> None:
    home = answered(pressed("a1"), said(stage=Stage.ON_THE_WAY, who="Marc", eta_minutes=12), 1)
    home = line(heard(home, "a2", AlarmKind.HELP, 60), connected=False)
    assert scene(home, 60).name is HEARD
    shown = scene(home, 60 + TRYING_AFTER_S)
    assert (shown.name, shown.who, shown.eta_minutes) == (SceneName.ON_THE_WAY, "Marc", 11)
    later = 1 + SAME_CALL_S
    assert scene(home, later).name is TRYING, "the centre would not take it for the same call any more"
    assert changes_at(home, later - 0.5) == later


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_danger_that_has_not_got_through_is_not_covered_by_an_earlier_call(language: str) -> None:
    home = answered(pressed("a1"), said(stage=Stage.TAKEN, who="Ana"), 1)
    home = heard(home, "a2", AlarmKind.SMOKE, 30)
    shown = scene(home, 30 + TRYING_AFTER_S)
    assert (shown.name, shown.kind) == (TRYING, AlarmKind.SMOKE)
    words = phrases(language)["trying"]
    assert put_in_words(shown, language).detail == words["reached_before"], "the centre was reached before: no lie"
    alone = scene(pressed("a1"), TRYING_AFTER_S)
    assert put_in_words(alone, language).detail == words["detail"]


def test_the_end_of_one_case_does_not_hide_another_that_is_open() -> None:
    home = answered(pressed("a1"), said(stage=Stage.TAKEN, who="Ana"), 1)
    home = answered(heard(home, "a2", AlarmKind.FLOOD, 30), said("a2", Stage.CLOSED, case="C-2"), 31)
    assert (scene(home, 32).name, scene(home, 32).who) == (SceneName.TAKEN, "Ana")


def test_a_test_does_not_hide_a_call_that_is_meant() -> None:
    home = answered(pressed("a1"), said(stage=Stage.TAKEN, who="Ana"), 1)
    home = heard(home, "a2", AlarmKind.TEST, 30)
    assert (scene(home, 31).name, scene(home, 31).kind) == (SceneName.TAKEN, AlarmKind.HELP)


def test_nobody_is_said_to_be_there_who_has_handed_the_case_on() -> None:
    def at(when: float, stage: Stage, who: str = "") -> AlarmAnswer:
        return AlarmAnswer("a1", 0, when, stage, case="C-1", who=who)

    home = answered(pressed("a1"), at(100, Stage.TAKEN, "Ana"), 1)
    home = answered(home, at(90, Stage.RECEIVED), 2)
    assert scene(home, 2).name is SceneName.TAKEN, "a receipt that was overtaken"
    home = answered(home, at(110, Stage.RECEIVED), 3)
    assert scene(home, 3).name is SceneName.RECEIVED
    home = answered(home, at(120, Stage.CLOSED), 4)
    assert scene(answered(home, at(130, Stage.TAKEN, "Ana"), 5), 5).name is SceneName.CLOSED


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_waits_long_hears_that_they_are_not_forgotten(language: str) -> None:
    home = reassured(pressed("a1"))
    assert not scene(home, 1).reassured, "nothing is said of a centre that has not answered yet"
    home = reassured(answered(pressed("a1"), said(), 2))
    words = put_in_words(scene(home, 3), language)
    assert words.sentence == phrases(language)["received"]["reassured"]
    assert words.detail == phrases(language)["received"]["reassured_detail"]
    taken = scene(answered(home, said(stage=Stage.TAKEN, who="Ana"), 4), 4)
    assert put_in_words(taken, language).sentence == phrases(language)["taken"]["sentence"].format(who="Ana")


def test_a_message_by_telephone_is_said_and_is_not_taken_for_an_answer() -> None:
    home = pressed("a1")
    assert scene(home, 12).name is TRYING
    home = messaged(home, "a1", 30, ())
    shown = scene(home, 30)
    assert (shown.name, shown.contacts_told) == (SceneName.MESSAGED, ())
    assert put_in_words(shown, "en").sentence == "I have sent a message by phone. Nobody has answered yet."
    assert scene(not_messaged(home, "a1"), 61).name is TRYING, "what the network gave up was not sent"
    assert scene(answered(home, said(), 70), 70).name is SceneName.RECEIVED


@pytest.mark.parametrize(
    ("told", "language", "said"),
    [
        (["Marc"], "en", "I have written to Marc too. I keep trying."),
        (["Marc", "Inés"], "es", "También he escrito a Marc y a Inés. Lo sigo intentando."),
        (["Marc", "Inés"], "ca", "També he escrit a Marc i a Inés. Ho continuo intentant."),
        ([""], "en", "I have written to your people too. I keep trying."),
        (["Marc", ""], "en", "I have written to your people too. I keep trying."),
        (["Marc", "Inés", "Pau"], "en", "I have written to your people too. I keep trying."),
    ],
)
def test_whoever_waits_hears_the_names_of_those_who_were_written_to(told: list[str], language: str, said: str) -> None:
    home = pressed("a1")
    for name in told:
        home = messaged(messaged(home, "a1", 30, (name,)), "a1", 31, (name,))
    assert put_in_words(scene(home, 40), language).detail == said
    left = scene(not_messaged(home, "a1", tuple(told[:1])), 41)
    assert left.contacts_told == tuple(told[:1]), "whom no message reached is not named"


def test_pressing_again_while_the_message_is_out_is_heard_and_then_not_called_unsent() -> None:
    home = heard(messaged(pressed("a1"), "a1", 30, ()), "a2", AlarmKind.HELP, 40)
    assert scene(home, 41).name is HEARD
    assert scene(home, 40 + TRYING_AFTER_S).name is SceneName.MESSAGED
    smoke = heard(home, "a3", AlarmKind.SMOKE, 60)
    assert scene(smoke, 60 + TRYING_AFTER_S).name is TRYING, "of the smoke nobody was told"


def test_without_a_line_the_home_says_whether_it_can_still_write() -> None:
    for language in LANGUAGES:
        words = phrases(language)["idle"]
        home = line(Home(), connected=False)
        assert put_in_words(scene(home, 0), language).detail == words["no_line"]
        shown = scene(second_path(home, ready=True), 0)
        assert put_in_words(shown, language).detail == words["no_line_but_telephone"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_contact_is_told_what_happened_in_one_sms(language: str) -> None:
    for kind, age_s in itertools.product(AlarmKind, (None, 5.0, 150.0, 9_000.0)):
        text = contact_text(kind, age_s, "Maria Antònia", language)
        assert "Maria Antònia" in text
        assert len(text) <= 160
        assert encode_submit("+34600111222", text, 3600)
    assert contact_text(AlarmKind.HELP, 150.0, "", "en").startswith(
        "Llar: the person you look after is asking for help"
    )
    assert ", 2 min ago." in contact_text(AlarmKind.FALL, 150.0, "", "en")


def test_that_all_is_well_is_said_for_a_moment_only() -> None:
    home = not_asked(asked(Home(connected=True), "q1", About.FALL, 5.0, 30.0), 10.0, is_well=True)
    assert scene(home, 10.0).name is SceneName.GLAD
    assert changes_at(home, 10.0) == 10.0 + GLAD_SHOWN_S, "the screen looks again then"
    assert scene(home, 10.0 + GLAD_SHOWN_S).name is SceneName.IDLE


@pytest.mark.parametrize("stage", [Stage.RECEIVED, Stage.TAKEN, Stage.ON_THE_WAY])
def test_whoever_waits_hears_the_same_word_again_every_two_minutes(stage: Stage) -> None:
    home = answered(pressed("a1"), said(stage=stage, who="Marc"), 10)
    moments, now = [], 10.0
    while (now := changes_at(home, now)) < 10 + 3 * AGAIN_S + 1:
        moments.append((now, scene(home, now).again))
    assert {(10 + AGAIN_S, 1), (10 + 2 * AGAIN_S, 2), (10 + 3 * AGAIN_S, 3)} <= set(moments)
    assert put_in_words(scene(home, 10 + AGAIN_S), "en").again == 1
    comforted = scene(reassured(home), 11).again
    assert comforted == (stage is Stage.RECEIVED)  # said when it comes
    further = answered(home, said(stage=Stage.ARRIVED, who="Marc"), 200)
    assert scene(further, 200 + 2 * AGAIN_S).again == 0  # somebody is there


def test_while_there_is_no_line_it_says_again_that_it_is_still_trying() -> None:
    assert [scene(pressed("a1"), at).again for at in (60, AGAIN_S, 2 * AGAIN_S)] == [0, 1, 2]


def test_a_call_in_secret_is_neither_shown_nor_said_whatever_the_centre_answers() -> None:
    home = heard(Home(connected=True), "D1", AlarmKind.DURESS, 0.0)
    home = answered(home, AlarmAnswer("D1", 0, 1.0, Stage.TAKEN, "7", "Ana"), 1.0)
    assert {scene(home, at).name for at in (0.0, 5.0, 60.0, 600.0)} == {SceneName.IDLE}
    assert changes_at(home, 0.0) == math.inf
