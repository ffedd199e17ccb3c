// The resident's card: who it is, how to reach them, whom to send, and how they have been.
import { fill, h } from "./dom.js";
import { page } from "./api.js";
import { curve, ribbon, unavailable } from "./charts.js";
import { button } from "./help.js";
import { icon } from "./marks.js";
import { callChip } from "./placing.js";
import { FLAGS, KINDS, RELATIONS, SENSES, clock, moment, sayAge, sayLanguage, t } from "./words.js";
import { DELIVERY_CHIPS, may } from "./case.js";

const HOT_FLAGS = new Set(["no_speech", "oxygen", "violence"]);

function person(resident, age, now) {
  const facts = [
    [t("Speaks"), sayLanguage(resident.language)],
    resident.mobile && [t("Mobile telephone"), resident.mobile],
    resident.hearing !== "good" && [t("Hearing"), SENSES[resident.hearing] ?? resident.hearing],
    resident.speech !== "good" && [t("Speech"), SENSES[resident.speech] ?? resident.speech],
    resident.away_until_at > now && [t("Away until"), moment(resident.away_until_at, now)],
  ].filter(Boolean);
  return h(
    "div",
    { class: "person" },
    h("h2", {}, `${resident.called}, ${sayAge(...age)}`),
    h("p", { class: "fullname" }, resident.full_name),
    h(
      "div",
      { class: "chips" },
      resident.lives_alone && h("span", { class: "chip" }, t("Lives alone")),
      resident.flags.map((flag) =>
        h("span", { class: HOT_FLAGS.has(flag) ? "chip bad" : "chip" }, FLAGS[flag] ?? flag),
      ),
    ),
    h(
      "dl",
      { class: "facts" },
      facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    ),
    resident.conditions && h("p", { class: "conditions" }, resident.conditions),
  );
}

const WHY_NOT = {
  unreachable: t("no message can reach them"),
  muted: t("wants no messages now"),
  away: t("away"),
  off_hours: t("not at this hour"),
  night: t("not at night"),
};
const SAID = {
  going: [t("is going"), "good"],
  arrived: [t("is there"), "good"],
  inside: [t("is inside"), "good"],
  all_well: [t("says that all is well"), "good"],
  declined: [t("cannot come"), "warn"],
  ambulance: [t("asks for an ambulance"), "bad"],
  advice: [t("needs advice"), "bad"],
};

function reach(how, sent, goes, placed) {
  const calls = how?.calls.filter((call) => call.result) ?? [];
  const told = placed && !["own_missed", "not_placed"].includes(placed.state);
  const last = !told && calls.at(-1);
  const said = how && !goes && SAID[how.state];
  return h(
    "div",
    { class: "chips" },
    said && h("span", { class: `chip ${said[1]}` }, said[0]),
    how?.why_not && h("span", { class: "chip warn" }, WHY_NOT[how.why_not] ?? how.why_not),
    placed && callChip(placed),
    last &&
      h(
        "span",
        { class: `chip ${last.result === "answered" ? "good" : "bad"}` },
        icon("phone", 13),
        t(page.call_results[last.result] ?? last.result),
        calls.length > 1 && ` ×${calls.length}`,
      ),
    sent.map((line) =>
      h(
        "span",
        { class: `chip ${DELIVERY_CHIPS[line.state] ?? ""}` },
        icon(line.channel === "voice" ? "phone" : "mail", 13),
        `${t(page.channels[line.channel] ?? line.channel)}: ${t(page.delivery_states[line.state] ?? line.state)}`,
      ),
    ),
  );
}

