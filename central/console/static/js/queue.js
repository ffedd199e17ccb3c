// The queue: who waits, most urgent and then oldest first.
import { h, fill } from "./dom.js";
import { icon, markWithWord } from "./marks.js";
import { FLAGS, headline, sayLanguage, span, t, language } from "./words.js";

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
  if (card.by_sms) chips.push(h("span", { class: "chip warn" }, t("came by SMS")));
  if (card.exception_at !== null && card.explained_at === null)
    chips.push(h("span", { class: "chip bad" }, t("to be explained")));
  if (card.reopened > 0) chips.push(h("span", { class: "chip" }, t("opened again")));
  if (card.state === "withdrawn") chips.push(h("span", { class: "chip" }, t("Cancelled at home: check call")));
  if (card.repeats > 1) chips.push(h("span", { class: "chip", title: t("Alarms in this case") }, `×${card.repeats}`));
  if (!person) return chips;
  if (person.speech === "none") chips.push(h("span", { class: "chip bad" }, t("No speech possible")));
  for (const flag of person.flags) {
    if (flag === "no_speech" && person.speech === "none") continue;
    chips.push(h("span", { class: HOT_FLAGS.has(flag) ? "chip bad" : "chip" }, FLAGS[flag] ?? flag));
  }
  if (person.lives_alone) chips.push(h("span", { class: "chip" }, t("Lives alone")));
  if (person.away_until_at * 1000 > Date.now()) chips.push(h("span", { class: "chip warn" }, t("Away")));
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

/** To whom it is offered first: everybody sees it, one console is pointed at for some seconds. */
function offered(card, context) {
  const offer = context.offer(card);
  if (!offer) return null;
  return offer.operator === context.me
    ? h("span", { class: "offer mine" }, icon("road", 15), t("Offered to you first"))
    : h("span", { class: "offer" }, t("Offered to {who}", { who: context.called(offer.operator) }));
}

function paint(button, card, context) {
  const mark = card.mark.toLowerCase();
  const mine = context.offer(card)?.operator === context.me;
  button.setAttribute("class", `card ${mark} ${isRinging(card) ? "ringing" : "calm"}${mine ? " offered" : ""}`);
  button.setAttribute("aria-current", String(card.id === context.selected));
  fill(
    button,
    markWithWord(card.mark, 30),
    h("span", { class: "what" }, headline(card)),
    waits(card, { wordSeen: false }),
    h("span", { class: "about" }, h("span", { class: "who" }, whoIs(card, context.now())), flagChips(card)),
    holder(card, context.me),
    offered(card, context),
  );
}

/** Cases of one incident under one row; a matter of life always stands by itself. */
export function grouped(cards, incidents) {
  const members = new Map();
  for (const card of cards)
    if (card.incident_id !== null && card.mark !== "P1" && incidents.has(card.incident_id))
      members.set(card.incident_id, [...(members.get(card.incident_id) ?? []), card]);
  const done = new Set();
  return cards.flatMap((card) => {
    const together = members.get(card.incident_id);
    if (card.mark === "P1" || !together || together.length < 2) return [card];
    if (done.has(card.incident_id)) return [];
    done.add(card.incident_id);
    const order = incidents.get(card.incident_id).case_ids;
    return [{ incident: incidents.get(card.incident_id), cards: together.sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id)) }];
  });
}

const causeOf = ({ cause }) =>
  cause.startsWith("area:") ? t("Area {name}", { name: cause.slice(5) }) : t("In several areas");

export class Queue {
  constructor(element, context) {
    this.element = element;
    this.context = context;
    this.buttons = new Map();
    this.opened = new Set();
  }

  render(cards) {
    const focused = document.activeElement?.dataset?.case;
    const incident = document.activeElement?.dataset?.incident;
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
                grouped(group, this.context.incidents()).map((entry) =>
                  h("li", {}, entry.incident ? this.incident(entry) : this.button(entry)),
                ),
              )
            : h("p", { class: "empty" }, t("Nobody is waiting.")),
        ];
      }),
    );
    if (incident) this.element.querySelector(`[data-incident="${incident}"]`)?.focus({ preventScroll: true });
    if (focused) this.buttons.get(Number(focused))?.focus({ preventScroll: true });
    this.context.tick();
  }

  /** "12 homes silent, Gràcia": one row that opens; the people most at risk first. */
  incident({ incident, cards }) {
    const open = this.opened.has(incident.id);
    const id = `incident-${incident.id}`;
    const row = h(
      "button",
      {
        type: "button",
        class: "card incident",
        "data-incident": incident.id,
        "aria-expanded": String(open),
        "aria-controls": id,
        onclick: () => {
          if (!this.opened.delete(incident.id)) this.opened.add(incident.id);
          this.context.repaint();
        },
      },
      markWithWord(cards.some((card) => card.mark === "P2") ? "P2" : "T", 30),
      h("span", { class: "what" }, t("{count} homes silent", { count: cards.length })),
      h("span", { class: "waits number" }, h("span", { "data-since": incident.opened_at })),
      h("span", { class: "about" }, h("span", { class: "who" }, causeOf(incident)), h("span", { class: "chip" }, open ? t("Close the list") : t("Open the list"))),
    );
    const members = h(
      "ul",
      { class: "cards members", id, hidden: !open },
      cards.map((card) => h("li", {}, this.button(card))),
    );
    return [row, members];
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
    const buttons = [...this.element.querySelectorAll(".card")].filter((button) => button.offsetParent !== null);
    if (buttons.length === 0) return;
    const at = buttons.indexOf(document.activeElement);
    const chosen = buttons.findIndex((button) => button.getAttribute("aria-current") === "true");
    const from = at >= 0 ? at : chosen;
    buttons[Math.min(Math.max(from + by, 0), buttons.length - 1)].focus();
  }
}

