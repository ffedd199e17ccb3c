// Keys. Nothing destructive lies on one key, and a key typed into a field is only a letter.

/** Letters and digits can be switched off, for those who steer by voice or whose hands slip. */
export const letters = {
  get on() {
    return localStorage.getItem("llar-letters") !== "off";
  },
  set on(wanted) {
    localStorage.setItem("llar-letters", wanted ? "on" : "off");
  },
};

const isField = (element) => element?.matches?.('input:not([type="radio"]):not([type="checkbox"]), textarea, select');

/** `on` has: busy() (a window is open), act(name), step(by), inQueue(). */
export function listen(on) {
  document.addEventListener("keydown", (event) => {
    if (on.busy()) return;
    const name = named(event, on);
    if (!name) return;
    event.preventDefault();
    if (name === "up" || name === "down") on.step(name === "up" ? -1 : 1);
    else on.act(name);
  });
}

function named(event, on) {
  const { key } = event;
  if (key === "F2") return "take";
  if (key === "F8") return "next-contact";
  if (event.ctrlKey && key === "Enter") return "close";
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  if (isField(event.target)) {
    if (key === "Escape") event.target.blur();
    return null;
  }
  if (key === "?") return "help";
  if (key === "ArrowUp" || key === "ArrowDown") {
    const free = event.target === document.body || on.inQueue();
    return free ? { ArrowUp: "up", ArrowDown: "down" }[key] : null;
  }
  if (!letters.on) return null;
  if (/^[1-5]$/.test(key)) return on.inQueue() ? null : `triage-${key}`;
  return { n: "to-note", p: "park", s: "talk", q: "to-queue" }[key.toLowerCase()] ?? null;
}