function contact(entry, view, me) {
  const { card } = view;
  const can = may(card, me);
  const how = view.contacts.find((one) => one.id === entry.id);
  const asked = view.deliveries.filter((line) => line.contact_id === entry.id && line.purpose === "alarm");
  const sent = [...new Map(asked.map((line) => [line.channel, line])).values()].slice(-2); // the latest by each way
  const helps = card.helper_id === entry.id;
  const placed = view.calls.find((call) => call.party === "contact" && call.who === entry.id);
  const act = (name, text, sign, off) =>
    h(
      "button",
      {
        type: "button",
        class: "button",
        "data-act": `${name}:${entry.id}`,
        disabled: off,
        "aria-label": `${text}: ${entry.called}`,
      },
      icon(sign, 16),
      text,
    );
  return h(
    "li",
    { class: `contact ${placed?.live || view.ringing_contact === entry.id ? "ringing" : ""}`, id: `contact-${entry.id}`, tabindex: "-1" },
    h(
      "div",
      { class: "top" },
      h("span", { class: "name" }, entry.called),
      h("span", { class: "quiet" }, RELATIONS[entry.relation] ?? entry.relation),
    ),
    h(
      "div",
      { class: "reach" },
      entry.phone &&
        h("a", { href: `tel:${entry.phone.replace(/[^+\d]/g, "")}` }, icon("phone", 14), h("span", { class: "number" }, entry.phone)),
      h("span", {}, icon("clock", 14), t("{minutes} min away", { minutes: entry.minutes_away })),
      entry.has_key && h("span", {}, icon("key", 14), t("has a key")),
      entry.language !== document.documentElement.lang && h("span", {}, sayLanguage(entry.language)),
    ),
    helps &&
      h(
        "div",
        { class: "chips" },
        card.arrived_at
          ? h("span", { class: "chip good" }, t("arrived at {time}", { time: clock(card.arrived_at) }))
          : card.eta_at && h("span", { class: "chip good" }, t("on the way, {time}", { time: clock(card.eta_at) })),
      ),
    reach(how, sent, helps && ["going", "arrived"].includes(how?.state), placed),
    card.state === "closed"
      ? null
      : h(
          "div",
          { class: "acts" },
          !view.silence && act("call", t("Call"), "phone", !can.own || !entry.phone),
          !view.silence && act("notify", t("Message"), "mail", how ? how.ways.length === 0 : !entry.email),
          act("going", t("Going"), "road", !can.help),
          act("cannot", t("Cannot"), "cross", !can.help),
          how?.state === "arrived"
            ? act("inside", t("Inside"), "check", !can.help)
            : act("arrived", t("Arrived"), "check", !can.help),
        ),
  );
}

/** The contacts in the order in which they are asked now. */
export function inAskingOrder(contacts, view) {
  const order = new Map(view.contacts.map((one, index) => [one.id, index]));
  return [...contacts].sort((a, b) => (order.get(a.id) ?? 99) - (order.get(b.id) ?? 99));
}

/** Whether the way from here to a person is known to work, and when nobody could be reached. */
function proofs(card) {
  const since = card.proven_at === null ? null : card.now - card.proven_at;
  const soon = card.gaps.find(([from]) => from < card.now + 86_400);
  return [
    h(
      "p",
      { class: since === null || since > 30 * 86_400 ? "notice warn" : "quiet" },
      since === null
        ? t("The path from the button to us has never been proven by a test.")
        : t("Path last proven: {time}.", { time: moment(card.proven_at, card.now) }),
    ),
    card.heard_at !== null && h("p", { class: "quiet" }, t("The unit told of itself at {time}.", { time: moment(card.heard_at, card.now) })),
    card.unit_troubles > 0 && h("p", { class: "notice warn" }, t("The unit reports faults: {count}.", { count: card.unit_troubles })),
    soon &&
      h(
        "p",
        { class: "notice bad" },
        soon[0] <= card.now
          ? t("No contact can be reached now, until {time}.", { time: moment(soon[1], card.now) })
          : t("No contact can be reached from {from} to {until}.", {
              from: moment(soon[0], card.now),
              until: moment(soon[1], card.now),
            }),
      ),
  ];
}

function past(cards, now) {
  if (cards.length === 0) return h("p", { class: "quiet" }, t("No case before this one."));
  return h(
    "ul",
    { class: "past" },
    cards.map((one) =>
      h(
        "li",
        {},
        h("time", {}, moment(one.opened_at, now)),
        h(
          "button",
          { type: "button", class: "as-link", "data-act": `open:${one.id}` },
          [
            KINDS[one.kind] ?? one.kind,
            page.causes[one.cause] && t(page.causes[one.cause]),
            page.outcomes[one.outcome] && t(page.outcomes[one.outcome]),
          ]
            .filter(Boolean)
            .join(" · "),
        ),
      ),
    ),
  );
}

