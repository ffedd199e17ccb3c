// The queue: who waits, most urgent and then oldest first.
import { arrange, fill, h, setText } from "./dom.js";
import { icon, markWithWord } from "./marks.js";
import { FLAGS, causeOf, headline, sayAge, sayLanguage, span, t, language } from "./words.js";

const HOT_FLAGS = new Set(["no_speech", "oxygen", "violence"]);
export const isRinging = (card) => card.ring_at !== null;
export const isAsked = (card) => card.state === "new" && !isRinging(card); // the home itself, before anybody is called
export const isWaiting = (card) => isRinging(card) || card.state === "withdrawn";
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
export function whoIs(card) {
  const person = card.person;
  if (!person) return [h("b", {}, card.address)];
  return [
    h("b", {}, person.called),
    `, ${sayAge(person.age, person.age_about)}`,
    person.others > 0 && ` ${t("and {count} more", { count: person.others })}`,
    person.language !== language && `\u00a0· ${sayLanguage(person.language)}`,
  ];
}

/** What a case has about it, besides its mark. */
export function caseChips(card) {
  const chips = [];
  if (card.kind === "duress") chips.push(h("span", { class: "chip bad" }, t("SILENT: do not speak into the home")));
  if (card.late_s >= 1)
    chips.push(h("span", { class: "chip warn" }, t("LATE +{late}", { late: span(card.late_s, "short") })));
  if (card.by_sms) chips.push(h("span", { class: "chip warn" }, t("came by SMS")));
  if (card.exception_at !== null && card.explained_at === null)
    chips.push(h("span", { class: "chip bad" }, t("to be explained")));
  if (card.reopened > 0) chips.push(h("span", { class: "chip" }, t("opened again")));
  if (isAsked(card)) chips.push(h("span", { class: "chip" }, t("Being asked at home")));
  if (card.state === "withdrawn") chips.push(h("span", { class: "chip" }, t("Cancelled at home: check call")));
  if (card.repeats > 1) chips.push(h("span", { class: "chip", title: t("Alarms in this case") }, `×${card.repeats}`));
  return chips;
}

/** What one should know of the person; `gravest`: only what changes how one speaks or goes there. */
export function personChips(card, { gravest = false } = {}) {
  const person = card.person;
  const chips = [];
  if (!person) return chips;
  if (person.speech === "none") chips.push(h("span", { class: "chip bad" }, t("No speech possible")));
  for (const flag of person.flags) {
    if (flag === "no_speech" && person.speech === "none") continue;
    if (gravest && !HOT_FLAGS.has(flag)) continue;
    chips.push(h("span", { class: HOT_FLAGS.has(flag) ? "chip bad" : "chip" }, FLAGS[flag] ?? flag));
  }
  if (person.lives_alone && !gravest) chips.push(h("span", { class: "chip" }, t("Lives alone")));
  if (isAway(card)) chips.push(h("span", { class: "chip warn" }, t("Away")));
  return chips;
}

/** The clock of a case: waiting for somebody, with somebody, or until its recall. */
export function caseClock(card) {
  if (isWaiting(card)) return { since: card.ring_at ?? card.opened_at, word: t("waiting") };
  if (isAsked(card)) return { until: card.wake_at, word: t("to answer at home") };
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
  const { handed } = offer;
  if (handed && offer.operator === context.me)
    return h("span", { class: "offer mine" }, icon("road", 15), t("For you, from {who}: {why}", { who: handed.called, why: handed.reason }));
  return offer.operator === context.me
    ? h("span", { class: "offer mine" }, icon("road", 15), t("Offered to you first"))
    : h("span", { class: "offer" }, t("Offered to {who}", { who: context.called(offer.operator) }));
}

const isAway = (card) => card.person !== null && card.person.away_until_at * 1000 > Date.now();

