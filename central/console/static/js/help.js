// What leads to help, in the middle of the case: first words, what is needed, the checklist, the call that is going on.
import { page } from "./api.js";
import { h } from "./dom.js";
import { hint, shortcut } from "./keys.js";
import { icon } from "./marks.js";
import { callChip, placing, shownCall } from "./placing.js";
import { clock, t } from "./words.js";

export const button = (name, action, kind = "", sign = null) =>
  h(
    "button",
    { type: "button", class: `button ${kind}`, "data-act": action, "aria-keyshortcuts": shortcut(action) },
    sign && icon(sign, 16),
    name,
    hint(action) && h("kbd", {}, hint(action)),
  );

const telephone = (number, name, kind = "", action = null) =>
  h(
    "a",
    { class: `button ${kind}`, href: `tel:${number.replace(/[^+\d]/g, "")}`, "data-act": action },
    icon("phone", 16),
    `${name} `,
    h("span", { class: "number" }, number),
  );

/** Rings the home or a resident's mobile: by the centre, or by a link to the number. */
function ring(number, name, kind, party, who = "") {
  if (!placing.on) return telephone(number, name, kind, `ring:${party}`);
  return h(
    "button",
    { type: "button", class: `button ${kind}`, "data-act": `dial:${party}:${who}` },
    icon("phone", 16),
    `${name} `,
    h("span", { class: "number" }, number),
  );
}

/** Whether one can speak with the home from here, and the first words in the resident's language. */
export function speechBar(view, home) {
  if (view.card.state === "closed") return null;
  if (view.silence)
    return h(
      "section",
      { class: "section speech", "aria-label": t("Speech") },
      h("p", { class: "notice bad", role: "alert" }, h("strong", {}, t("SILENT: do not speak into the home")), " ", view.silence),
    );
  return h(
    "section",
    { class: "section speech", "aria-label": t("Speech") },
    h(
      "p",
      { class: "greeting", lang: view.greeting.language },
      icon("sound", 18),
      h("q", {}, view.greeting.text),
    ),
    view.speech
      ? null
      : h(
          "div",
          { class: "no-speech" },
          h("span", {}, t("Speech is not available on this unit: ring the home.")),
          home?.phone
            ? ring(home.phone, t("Ring the home"), "", "home")
            : h("span", { class: "quiet" }, t("No telephone number of the home is known.")),
        ),
  );
}

const GUIDES = {
  1: [t("All is well: close it. The template for a mistake press needs two keys."), ["close", t("Close")]],
  2: [
    t("Agree with them who comes today. Tell a contact, and write it down as a follow-up when you close."),
    ["next-contact", t("Call the next contact")],
    ["park", t("Park")],
  ],
  3: [
    t("Call the contacts in their order until somebody goes. Nobody: the response team, then 112."),
    ["next-contact", t("Call the next contact")],
  ],
  4: [
    t("Call 112 and read the card aloud. Then tell the contacts, and stay with the person."),
    ["card", t("Emergency card")],
    ["next-contact", t("Call the next contact")],
  ],
};

/** Where somebody is threatened: only what nobody at home hears of, and nobody who may be behind it. */
const POLICE = [
  t("Call the police (112) and read the card aloud. Do not ring the home."),
  ["card", t("Emergency card")],
];
const SILENT_GUIDES = {
  1: [t("Close it only when the police have been there, or when you know for certain that nobody is threatened."), ["close", t("Close")]],
  2: POLICE,
  3: POLICE,
  4: POLICE,
};

export function triage(view, mine) {
  if (view.card.state === "closed") return null;
  const guide = mine && (view.silence ? SILENT_GUIDES : GUIDES)[view.triage];
  return h(
    "section",
    { class: "section" },
    h("h2", {}, t("What is needed?")),
    h(
      "div",
      { class: "triage" },
      page.triage.map((text, index) => {
        const choice = button(t(text), `triage-${index + 1}`);
        choice.setAttribute("aria-pressed", String(view.triage === index + 1));
        return choice;
      }),
    ),
    guide &&
      h(
        "div",
        { class: "guide" },
        h("p", {}, guide[0]),
        h(
          "div",
          { class: "acts" },
          guide.slice(1).map(([action, name]) => button(name, action, "main")),
          (view.triage === 4 || guide === POLICE) && telephone("112", t("Call")),
        ),
      ),
  );
}