function dated(lines) {
  return h(
    "ul",
    { class: "past" },
    lines.map((line) => h("li", {}, h("span", { class: "quiet" }, line.day), h("span", {}, line.text))),
  );
}

/** How somebody has been living: slow changes, weeks where all agreed, false alarms. */
function lately(care) {
  return [
    h("h4", {}, t("Changes")),
    care.changes.length ? dated(care.changes) : h("p", { class: "quiet" }, t("No lasting change in twelve weeks.")),
    care.weeks && [
      h("h4", {}, t("Week by week")),
      care.weeks.length ? dated(care.weeks) : h("p", { class: "quiet" }, t("No whole week yet.")),
    ],
    h("h4", {}, t("False alarms")),
    h("p", {}, t("{count} in {weeks} weeks", { count: care.false_alarms, weeks: care.weeks_counted })),
    care.by_kind.length > 0 &&
      h(
        "ul",
        { class: "past whole" },
        care.by_kind.map((text) => h("li", {}, text)),
      ),
  ];
}

const section = (name, ...inside) => h("section", {}, h("h3", {}, name), inside);

export class ResidentCard {
  constructor(element, context) {
    this.element = element;
    this.context = context;
    this.rooms = h("div", {});
    this.charts = h("div", {});
    this.care = h("div", { class: "lately" });
    element.addEventListener("click", (event) => {
      const act = event.target.closest("[data-act]")?.dataset.act;
      if (act) context.act(act);
    });
  }

  render(card, view) {
    const focus = document.activeElement?.closest?.("#resident [data-act]")?.dataset.act;
    const { home } = card;
    this.element.hidden = false;
    fill(
      this.element,
      card.residents.length
        ? h(
            "section",
            {},
            card.residents.map((one) => person(one, card.ages[one.id], card.now)),
          )
        : h(
            "section",
            {},
            h("h2", {}, home.address),
            h("p", { class: "unavailable" }, t("Nobody is written down as living here.")),
          ),
      h(
        "section",
        {},
        h(
          "div",
          { class: "contacts-head" },
          h("h3", {}, t("Contacts, in order")),
          may(view.card, this.context.me).own && !view.silence && card.contacts.length > 0 && button(t("Next"), "next-contact"),
        ),
        card.contacts.length
          ? h(
              "ol",
              { class: "contacts" },
              inAskingOrder(card.contacts, view).map((entry) => contact(entry, view, this.context.me)),
            )
          : h("p", { class: "notice warn" }, t("There is nobody to turn to. Use the response team or 112.")),
      ),
      section(
        t("Way in"),
        h(
          "div",
          { class: "way-in" },
          h("p", {}, [home.address, home.district].filter(Boolean).join(", ")),
          home.access_notes && h("p", { class: "access" }, home.access_notes),
          home.phone && h("p", { class: "number" }, `${t("Telephone at home")}: ${home.phone}`),
        ),
      ),
      section(t("Proof of the path"), proofs(card)),
      section(t("Last hour in the home"), this.rooms),
      section(t("Last day"), this.charts),
      section(t("Lately"), this.care),
      section(t("Cases before"), past(card.last_cases, card.now)),
    );
    if (focus) this.element.querySelector(`[data-act="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  }

  renderRooms(rooms) {
    fill(this.rooms, ribbon(rooms));
  }

  renderCharts(charts) {
    if (charts.unavailable) return fill(this.charts, unavailable(charts.unavailable));
    if (charts.series.length === 0)
      return fill(this.charts, h("p", { class: "unavailable" }, t("No temperature or heart rate in the last day.")));
    return fill(
      this.charts,
      charts.series.map((series) => curve(series, charts.start_at, charts.end_at)),
    );
  }

  renderCare(care) {
    fill(this.care, lately(care));
  }

  failed() {
    fill(this.rooms, unavailable("down"));
    fill(this.charts, unavailable("down"));
  }

  hide() {
    this.element.hidden = true;
    fill(this.element);
  }
}
