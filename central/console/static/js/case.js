// The case in the middle: what happened, why, what was done, and what can be done now.
import { h, fill } from "./dom.js";
import { icon, markWithWord } from "./marks.js";
import { page } from "./api.js";
import { button, callPanel, checklist, speechBar, teamPanel, triage } from "./help.js";
import { hint } from "./keys.js";
import { clock, exactClock, headline, moment, t } from "./words.js";
import { caseChips, isAsked, isRinging, personChips, waits, whoIs } from "./queue.js";

export const DELIVERY_CHIPS = {
  arrived: "good",
  sent: "",
  delivered: "good",
  opened: "good",
  accepted: "good",
  failed: "bad",
  failed_now: "bad",
  failed_for_good: "bad",
  no_receipt: "bad",
  no_answer: "bad",
  busy: "bad",
  rejected: "bad",
  machine: "bad",
  unreachable: "bad",
  declined: "warn",
};

/** What may be done by whom, as the centre will judge it. */
export function may(card, me) {
  const mine = card.owner_id === me;
  const open = card.state !== "closed";
  const held = ["taken", "talking", "waiting"].includes(card.state);
  const ringing = isRinging(card);
  return {
    take: open && (!card.owner_id || ringing || card.state === "waiting"),
    talk: mine && (card.state === "taken" || card.state === "waiting"),
    park: mine && held && (!ringing || card.state === "waiting"),
    release: mine && held,
    close: mine && held && (!ringing || card.state === "waiting"),
    note: open,
    help: held,
    own: mine && held,
    explain: card.exception_at !== null && card.explained_at === null,
  };
}

function standing(card, me, now) {
  if (card.state === "closed") return t("Closed at {time}.", { time: moment(card.closed_at, now) });
  const mine = card.owner_id === me;
  const who = card.owner;
  if (isRinging(card) && card.owner_id)
    return mine ? t("It asks for attention again. You had this case.") : t("It asks for attention again. {who} had this case.", { who });
  if (isAsked(card))
    return t("The home is asked whether all is well. Without an answer it rings at {time}.", { time: clock(card.wake_at) });
  if (!card.owner_id)
    return card.state === "withdrawn" ? t("Cancelled at home; a check call is due.") : t("Nobody has this case yet.");
  if (card.state === "waiting") {
    const time = moment(card.wake_at, now);
    return mine ? t("Parked by you until {time}.", { time }) : t("Parked by {who} until {time}.", { who, time });
  }
  if (card.arrived_at) {
    const helper = card.helper || t("Somebody");
    return mine ? t("{helper} is there. You have the case.", { helper }) : t("{helper} is there. {who} has the case.", { helper, who });
  }
  if (card.eta_at)
    return t("{helper} is on the way, expected at {time}.", { helper: card.helper, time: clock(card.eta_at) });
  if (card.state === "talking")
    return mine ? t("You are speaking with them.") : t("{who} is speaking with them.", { who });
  return mine
    ? t("You have this case since {time}.", { time: clock(card.taken_at) })
    : t("{who} has this case since {time}.", { who, time: clock(card.taken_at) });
}

function head(view, me, now) {
  const { card } = view;
  const can = may(card, me);
  const open = card.state !== "closed";
  return [
    h(
      "div",
      { class: "line" },
      h("button", { type: "button", class: "button small back", "data-act": "back" }, icon("back", 16), t("Queue")),
      markWithWord(card.mark, 22),
      h("span", {}, t("Case {id}", { id: card.id })),
      caseChips(card),
      personChips(card, { gravest: true }),
    ),
    h("h1", {}, headline(card), "\u00a0· ", whoIs(card)),
    card.state === "closed" ? null : waits(card, { wordSeen: true }),
    h(
      "div",
      { class: "doing" },
      can.take && button(t("Take"), "take", "main take"),
      can.talk && !view.silence && button(t("I am speaking with them"), "talk", "main"),
      h("span", {}, standing(card, me, now)),
      open && button(t("Emergency card"), "card", "leave", "alert"),
      !open &&
        now < view.reopen_until_at &&
        h("button", { type: "button", class: "button", "data-act": "reopen" }, t("Open again")),
      can.release &&
        h("button", { type: "button", class: "button", "data-act": "release" }, t("Hand back")),
    ),
  ];
}