/** Paints a card anew where it shows something else than before. */
function paint(button, card, context) {
  const standing = context.offer(card);
  const mine = standing?.operator === context.me;
  const chosen = String(card.id === context.selected);
  if (button.getAttribute("aria-current") !== chosen) button.setAttribute("aria-current", chosen);
  const year = new Date(context.now() * 1000).getFullYear();
  const face = [card, isAway(card), year];
  const anew = !button.face?.every((shown, index) => shown === face[index]);
  const offer = standing ? `${standing.operator} ${context.called(standing.operator)}` : "";
  if (!anew && button.offer === offer) return;
  Object.assign(button, { face, offer });
  button.setAttribute("class", `card ${card.mark.toLowerCase()} ${isRinging(card) ? "ringing" : "calm"}${mine ? " offered" : ""}`);
  if (anew) {
    fill(
      button,
      markWithWord(card.mark, 30),
      h("span", { class: "what" }, headline(card)),
      waits(card, { wordSeen: false }),
      h("span", { class: "about" }, h("span", { class: "who" }, whoIs(card, context.now())), caseChips(card), personChips(card)),
      holder(card, context.me),
    );
    context.tick(button);
  }
  button.querySelector(".offer")?.remove();
  if (standing) button.append(offered(card, context));
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

/** The queue on the page. Elements stay where they are; only what changed is painted. */
export class Queue {
  constructor(element, context) {
    this.element = element;
    this.context = context;
    this.rows = new Map();
    this.opened = new Set();
    this.groups = [t("Waiting for somebody"), t("In hand"), t("Parked")].map((name) => {
      const number = h("span", { class: "number" });
      return { heading: h("h2", {}, name, number), number, list: h("ul", { class: "cards" }) };
    });
    this.nobody = h("p", { class: "empty" }, t("Nobody is waiting."));
  }

  render(cards) {
    const focused = document.activeElement;
    const before = this.rows;
    this.rows = new Map();
    const shown = asShown(cards).flatMap((group, index) => this.group(group, this.groups[index], before));
    arrange(this.element, shown);
    if (focused !== document.activeElement && this.element.contains(focused)) focused.focus({ preventScroll: true });
  }

  group(cards, { heading, number, list }, before) {
    setText(number, String(cards.length));
    const entries = grouped(cards, this.context.incidents());
    arrange(list, entries.map((entry) => (entry.incident ? this.incident(entry, before) : this.row(entry, before))));
    if (cards.length) return [heading, list];
    return heading === this.groups[0].heading ? [heading, this.nobody] : [];
  }

  /** "12 homes silent, Gràcia": one row that opens; the people most at risk first. */
  incident({ incident, cards }, before) {
    const key = `incident-${incident.id}`;
    const item = before.get(key) ?? this.newIncident(incident.id, key);
    this.rows.set(key, item);
    const [row, members] = item.children;
    const open = this.opened.has(incident.id);
    row.setAttribute("aria-expanded", String(open));
    members.hidden = !open;
    arrange(members, cards.map((card) => this.row(card, before)));
    const mark = cards.some((card) => card.mark === "P2") ? "P2" : "T";
    const face = [mark, cards.length, incident.opened_at, incident.cause, open].join();
    if (item.face === face) return item;
    item.face = face;
    fill(
      row,
      markWithWord(mark, 30),
      h("span", { class: "what" }, t("{count} homes silent", { count: cards.length })),
      h("span", { class: "waits number" }, h("span", { "data-since": incident.opened_at })),
      h("span", { class: "about" }, h("span", { class: "who" }, causeOf(incident)), h("span", { class: "chip" }, open ? t("Close the list") : t("Open the list"))),
    );
    this.context.tick(row);
    return item;
  }

  newIncident(number, id) {
    const onclick = () => {
      if (!this.opened.delete(number)) this.opened.add(number);
      this.context.repaint();
    };
    return h(
      "li",
      {},
      h("button", { type: "button", class: "card incident", "data-incident": number, "aria-controls": id, onclick }),
      h("ul", { class: "cards members", id }),
    );
  }

  row(card, before) {
    const item =
      before.get(card.id) ??
      h("li", {}, h("button", { type: "button", "data-case": card.id, onclick: () => this.context.open(card.id) }));
    this.rows.set(card.id, item);
    paint(item.firstChild, card, this.context);
    return item;
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

