// Our own signs: the priority marks (shape and word, never colour alone) and a few icons.
import { h, s } from "./dom.js";
import { MARKS } from "./words.js";

const SHAPES = {
  P1: () => s("path", { d: "M16 1.5 30.5 16 16 30.5 1.5 16Z" }),
  P2: () => s("path", { d: "M16 2.5 30.8 29H1.2Z" }),
  P3: () => s("circle", { cx: 16, cy: 16, r: 14 }),
  T: () => s("rect", { x: 3, y: 3, width: 26, height: 26, rx: 3 }),
  TEST: () => s("rect", { x: 3, y: 3, width: 26, height: 26, rx: 5, class: "dashed" }),
};
const INSIDE = { P1: ["1", 21.5], P2: ["2", 25.5], P3: ["3", 21.5], T: ["T", 21.5], TEST: ["?", 21.5] };

/** The shape of a priority, coloured by its class. */
export function shape(mark, size = 30) {
  const [letter, baseline] = INSIDE[mark];
  return s(
    "svg",
    {
      class: `shape ${mark.toLowerCase()}`,
      viewBox: "0 0 32 32",
      width: size,
      height: size,
      "aria-hidden": "true",
      focusable: "false",
    },
    SHAPES[mark](),
    mark === "TEST" ? null : s("text", { x: 16, y: baseline, "text-anchor": "middle" }, letter),
  );
}

/** Shape, word and stars together. */
export function markWithWord(mark, size) {
  const { word, stars } = MARKS[mark];
  return h(
    "span",
    { class: `mark ${mark.toLowerCase()}` },
    shape(mark, size),
    h("span", { class: "mark-word" }, word),
    stars && h("span", { class: "mark-stars", "aria-hidden": "true" }, stars),
  );
}

const PATHS = {
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7.5 8a7.5 7.5 0 0 1 15 0",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Zm0-14v5l3.5 2",
  key: "M14.5 13.5a4.5 4.5 0 1 0-4-4L3 17v4h4v-3h3v-3l1.5-1.5Zm2-5.5h.01",
  mail: "M3 6h18v12H3zm0 .5 9 7 9-7",
  phone: "M5 3h4l2 5-2.5 1.5a12 12 0 0 0 6 6L16 13l5 2v4a2 2 0 0 1-2 2A16 16 0 0 1 3 5a2 2 0 0 1 2-2Z",
  road: "M4 12h13m-5-5 5 5-5 5",
  check: "m4 12.5 5.5 5.5L20 6.5",
  cross: "M6 6l12 12M18 6 6 18",
  note: "M5 4h14v12l-4 4H5Zm10 16v-4h4M8 8h8M8 12h6",
  pause: "M8 5v14M16 5v14",
  sound: "M4 9.5v5h3.5L12 19V5L7.5 9.5Zm11.5-1a5 5 0 0 1 0 7m2.5-9.5a8.5 8.5 0 0 1 0 12",
  home: "M3.5 11.5 12 4l8.5 7.5M6 10v10h12V10",
  wave: "M2 12h4l3-7 4 14 3-9 2 2h4",
  back: "M20 12H6m6-6-6 6 6 6",
  out: "M10 4H5v16h5m4-4 4-4-4-4m4 4H9",
  alert: "M12 4 2.5 20h19ZM12 10v4.5m0 2.5h.01",
};

/** A line icon, silent to assistive technology: the words beside it speak. */
export function icon(name, size = 18) {
  return s(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true", focusable: "false" },
    s("path", { d: PATHS[name] }),
  );
}
