// Telling the operator: one line to assistive technology, the tab's title, the system's notice, a passing message.
import { byId, h, setText } from "./dom.js";
import { headline, t } from "./words.js";
import { isRinging, inOrder } from "./queue.js";

const TOAST_MS = 6000;

/** Words that pass: what was refused, what was done. */
export function toast(text, kind = "") {
  const element = h("div", { class: `toast ${kind}`, role: kind === "bad" ? "alert" : "status" }, text);
  byId("toasts").append(element);
  setTimeout(() => element.remove(), TOAST_MS);
}

export class Notices {
  constructor() {
    this.known = new Map();
    this.primed = false;
    this.lost = false;
    this.title = t("Console");
  }

  /** Compares with what was known: a new P1 is said at once, the rest when there is a pause. A technical case calls
   * nobody: it is counted in the strip, and that is all. */
  follow(cards) {
    const ringing = inOrder(cards.filter((card) => isRinging(card) && card.mark !== "T"));
    this.title = ringing.length ? `(${ringing.length}) ${headline(ringing[0]).toUpperCase()}` : t("Console");
    if (document.hidden) this.paintTitle();
    for (const card of ringing) {
      const mark = this.known.get(card.id);
      if (mark === card.mark || (mark && !this.primed)) continue;
      this.known.set(card.id, card.mark);
      if (this.primed) this.say(card);
    }
    for (const id of this.known.keys()) if (!ringing.some((card) => card.id === id)) this.known.delete(id);
    this.primed = true;
  }

  paintTitle() {
    const title = `${this.lost ? `⚠ ${t("Connection lost")}` : this.title} · Llar`;
    if (document.title !== title) document.title = title;
  }

  say(card) {
    const name = card.person?.called ?? card.address;
    const text = t("New alarm: {what}. {name}.", { what: headline(card), name });
    const line = byId(card.mark === "P1" ? "say-now" : "say-soon");
    setText(line, text);
    if (document.hidden && "Notification" in window && Notification.permission === "granted") {
      const notice = new Notification(headline(card), {
        body: name,
        tag: `case-${card.id}`,
        requireInteraction: card.mark === "P1",
      });
      notice.onclick = () => window.focus();
    }
  }
}