const SIGNS = { done: "check", by_system: "check", skipped: "out", now: "alert" };
const STATES = { done: t("done"), by_system: t("done by the system"), skipped: t("skipped"), now: t("now") };
const SPEAKS = new Set(["call_out", "raise_volume", "listen"]);

function stepHelp(step, view, home) {
  if (view.silence && step.name === "listen" && !view.speech)
    return h("span", { class: "quiet" }, t("Listening in is not possible on this unit: skip this step."));
  if (SPEAKS.has(step.name) && !view.speech)
    return h(
      "div",
      { class: "acts" },
      h("span", { class: "quiet" }, t("Speech is not available on this unit.")),
      h(
        "button",
        { type: "button", class: "button", "data-act": "no-speech" },
        t("Go on with ringing the home"),
      ),
    );
  if (step.name === "ring_home" || step.name === "ring_mobile")
    return rings(step, home, "main") ?? h("span", { class: "quiet" }, t("No number is known: skip this step."));
  if (step.name === "contacts") return button(t("Call the next contact"), "next-contact", "main", "phone");
  if (step.name === "response_team") return team(view);
  if (step.name === "emergency_112")
    return h("div", { class: "acts" }, telephone("112", t("Call"), "main"), button(t("Emergency card"), "card"));
  return null;
}

/** What rings the home, or each resident who has a mobile; null where no number is known. */
function rings(step, card, kind) {
  const links =
    step.name === "ring_home"
      ? [card?.home.phone && ring(card.home.phone, t("Ring the home"), kind, "home")]
      : (card?.residents ?? []).map((one) => one.mobile && ring(one.mobile, one.called, kind, "mobile", one.id));
  return links.some(Boolean) ? h("div", { class: "acts" }, links) : null;
}

/** The response team: to be called, and what it says. While a contact comes, only if in doubt. */
function team(view) {
  const { card } = view;
  const contact = card.helper_id !== "~team" && card.helper;
  return [
    h(
      "p",
      {},
      contact
        ? t("{name} is going, or there already. Send the response team too if in doubt.", { name: contact })
        : t("Nobody could be reached. Send the response team of your service."),
    ),
    h(
      "div",
      { class: "acts" },
      view.team.phone
        ? button(t("Call {name}", { name: view.team.called }), "call:~team", "main", "phone")
        : h("span", { class: "quiet" }, t("Its number is not written down in the settings.")),
      button(t("On the way"), "going:~team", "", "road"),
      button(t("Next contact"), "next-contact"),
    ),
  ];
}

/** The team that was sent: how it stands, and what it may say next. */
export function teamPanel(view, mine) {
  const { card } = view;
  const { state, called, phone } = view.team;
  if (card.state === "closed" || !["going", "arrived", "inside"].includes(state)) return null;
  const said = { going: t("is going"), arrived: t("is there"), inside: t("is inside") };
  return h(
    "section",
    { class: "section", "aria-label": called },
    h(
      "div",
      { class: "line" },
      h("h2", {}, called),
      h("span", { class: "chip good" }, said[state]),
      card.helper_id === "~team" && state === "going" && card.eta_at && h("span", { class: "number" }, clock(card.eta_at)),
    ),
    mine &&
      h(
        "div",
        { class: "acts" },
        phone && telephone(phone, t("Dial")),
        state === "going" && [
          button(t("Arrived"), "arrived:~team", "main", "check"),
          button(t("Cannot"), "cannot:~team", "", "cross"),
        ],
        state === "arrived" && button(t("Inside"), "inside:~team", "main", "check"),
      ),
  );
}

const CHECKLISTS = {
  silent: t("Silent call: if in doubt, send"),
  duress: t("Somebody is threatened: step by step"),
};

