// Calls that the centre places: at which telephone one sits, and how a call stands in words.
import { page, send } from "./api.js";
import { ask, feet } from "./dialogs.js";
import { byId, h, setText } from "./dom.js";
import { icon } from "./marks.js";
import { t, ticking } from "./words.js";

const BY_HAND_MS = 60_000;
/** So long the end of a call is shown where it rang. */
const SHOWN_S = 300;
const OWN = ["dialling", "own_rings", "own_missed"];
let byHandUntil = 0;
let deafUntil = 0;

/** Whether the centre dials. Where it has just failed to, one dials by hand for a minute; so where it could not hang up
 * (`deaf`): the telephone was put down, and the call is not waited for. */
export const placing = {
  get on() {
    return Boolean(page.telephone) && Date.now() >= byHandUntil;
  },
  byHand() {
    byHandUntil = Date.now() + BY_HAND_MS;
  },
  get deaf() {
    return Date.now() < deafUntil;
  },
  hearsNothing() {
    deafUntil = Date.now() + BY_HAND_MS;
    this.byHand();
  },
};

const mine = (call) => call.operator_id === page.operator.id;

/** The call of this operator that rings or is talked on. */
export const liveCall = (view) => view.calls.find((call) => call.live && mine(call)) ?? null;

/** The call to be shown above all else: what rings, or has just ended. */
export function shownCall(view) {
  const call = view.calls.find((one) => one.live) ?? view.calls[0];
  if (!call || ["unknown", "not_placed"].includes(call.state) || (!mine(call) && OWN.includes(call.state))) return null;
  if ((!call.live || placing.deaf) && view.ringing_contact) return null; // somebody is rung by hand meanwhile
  return call.live || view.now - call.since_at < SHOWN_S ? call : null;
}

const KINDS = { talking: "good", ended: "good", ringing: "warn", connecting: "warn", dialling: "warn", own_rings: "warn" };

/** How a call stands, with a clock while somebody talks. */
export function callChip(call) {
  if (!mine(call) && call.state === "own_missed") return null;
  const state = !mine(call) && OWN.includes(call.state) ? "connecting" : call.state;
  const ended = state === "ended" && call.talk_s !== null;
  return h(
    "span",
    { class: `chip ${KINDS[state] ?? "bad"}` },
    icon("phone", 13),
    ended ? t("ended after {span}", { span: ticking(call.talk_s) }) : t(page.call_states[state] ?? state),
    call.live && [" ", h("span", { class: "number", "data-since": call.since_at })],
    !mine(call) && call.live && ` · ${call.operator}`,
  );
}

/** Asks at which telephone one sits; `changed()` is called when it is another one. */
export function askTelephone(changed) {
  ask(
    t("At which telephone do you sit?"),
    [
      h("p", {}, t("When you call somebody, this telephone rings first. When you pick it up, the other one is called. Empty: you dial by hand.")),
      h(
        "div",
        { class: "field" },
        h("label", { for: "own-telephone" }, t("Extension or telephone number")),
        h("input", { type: "text", inputmode: "tel", id: "own-telephone", name: "telephone", value: page.telephone, maxlength: 32, autocomplete: "off", "data-first": true }),
      ),
    ],
    async (form) => {
      try {
        const kept = await send("PUT", "/api/me/telephone", { telephone: form.elements.telephone.value });
        page.telephone = kept.telephone;
        sayTelephone();
        changed();
        return "";
      } catch (error) {
        return error.message || t("The desk does not answer. Nothing was stored.");
      }
    },
    { feet: feet(t("Save"), "Ctrl+Enter") },
  );
}

/** The menu's entry says which it is; there is none where the centre places no calls. */
export function sayTelephone() {
  const entry = byId("telephone");
  entry.hidden = page.telephone === null;
  setText(entry, telephoneSaid());
}

const telephoneSaid = () =>
  page.telephone ? t("My telephone: {number}", { number: page.telephone }) : t("My telephone: none, I dial by hand");

/** The same as a line for the test of the sound: who changes seats sees it there. */
export const telephoneLine = () => (page.telephone === null ? null : h("p", { class: "quiet" }, telephoneSaid()));
