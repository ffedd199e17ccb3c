// What an operator does with the chosen case: each is one command to the desk, asked for by a button or a key.
import { Refused, get, post } from "./api.js";
import { byId } from "./dom.js";
import { may } from "./case.js";
import { close as askClosing } from "./closing.js";
import * as dialogs from "./dialogs.js";
import { emergencyCard } from "./emergency.js";
import { toast } from "./notices.js";
import { liveCall, placing } from "./placing.js";
import { inAskingOrder } from "./resident.js";
import { t } from "./words.js";

const UNSPOKEN = ["call_out", "raise_volume", "listen"];

export class Acts {
  /** `desk` has: me, known, room, open(id), put(card), show(view), refresh(), paint(), closedOne(). */
  constructor(desk) {
    this.desk = desk;
  }

  /** A command on a case. Gives "" when done, else the sentence of the refusal. */
  async command(id, path, body = {}) {
    const { desk } = this;
    try {
      const view = await post(`/api/cases/${id}/${path}`, body);
      desk.put(view.card);
      desk.paint();
      if (desk.known.selected === id) await desk.show(view);
      return "";
    } catch (error) {
      if (!(error instanceof Refused)) return t("The desk does not answer. Nothing was stored.");
      desk.refresh();
      return error.message;
    }
  }

  async orToast(id, path, body) {
    const why = await this.command(id, path, body);
    if (why) toast(why, "bad");
    return !why;
  }

  /** Does what a button or a key names; what may not be done now is left undone. */
  do(name) {
    const { desk } = this;
    const id = desk.known.selected;
    const view = desk.known.view;
    if (id === null || !view || view.card.id !== id) return null;
    const [verb, which, who] = name.split(":");
    if (verb === "open") return desk.open(Number(which));
    if (verb === "reopen")
      return dialogs.reopen(id, (reason) => this.command(id, "reopen", { reason }));
    if (view.card.state === "closed") return null;
    if (verb === "dial") return this.place(id, which === "home" ? "dial-home" : `residents/${who}/dial`);
    if (verb === "ring") return this.orToast(id, "rung", { what: which });
    if (which) return this.withContact(verb, which);
    if (verb.startsWith("triage-")) return this.triage(id, Number(verb.slice(7)));
    if (verb.startsWith("call-")) return this.callEnds(verb.slice(5));
    return this[verb.replace(/-(\w)/g, (_, letter) => letter.toUpperCase())]?.(id, may(view.card, desk.me), view);
  }

  talk(id, can) {
    return can.talk && this.orToast(id, "talk");
  }

  note(id) {
    return this.orToast(id, "note", { text: this.desk.room.note.value.trim() });
  }

  toNote() {
    this.desk.room.note.focus();
  }

  park(id, can, view) {
    return can.park && dialogs.park(view.parked_max_s, (minutes, reason) => this.command(id, "wait", { minutes, reason }));
  }

  release(id, can) {
    return can.release && dialogs.release((reason) => this.command(id, "release", { reason }));
  }

  explain(id) {
    return dialogs.explain((explanation) => this.command(id, "explain", { explanation }));
  }

  card(id) {
    return emergencyCard(id).catch((error) => toast(error.message, "bad"));
  }

  close(id, can, view) {
    if (!can.close) return toast(can.take ? t("Take the case before closing it.") : t("Somebody else has this case."), "bad");
    const contacts = this.desk.known.home?.contacts ?? [];
    return askClosing(view, contacts, (body) => this.closes(id, body));
  }

  async closes(id, body) {
    const why = await this.command(id, "close", body);
    if (why) return why;
    toast(t("Case {id} is closed.", { id }));
    this.desk.closedOne();
    this.desk.open(null);
    return "";
  }

  // ---- what is needed, and the checklist ----

  async triage(id, choice, silent = false) {
    const done = await this.orToast(id, "triage", { choice, silent });
    if (!done) return;
    if (choice === 4) this.card(id);
    if (choice === 5) byId("case").querySelector(".case-body").scrollTop = 0;
  }

  silent(id) {
    return this.triage(id, 5, true);
  }

  stepAtHand() {
    return this.desk.known.view.checklist?.steps.find((step) => step.state === "now");
  }

  stepDone(id) {
    const step = this.stepAtHand();
    return step && this.orToast(id, "step", { step: step.name });
  }

  stepSkip(id) {
    const step = this.stepAtHand();
    return (
      step &&
      dialogs.skip(step.text, (reason) => this.command(id, "step", { step: step.name, skipped: true, reason }))
    );
  }

  /** Without speech there is nothing to call out, raise or listen to: on to the telephone. */
  async noSpeech(id) {
    const reason = t("No speech on this unit");
    for (let step = this.stepAtHand(); step && UNSPOKEN.includes(step.name); step = this.stepAtHand())
      if (!(await this.orToast(id, "step", { step: step.name, skipped: true, reason }))) return;
  }