export function checklist(view, home, mine) {
  const list = view.checklist;
  if (!list || view.card.state === "closed") return null;
  const finished = !list.steps.some((step) => step.state === "now");
  return h(
    "section",
    { class: "section checklist" },
    h("h2", {}, CHECKLISTS[list.name] ?? t("Nobody answers: step by step")),
    list.name === "silent" &&
      h("p", { class: "notice warn" }, t("The line is open without a sound. If in doubt, send help.")),
    h(
      "ol",
      {},
      list.steps.map((step) =>
        h(
          "li",
          { class: `step ${step.state || "later"}`, "aria-current": step.state === "now" ? "step" : null },
          icon(SIGNS[step.state] ?? "clock", 18),
          h(
            "div",
            {},
            h("span", { class: "name" }, step.text),
            step.state && h("span", { class: "quiet" }, ` · ${STATES[step.state] ?? step.state}`),
            step.at && h("span", { class: "quiet" }, `, ${clock(step.at)}`),
            step.reason && h("p", { class: "quiet" }, step.reason),
            step.state === "now" && mine && stepHelp(step, view, home),
            mine && step.name.startsWith("ring_") && ["done", "by_system"].includes(step.state) && rings(step, home, ""),
          ),
          step.state === "now" && timeLeft(list.due_at),
          step.state === "now" &&
            mine &&
            h("div", { class: "acts" }, button(t("Done"), "step-done", "main"), button(t("Skip"), "step-skip")),
        ),
      ),
    ),
    mine &&
      list.name === "no_answer" &&
      !finished &&
      h(
        "button",
        { type: "button", class: "button", "data-act": "silent" },
        t("The line is open, and there is no sound"),
      ),
    finished && h("p", { class: "notice good" }, t("All steps are done. Park the case with a recall, or close it.")),
  );
}

const timeLeft = (dueAt) =>
  dueAt === null
    ? h("span", { class: "chip bad" }, t("Time is up"))
    : h("span", { class: "left number" }, h("span", { "data-until": dueAt }), h("span", { class: "unseen" }, t("left")));

/** A call that the centre has placed: how it stands, without anybody having to say so. */
function placedPanel(view, card, mine, call) {
  const { contact, called } = calledParty(view, card, call);
  const name = called ? t("Call to {name}", { name: called }) : t("Call to the home");
  const own = mine && call.operator_id === page.operator.id;
  const said = [...view.contacts, { id: "~team", state: view.team.state }].find((one) => one.id === call.who)?.state;
  const says = contact && !view.silence && !said && ["talking", "ended"].includes(call.state);
  return h(
    "section",
    { class: "section call placed", "aria-label": name },
    h("div", { class: "line" }, h("h2", {}, name), callChip(call)),
    own &&
      h(
        "div",
        { class: "acts" },
        says && [
          button(t("Going"), `going:${call.who}`, "main", "road"),
          button(t("Cannot"), `cannot:${call.who}`, "", "cross"),
        ],
        call.live && button(t("Hang up"), "call-no_answer", "", "cross"),
        call.state === "talking" && button(t("It is a voice mailbox"), "mailbox"),
        contact && !view.silence && (call.state === "ringing" || !call.live) && button(t("Next contact"), "next-contact"),
      ),
  );
}

function calledParty(view, card, call) {
  if (call.party === "home") return { contact: false, called: "" };
  if (call.party === "mobile") return { contact: false, called: card?.residents.find((one) => one.id === call.who)?.called };
  const known = [...(card?.contacts ?? []), { id: "~team", called: view.team.called }];
  return { contact: true, called: known.find((one) => one.id === call.who)?.called ?? call.who };
}

/** The call that is going on: one that the centre placed, or one to a contact that was dialled by hand, with how long
 * it may ring and one key for how it ends. */
export function callPanel(view, card, mine) {
  const placed = shownCall(view);
  if (placed && view.card.state !== "closed") return placedPanel(view, card, mine, placed);
  const known = [...(card?.contacts ?? []), { id: "~team", called: view.team.called, phone: view.team.phone }];
  const one = known.find((entry) => entry.id === view.ringing_contact);
  if (!one || view.card.state === "closed") return null;
  const name = one.called;
  return h(
    "section",
    { class: `section call ${view.ring_limit_at === null ? "over" : ""}`, "aria-label": t("Call to {name}", { name }) },
    h(
      "div",
      { class: "line" },
      h("h2", {}, t("Call to {name}", { name })),
      view.ring_limit_at === null
        ? h("span", { class: "chip bad" }, t("It has rung long enough"))
        : h("span", { class: "left number" }, h("span", { "data-until": view.ring_limit_at })),
    ),
    h(
      "div",
      { class: "acts" },
      one.phone && telephone(one.phone, t("Dial")),
      mine && [
        button(t("Answers"), "call-answered", "main", "check"),
        button(t("No answer"), "call-no_answer", "", "cross"),
        button(t("Engaged"), "call-busy"),
        !view.silence && button(t("Next contact"), "next-contact"),
      ],
    ),
  );
}