function evidence(proofs, now) {
  if (proofs.length === 0) return null;
  return h(
    "ul",
    { class: "evidence" },
    proofs
      .slice(0, 12)
      .map((proof) =>
        h(
          "li",
          {},
          h("time", { title: proof.at === null ? null : exactClock(proof.at) }, proof.at === null ? "" : moment(proof.at, now)),
          h("span", {}, `${proof.where}: ${proof.what}`),
          proof.at !== null && h("span", { class: "quiet", "data-ago": proof.at }),
        ),
      ),
  );
}

/** What was agreed with the person for this kind of alarm. */
function plan(view) {
  return view.plan_text
    ? h("section", { class: "section plan" }, h("h2", {}, t("Agreed with them")), h("p", {}, view.plan_text))
    : null;
}

function exception(view, can) {
  if (!can.explain || view.card.state === "closed") return null;
  return h(
    "div",
    { class: "notice warn" },
    h("span", {}, t("Nobody took this case in time. It must be explained why before it can be closed.")),
    h("button", { type: "button", class: "button", "data-act": "explain" }, t("Explain")),
  );
}

/** The latest word of each way to each contact, and how often it was tried: the log has the others. */
function latest(lines) {
  const ways = new Map();
  for (const line of lines) {
    const way = [line.contact_id, line.channel, line.purpose].join();
    const { line: before, times } = ways.get(way) ?? { line, times: 0 };
    ways.set(way, { line: line.changed_at >= before.changed_at ? line : before, times: times + 1 });
  }
  return [...ways.values()];
}

function deliveries(view) {
  if (view.deliveries.length === 0) return null;
  return h(
    "section",
    { class: "section" },
    h("h2", {}, t("Messages to contacts")),
    h(
      "ul",
      { class: "deliveries" },
      latest(view.deliveries).map(({ line, times }) =>
        h(
          "li",
          {},
          h("span", {}, line.called),
          h(
            "span",
            { class: `chip ${DELIVERY_CHIPS[line.state] ?? ""}` },
            t(page.delivery_states[line.state] ?? line.state),
          ),
          h(
            "span",
            { class: "quiet" },
            `${t(page.channels[line.channel] ?? line.channel)}, ${moment(line.changed_at, view.now)}`,
            line.purpose === "stand_down" && ` · ${t("somebody else goes")}`,
            line.purpose === "summary" && ` · ${t("how it ended")}`,
            line.purpose === "way_in" && ` · ${t("the way in, by a link")}`,
            times > 1 && ` · ×${times}`,
            line.attempt > 1 && ` · ${t("attempt {count}", { count: line.attempt })}`,
            line.fault && ` · ${line.fault}`,
          ),
        ),
      ),
    ),
  );
}

function timeline(view) {
  return h(
    "section",
    { class: "section" },
    h("h2", {}, t("What was done")),
    h(
      "ol",
      { class: "timeline" },
      view.timeline.map((line) =>
        h(
          "li",
          { class: `by-${line.by}` },
          h("time", { title: exactClock(line.at) }, moment(line.at, view.now)),
          h(
            "div",
            {},
            view.card.mark === "TEST" && h("span", { class: "chip test" }, t("TEST")),
            line.sentence, line.words && h("p", { class: "words" }, line.words),
          ),
        ),
      ),
    ),
  );
}

export class CaseRoom {
  /** `context` has: me, now(), tick(), act(name). */
  constructor(element, context) {
    this.element = element;
    this.context = context;
    this.shown = null;
    element.addEventListener("click", (event) => {
      const act = event.target.closest("[data-act]")?.dataset.act;
      if (act) context.act(act);
    });
  }

