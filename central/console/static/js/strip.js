// The top strip: own state, who waits, how well people are answered, the links, the time.
import { byId, fill, h, setText, setTicking } from "./dom.js";
import { icon, shape } from "./marks.js";
import { isRinging } from "./queue.js";
import { MARKS, decimal, exactClock, sayDay, t, ticking } from "./words.js";

/** A share in per cent, rounded down: a target is not met by rounding. */
const shareDown = (share) => {
  const percents = Math.floor(share * 1000 + 1e-9) / 10;
  return `${decimal(percents, percents % 1 ? 1 : 0)} %`;
};

/** How the links are: the worst first, in a few words. */
function standing(link, up) {
  if (up === null) return ["warn", t("Connecting…")];
  if (!up) return ["bad", t("Connection lost")];
  if (link.broker !== "ok") return ["bad", t("No line to the homes")];
  if (link.receiver === "store") return ["warn", t("Measurements are not stored")];
  if (link.receiver !== "ok") return ["warn", t("Receiver is silent")];
  if (link.ready_operators === 0) return ["warn", t("Nobody is ready")];
  if (link.hubs_deaf > 0) return ["warn", t("Homes that may not be able to call: {count}", { count: link.hubs_deaf })];
  return ["ok", t("All lines stand")];
}

/** How many ring, for each mark: its element, and that of the number. */
function newCounters() {
  const counters = Object.entries(MARKS).map(([mark, { short, word }]) => {
    const number = h("span", { class: "ticks" });
    const name = h("span", { class: "unseen" }, `${word}: `);
    return [mark, { number, counter: h("span", { class: "count", title: `${short} ${word}` }, shape(mark, 18), name, number) }];
  });
  fill(byId("counts"), counters.map(([, { counter }]) => counter));
  return counters;
}

export class Strip {
  /** `context` has: now(), setOwn(state), soundTest(). */
  constructor(context) {
    this.context = context;
    this.oldest = null;
  }

  own(own, up) {
    const element = byId("own-state");
    const focused = element.contains(document.activeElement) ? document.activeElement.value : null;
    const { state } = own;
    this.shown = own;
    const face = [own.heard, up, state, own.chosen].join();
    if (this.face === face) return;
    this.face = face;
    this.state = state;
    if (!own.heard || !up) {
      const why = up === false ? t("Not ready: no connection") : t("Not ready: test the sound");
      fill(
        element,
        h(
          "button",
          { type: "button", class: "not-ready", onclick: () => this.context.soundTest() },
          icon(up === false ? "alert" : "sound"),
          why,
        ),
      );
      return;
    }
    const choice = (value, sign, word, more = null) =>
      h(
        "button",
        {
          type: "button",
          value,
          class: state === value || value === "break" ? null : state,
          "aria-pressed": String(own.chosen === value),
          onclick: () => this.context.setOwn(value),
        },
        icon(sign, 16),
        word,
        more,
      );
    const left = h("span", { class: "number", "data-until": own.wrapUpUntil });
    fill(
      element,
      h(
        "div",
        { class: "state-switch", role: "group", "aria-label": t("Own state") },
        state === "busy"
          ? choice("ready", "person", t("Busy"))
          : state === "wrap_up"
            ? choice("ready", "note", t("Wrap-up"), left)
            : choice("ready", "check", t("Ready")),
        choice("break", "pause", t("Break")),
      ),
    );
    if (focused) element.querySelector(`[value="${focused}"]`)?.focus();
  }

  counts(cards) {
    const waiting = cards.filter(isRinging);
    this.oldest = waiting
      .filter((card) => card.priority <= 3)
      .reduce((oldest, card) => Math.min(oldest, card.ring_at), Infinity);
    const of = (mark) => waiting.filter((card) => card.mark === mark).length;
    this.counters ??= newCounters();
    for (const [mark, { counter, number }] of this.counters) {
      const count = of(mark);
      counter.classList.toggle("none", count === 0);
      if (mark === "TEST" && counter.hidden !== (count === 0)) counter.hidden = count === 0;
      setTicking(number, String(count));
    }
  }

  /** Today's shares within each target, beside it in words and colour whether the service's own aim is met. */
  answers(answers) {
    const place = byId("answered");
    const face = JSON.stringify(answers);
    if (this.answered === face) return;
    this.answered = face;
    fill(
      place,
      [50, 60, 180].map((seconds) => {
        const within = answers[`within_${seconds}_s`];
        const aim = answers.aims[seconds];
        const missed = answers.counted > 0 && (within / answers.counted) * 100 < aim - 1e-9;
        const share = answers.counted ? shareDown(within / answers.counted) : "–";
        const aimed = t("answered within {seconds} s, aim {aim}", { seconds, aim: shareDown(aim / 100) });
        return h(
          "span",
          { class: missed ? "share missed" : "share", title: `${aimed}: ${within}/${answers.counted}` },
          h("span", { class: "unseen" }, `${aimed}: `),
          h("span", { class: "target", "aria-hidden": "true" }, `${seconds} s`),
          share,
          missed && h("span", { class: "unseen" }, ` (${t("aim missed")})`),
        );
      }),
    );
  }

  link(link, up) {
    const [kind, text] = standing(link, up);
    if (byId("link").className !== `link ${kind}`) byId("link").className = `link ${kind}`;
    setText(byId("link-text"), text);
  }

  tick() {
    const now = Math.floor(this.context.now());
    if (this.shown?.heard && this.state !== this.shown.state) this.context.ownChanged();
    setTicking(byId("clock"), exactClock(now));
    setText(byId("today"), sayDay(now));
    const waits = Number.isFinite(this.oldest) && this.oldest !== null ? now - Math.floor(this.oldest) : null;
    setTicking(byId("longest-wait"), waits === null ? "–" : ticking(waits));
    byId("longest").classList.toggle("alarm", waits !== null && waits > 60);
  }
}