  // ---- contacts ----

  withContact(verb, contactId) {
    const id = this.desk.known.selected;
    const path = `contacts/${contactId}/`;
    if (verb === "going") return this.going(id, contactId);
    if (verb === "call") return this.call(id, contactId);
    return ["notify", "arrived", "inside", "cannot"].includes(verb) ? this.orToast(id, path + verb) : null;
  }

  going(id, contactId) {
    return dialogs.arrival(this.calledOf(contactId), (minutes) =>
      this.command(id, `contacts/${contactId}/on-the-way`, { eta_minutes: minutes }),
    );
  }

  /** Has the centre call somebody; whether it is to be done by hand, since the centre cannot. */
  async place(id, path) {
    const { desk } = this;
    try {
      const view = await post(`/api/cases/${id}/${path}`);
      if (desk.known.selected === id) await desk.show(view);
      byId("case").querySelector(".case-body").scrollTop = 0;
      return false;
    } catch (error) {
      toast(error.message || t("The desk does not answer. Nothing was stored."), "bad");
      if (!["gateway", "no_gateway", "no_number", "no_telephone"].includes(error.reason)) return false;
      placing.byHand();
      if (desk.known.selected === id) await desk.show(desk.known.view);
      return true;
    }
  }

  mailbox(id) {
    return this.hangUp(id, true);
  }

  async hangUp(id, mailbox = false) {
    const { desk } = this;
    try {
      const view = await post(`/api/cases/${id}/hang-up`, { mailbox });
      if (desk.known.selected === id) await desk.show(view);
      return true;
    } catch (error) {
      toast(error.message || t("The desk does not answer. Nothing was stored."), "bad");
      if (error.reason === "gateway_deaf") placing.hearsNothing();
      if (desk.known.selected === id) await desk.show(desk.known.view);
      return false;
    }
  }

  async call(id, contactId) {
    if (placing.on && !(await this.place(id, `contacts/${contactId}/dial`))) return;
    if (!(await this.orToast(id, `contacts/${contactId}/call`))) return;
    byId("case").querySelector(".case-body").scrollTop = 0;
    byId("case").querySelector(".call a[href^='tel:']")?.focus();
  }

  /** Ends the call that rings as not answered, and calls who is next: first all once, then all again. */
  async nextContact(id, can, view) {
    if (!can.own) return;
    if (view.silence) return toast(view.silence, "bad");
    const placed = placing.deaf ? null : liveCall(view);
    if (placed && placed.state !== "ringing") return toast(t("You are on the telephone already. Hang up first."), "bad");
    if (placed && !(await this.hangUp(id))) return;
    const ringing = placed?.party === "contact" ? placed.who : view.ringing_contact;
    if (ringing && !placed) await this.orToast(id, `contacts/${ringing}/call-ended`, { result: "no_answer" });
    const now = this.desk.known.view;
    const made = (entry) => now.contacts.find((one) => one.id === entry.id)?.calls.length ?? 0;
    const able = inAskingOrder(this.desk.known.home?.contacts ?? [], now).filter((entry) => {
      const how = now.contacts.find((one) => one.id === entry.id);
      return entry.phone && entry.id !== ringing && !["declined", "going", "arrived"].includes(how?.state);
    });
    const next = able.sort((a, b) => made(a) - made(b))[0] ?? null;
    if (next === null) return toast(t("Nobody else can be called. Send the response team, or call 112."), "bad");
    return this.call(id, next.id);
  }

  async callEnds(result) {
    const { known } = this.desk;
    const contactId = known.view.ringing_contact;
    if (liveCall(known.view) && !(placing.deaf && contactId))
      return result === "answered" ? null : this.hangUp(known.selected);
    if (!contactId) return;
    const done = await this.orToast(known.selected, `contacts/${contactId}/call-ended`, { result });
    if (done && result === "answered") dialogs.comes(this.calledOf(contactId), {
      going: (minutes) => this.command(known.selected, `contacts/${contactId}/on-the-way`, { eta_minutes: minutes }),
      cannot: () => this.command(known.selected, `contacts/${contactId}/cannot`),
    });
  }

  calledOf(contactId) {
    if (contactId === "~team") return this.desk.known.view.team.called;
    return this.desk.known.home?.contacts.find((one) => one.id === contactId)?.called ?? "";
  }

  /** Everything in hand goes over to a colleague or to all; the shift ends. */
  async handOver(held) {
    const { colleagues } = await get("/api/queue");
    const others = colleagues.filter((one) => one.id !== this.desk.me);
    dialogs.handOver(held.length, others, async (to, reason) => {
      try {
        const { cases } = await post("/api/me/hand-over", { to, reason });
        toast(t("Handed over: {count}.", { count: cases }));
        this.desk.refresh();
        return "";
      } catch (error) {
        return error.message || t("The desk does not answer. Nothing was stored.");
      }
    });
  }
}
