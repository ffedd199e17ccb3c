// Keys. Nothing destructive lies on one key, and a key typed into a field is only a letter.
import { page } from "./api.js";

/** The operator's keys: action -> key as the server keeps it ("F2", "s", "Ctrl+Enter"). */
export const keys = { of: { ...page.keys } };

/** The key of an action as a button shows it. */
export const hint = (action) => {
  const key = keys.of[action] ?? "";
  return key.length === 1 ? key.toUpperCase() : key;
};
export const shortcut = (action) => hint(action).replace("Ctrl+", "Control+") || null;

/** Letters and digits can be switched off, for those who steer by voice or whose hands slip. */
export const letters = {
  get on() {
    return localStorage.getItem("llar-letters") !== "off";
  },
  set on(wanted) {
    localStorage.setItem("llar-letters", wanted ? "on" : "off");
  },
};

const MODIFIERS = new Set(["Control", "Shift", "Alt", "Meta", "AltGraph"]);
const isField = (element) => element?.matches?.('input:not([type="radio"]):not([type="checkbox"]), textarea, select');

/** What was pressed, written as the keys are kept; "" for a modifier alone. */
export function pressed(event) {
  if (MODIFIERS.has(event.key)) return "";
  const plain = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // AltGr, which types "@" and the like, comes as both together
  if (event.metaKey || (event.ctrlKey && event.altKey)) return event.metaKey ? "" : plain;
  return `${event.ctrlKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${plain}`;
}

/** `on` has: busy() (a window is open), act(name), step(by), inQueue(). */
export function listen(on) {
  document.addEventListener("keydown", (event) => {
    if (on.busy() || event.isComposing) return;
    const name = named(event, on);
    if (!name) return;
    event.preventDefault();
    if (event.repeat && name !== "up" && name !== "down") return;
    if (name === "up" || name === "down") on.step(name === "up" ? -1 : 1);
    else on.act(name);
  });
}

function named(event, on) {
  const key = pressed(event);
  const action = Object.keys(keys.of).find((name) => keys.of[name] === key);
  if (isField(event.target)) {
    if (key === "Escape") event.target.blur();
    return key.length > 1 ? action : null;
  }
  if (key === "ArrowUp" || key === "ArrowDown") {
    const free = event.target === document.body || on.inQueue();
    return free ? { ArrowUp: "up", ArrowDown: "down" }[key] : null;
  }
  if (key.length === 1 && action !== "help") {
    if (!letters.on) return null;
    if (action?.startsWith("triage-") && on.inQueue()) return null;
  }
  return action ?? null;
}