  /** Paints a case. What was begun in the note line, and where one has scrolled to, stays. */
  render(view, home = null) {
    const { card } = view;
    const can = may(card, this.context.me);
    if (this.shown !== card.id) this.build(card.id);
    const focus = document.activeElement?.dataset?.act;
    this.head.setAttribute("class", `case-head ${card.mark.toLowerCase()}`);
    fill(this.head, head(view, this.context.me, this.context.now()));
    const body = this.body.scrollTop;
    this.element.classList.toggle("test", card.mark === "TEST");
    fill(
      this.body,
      exception(view, can),
      can.own && (view.silence || !view.checklist) && speechBar(view, home?.home),
      callPanel(view, home, can.own),
      teamPanel(view, can.help),
      checklist(view, home, can.own),
      h(
        "section",
        { class: "section" },
        h("h2", {}, t("What happened")),
        view.why.map((cause) =>
          h(
            "div",
            { class: "why" },
            h("time", {}, moment(cause.at, view.now)),
            h("p", {}, cause.sentence, cause.times > 1 && ` ×${cause.times}`),
          ),
        ),
        evidence(view.proofs, view.now),
      ),
      plan(view),
      triage(view, can.own),
      deliveries(view),
      timeline(view),
    );
    this.foot.hidden = card.state === "closed";
    fill(
      this.acts,
      can.park && button(t("Park"), "park"),
      can.close && button(t("Close"), "close", "main"),
    );
    this.body.scrollTop = body;
    if (focus && !this.element.contains(document.activeElement)) {
      (this.element.querySelector(`[data-act="${focus}"]`) ?? this.element).focus({ preventScroll: true });
    }
    this.context.tick();
  }

  build(id) {
    this.shown = id;
    this.note = h("input", {
      type: "text",
      maxlength: 2000,
      autocomplete: "off",
      "aria-label": t("Note"),
      placeholder: t("Write a note"),
    });
    this.acts = h("div", { class: "acts" });
    this.head = h("div", { class: "case-head" });
    this.body = h("div", {
      class: "case-body",
      tabindex: "0",
      role: "region",
      "aria-label": t("Particulars of the case"),
    });
    this.foot = h(
      "div",
      { class: "case-foot" },
      h(
        "form",
        { onsubmit: (event) => this.send(event) },
        this.note,
        h(
          "button",
          { class: "button", type: "submit" },
          icon("note", 16),
          t("Note"),
          h("kbd", { "data-key": "to-note" }, hint("to-note")),
        ),
      ),
      this.acts,
    );
    fill(this.element, this.head, this.body, this.foot);
  }

  async send(event) {
    event.preventDefault();
    const text = this.note.value.trim();
    if (text && (await this.context.act("note", text))) this.note.value = "";
  }

  /** Nothing chosen: calm, with the figures of today. */
  rest(queue) {
    const { answers } = queue;
    const face = JSON.stringify([queue, hint("take")]);
    if (this.shown === null && this.resting === face) return;
    const focused = this.shown === null && this.element.contains(document.activeElement);
    this.shown = null;
    this.resting = face;
    const figures = answers.counted
      ? [
          [t("Answered today"), String(answers.counted)],
          [t("Within 60 s"), `${answers.within_60_s}`],
          [t("Within 180 s"), `${answers.within_180_s}`],
        ]
      : [];
    fill(
      this.element,
      h(
        "div",
        { class: "rest" },
        icon("home", 44),
        h("h1", {}, queue.waiting ? t("Somebody is waiting.") : queue.heard ? t("All is quiet.") : t("No line to the homes")),
        queue.waiting
          ? button(t("Take the most urgent case"), "take", "main take")
          : h("p", {}, queue.heard ? t("New alarms appear in the queue and sound here.") : t("Not connected: alarms do not arrive.")),
        h(
          "dl",
          { class: "figures" },
          figures.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { class: "number" }, value))),
        ),
      ),
    );
    if (focused) (this.element.querySelector("[data-act]") ?? this.element).focus({ preventScroll: true });
  }
}
