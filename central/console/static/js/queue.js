// The queue: who waits, most urgent and then oldest first.
import { h, fill } from "./dom.js";
import { icon, markWithWord } from "./marks.js";
import { FLAGS, MARKS, headline, sayLanguage, span, t, language } from "./words.js";

const HOT_FLAGS = new Set(["no_speech", "oxygen", "violence"]);
export const isRinging = (card) => card.ring_at !== null;
export const isWaiting = (card) => isRinging(card) || card.state === "new" || card.state === "withdrawn";
const isParked = (card) => card.state === "waiting" && !isRinging(card);

/** An alarm that the home took back waits for a friendly call: it is never more than routine. */
const urgency = (card) => (card.state === "withdrawn" ? Math.max(card.priority, 3) : card.priority);

export function inOrder(cards) {
  return [...cards].sort((a, b) => urgency(a) - urgency(b) || a.opened_at - b.opened_at || a.id - b.id);
}

/** Cards as shown from top to bottom: the waiting, those in hand, the parked. */
export function asShown(cards) {
  const ordered = inOrder(cards);
  return [
    ordered.filter(isWaiting),
    ordered.filter((card) => !isWaiting(card) && !isParked(card)),
    ordered.filter(isParked),
  ];
}

/** Name, age, and language where it is not the operator's: "Carme, 84 · Spanish". */
export function whoIs(card, now) {
  const person = card.person;
  if (!person) return [h("b", {}, card.address)];
  const age = new Date(now * 1000).getFullYear() - person.born;
  return [
    h("b", {}, person.called),
    `, ${age}`,
    person.others > 0 && ` ${t("and {count} more", { count: person.others })}`,
    person.language !== language && ` · ${sayLanguage(person.language)}`,
  ];
}

export function flagChips(card) {
  const person = card.person;
  const chips = [];
  if (card.mark === "TEST") chips.push(h("span", { class: "chip" }, t("TEST")));
  if (card.late_s >= 1)
    chips.push(h("span", { class: "chip warn" }, t("LATE +{late}", { late: span(card.late_s, "short") })));
  if (card.state === "withdrawn") chips.push(h("span", { class: "chip" }, t("Cancelled at home: check call")));
  if (card.repeats > 1) chips.push(h("span", { class: "chip", title: t("Alarms in this case") }, `×${card.repeats}`));
  if (!person) return chips;
  if (person.speech === "none") chips.push(h("span", { class: "chip bad" }, t("No speech possible")));
  for (const flag of person.flags) {
    if (flag === "no_speech" && person.speech === "none") continue;
    chips.push(h("span", { class: HOT_FLAGS.has(flag) ? "chip bad" : "chip" }, FLAGS[flag] ?? flag));
  }
  if (person.lives_alone) chips.push(h("span", { class: "chip" }, t("Lives alone")));
  if (person.away_until_at) chips.push(h("span", { class: "chip warn" }, t("Away")));
  return chips;
}

/** The clock of a case: waiting for somebody, with somebody, or until its recall. */
export function caseClock(card) {
  if (isWaiting(card)) return { since: card.ring_at ?? card.opened_at, word: t("waiting") };
  if (isParked(card)) return { until: card.wake_at, word: t("until recall") };
  return { since: card.taken_at, word: t("in hand") };
}

export function waits(card, { wordSeen }) {
  const { since, until, word } = caseClock(card);
  return h(
    "span",
    { class: "waits number" },
    h("span", { "data-since": since, "data-until": until }),
    h("small", { class: wordSeen ? null : "unseen" }, ` ${word}`),
  );
}

function holder(card, me) {
  if (!card.owner_id) return null;
  const name = card.owner_id === me ? t("You") : card.owner;
  const says = isRinging(card)
    ? t("{who} · rings again", { who: name })
    : isParked(card)
      ? t("{who} · parked", { who: name })
      : card.state === "talking"
        ? t("{who} · speaking", { who: name })
        : name;
  return h("span", { class: "holder" }, icon("person", 15), says);
}

function paint(button, card, context) {
  const mark = card.mark.toLowerCase();
  button.setAttribute("class", `card ${mark} ${isRinging(card) ? "ringing" : "calm"}`);
  button.setAttribute("aria-current", String(card.id === context.selected));
  fill(
    button,
    markWithWord(card.mark, 30),
    h("span", { class: "what" }, headline(card)),
    waits(card, { wordSeen: false }),
    h("span", { class: "about" }, h("span", { class: "who" }, whoIs(card, context.now())), flagChips(card)),
    holder(card, context.me),
  );
}

export class Queue {
  constructor(element, context) {
    this.element = element;
    this.context = context;
    this.buttons = new Map();
  }

  render(cards) {
    const focused = document.activeElement?.dataset?.case;
    const names = [t("Waiting for somebody"), t("In hand"), t("Parked")];
    const groups = asShown(cards);
    for (const id of this.buttons.keys()) if (!groups.flat().some((card) => card.id === id)) this.buttons.delete(id);
    fill(
      this.element,
      groups.map((group, index) => {
        if (group.length === 0 && index > 0) return null;
        return [
          h("h2", {}, names[index], h("span", { class: "number" }, String(group.length))),
          group.length
            ? h(
                "ul",
                { class: "cards" },
                group.map((card) => h("li", {}, this.button(card))),
              )
            : h("p", { class: "empty" }, t("Nobody is waiting.")),
        ];
      }),
    );
    if (focused) this.buttons.get(Number(focused))?.focus({ preventScroll: true });
    this.context.tick();
  }

  button(card) {
    let button = this.buttons.get(card.id);
    if (!button) {
      button = h("button", { type: "button", "data-case": card.id, onclick: () => this.context.open(card.id) });
      this.buttons.set(card.id, button);
    }
    paint(button, card, this.context);
    return button;
  }

  /** Moves the focus by one card; begins at the chosen one. */
  step(by) {
    const buttons = [...this.element.querySelectorAll(".card")];
    if (buttons.length === 0) return;
    const at = buttons.indexOf(document.activeElement);
    const chosen = buttons.findIndex((button) => button.getAttribute("aria-current") === "true");
    const from = at >= 0 ? at : chosen;
    buttons[Math.min(Math.max(from + by, 0), buttons.length - 1)].focus();
  }
}

export const markWord = (card) => MARKS[card.mark].word;
