// The running clocks: all on the whole second of the desk's clock, so that a page moves once a second and not more.
import { byId, setTicking } from "./dom.js";
import { ticking } from "./words.js";

/** Each element with the moment since which, or until which, it counts. Whole seconds on both sides, so that what is
 * painted between two ticks shows what the tick showed. */
export function paintClocks(at) {
  const second = Math.floor(at);
  for (const element of document.querySelectorAll("[data-since]"))
    setTicking(element, ticking(second - Math.floor(element.dataset.since)));
  for (const element of document.querySelectorAll("[data-until]"))
    setTicking(element, ticking(Math.floor(element.dataset.until) - second));
}

/** Calls `tick` once a second, and lets what rings pulse: an animation of the style sheet would paint 60 times as often. */
export function run(now, tick, shown = null) {
  const second = Math.floor(now());
  if (second !== shown) {
    byId("queue").classList.toggle("lit", second % 2 === 1);
    tick();
  }
  setTimeout(() => run(now, tick, second), (second + 1 - now()) * 1000 + 5);
}
