// The running clocks: all on the whole second of the desk's clock, so that a page moves once a second and not more.
import { byId, setText, setTicking } from "./dom.js";
import { span, t, ticking } from "./words.js";

const NEAR_PX = 200;
const OUT_OF_SIGHT_EVERY_S = 10;

/** The clocks within an element, each with the moment since which, or until which, it counts. Whole seconds on both
 * sides, so that what is painted between two ticks shows what the tick showed. */
export function paintClocks(at, within = document) {
  const second = Math.floor(at);
  for (const element of within.querySelectorAll("[data-since], [data-until]")) {
    const { since, until } = element.dataset;
    setTicking(element, ticking(since === undefined ? Math.floor(until) - second : second - Math.floor(since)));
  }
  for (const element of within.querySelectorAll("[data-ago]"))
    setText(element, t("{span} ago", { span: span(Math.max(0, second - Math.floor(element.dataset.ago)), "short") }));
}

/** The clocks in sight, or nearly. Of a long queue most are not: they go on every ten seconds, for who has them read. */
export function paintClocksInSight(at) {
  if (Math.floor(at) % OUT_OF_SIGHT_EVERY_S === 0) return paintClocks(at);
  const near = [...document.querySelectorAll(".cards > li")].filter((card) => {
    const { top, bottom } = card.getBoundingClientRect();
    return bottom > -NEAR_PX && top < innerHeight + NEAR_PX;
  });
  for (const part of [...near, byId("work"), byId("own-state")]) paintClocks(at, part);
}

/** Calls `tick` once a second, and lets what rings pulse: an animation of the style sheet would paint 60 times as often. */
export function run(now, tick, shown = null) {
  const second = Math.floor(now());
  if (second !== shown) {
    tick();
    byId("queue").classList.toggle("lit", second % 2 === 1);
  }
  setTimeout(() => run(now, tick, second), (second + 1 - now()) * 1000 + 5);
}
