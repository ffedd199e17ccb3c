// How this operator is: ready, busy with a case, writing up the last one, on a break. The page derives it and says it
// again with every sign of life, so that a console that has lost its line stops being ready by itself.
import { page, post } from "./api.js";

const KEPT = "llar-own-state";
/** After so long a case that nobody took sounds also where one is not ready. */
const SPARED_S = { P1: 20, P2: 60 };

export class OwnState {
  /** `context` has: me, now(), cards() and changed(link). */
  constructor(context) {
    this.context = context;
    this.chosen = "ready";
    this.heard = false;
    this.wrapUpS = 0; // the queue says it
    this.wrapUpUntil = 0;
    this.recall();
  }

  /** A page that is loaded again in this tab goes on as it was, in the same session: whoever logs in begins anew. */
  recall() {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
    if (kept.session === page.form_token) Object.assign(this, { chosen: kept.chosen, wrapUpUntil: kept.wrapUpUntil });
  }

  keep() {
    const { chosen, wrapUpUntil } = this;
    sessionStorage.setItem(KEPT, JSON.stringify({ session: page.form_token, chosen, wrapUpUntil }));
    this.tell();
  }

  /** Cases in hand that are not parked. */
  held() {
    return this.context.cards().filter((card) => card.owner_id === this.context.me && card.state !== "closed");
  }

  get state() {
    if (!this.heard) return "not_ready";
    if (this.chosen === "break") return "break";
    if (this.held().some((card) => card.state !== "waiting")) return "busy";
    return this.context.now() < this.wrapUpUntil ? "wrap_up" : "ready";
  }

  choose(state) {
    this.chosen = state;
    this.wrapUpUntil = 0;
    this.keep();
  }

  closedOne() {
    this.wrapUpUntil = this.context.now() + this.wrapUpS;
    this.keep();
  }

  /** Says it to the desk. */
  tell() {
    return post("/api/me/state", { state: this.state })
      .then((link) => this.context.changed(link))
      .catch(() => {});
  }

  /**
   * Whether a ringing case sounds here: at once where one is ready, elsewhere when nobody took it in time. What was
   * handed to a colleague sounds with them first; a P1 sounds everywhere as ever.
   */
  hears(card, readyOperators, offer) {
    if (!this.heard) return false;
    const { state } = this;
    if (card.owner_id === this.context.me) return true;
    const mine = offer?.operator === this.context.me;
    if (offer?.handed?.alone && !mine && card.mark !== "P1") return false;
    if (state === "ready" || (offer?.handed && mine && state === "wrap_up")) return true;
    if (state === "break" && card.mark !== "P1") return false;
    if (readyOperators === 0 && card.mark in SPARED_S) return true;
    return this.context.now() - card.ring_at > (SPARED_S[card.mark] ?? Infinity);
  }
}
