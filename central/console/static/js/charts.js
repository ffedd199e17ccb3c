// Two small pictures: the last hour of rooms, and a curve of the last day.
import { h, s } from "./dom.js";
import { clock, decimal, t } from "./words.js";

const WIDTH = 320;
const LANE = 20;
const NAMES = {
  heart_rate: t("Heart rate"),
  systolic: t("Upper blood pressure"),
  diastolic: t("Lower blood pressure"),
  spo2: t("Oxygen in the blood"),
  body_temperature: t("Body temperature"),
  weight: t("Body weight"),
  temperature: t("Temperature"),
};
const UNITS = { "beat/min": t("beats/min"), Cel: "°C", "mm[Hg]": "mmHg" };
const ONE_DIGIT = new Set(["temperature", "body_temperature", "weight"]);
const ALARMS = new Set(["press", "fall"]);

export const unavailable = (why) =>
  h(
    "p",
    { class: "unavailable" },
    why === "down"
      ? t("The store of measurements does not answer now.")
      : t("No store of measurements is connected to this desk."),
  );

/** Where somebody was noticed in the last hour, a lane for each room. */
export function ribbon(rooms) {
  if (rooms.unavailable) return unavailable(rooms.unavailable);
  const last = rooms.events.at(-1);
  if (!last) return h("p", { class: "unavailable" }, t("Nobody was noticed anywhere in the last hour."));
  const names = rooms.rooms.slice(0, 7);
  const left = 86;
  const height = names.length * LANE + 18;
  const x = (at) => left + ((at - rooms.start_at) / (rooms.end_at - rooms.start_at)) * (WIDTH - left - 4);
  const summary = t("Last noticed: {room}, {time}", { room: last.room, time: clock(last.at) });
  const lanes = names.map((name, index) => {
    const y = index * LANE + LANE / 2;
    return [
      s("text", { class: "lane-name", x: 0, y: y + 4 }, name.length > 13 ? `${name.slice(0, 12)}…` : name),
      s("line", { class: "lane", x1: left, x2: WIDTH, y1: y, y2: y }),
      rooms.events
        .filter((event) => event.room === name)
        .map((event) =>
          s("rect", {
            class: ALARMS.has(event.kind) ? "urgent" : "seen",
            x: x(event.at) - 2,
            y: y - 5,
            width: 4,
            height: 10,
            rx: 2,
          }),
        ),
    ];
  });
  const ticks = [0, 20, 40, 60].map((minutes) => {
    const at = rooms.end_at - minutes * 60;
    return s(
      "text",
      { x: x(at), y: height - 2, "text-anchor": minutes === 0 ? "end" : minutes === 60 ? "start" : "middle" },
      clock(at),
    );
  });
  return h(
    "figure",
    { class: "plot" },
    s("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": summary }, lanes, ticks),
    h("figcaption", {}, h("span", {}, summary)),
  );
}

/** A curve of quarter-hour means; a gap in the data is a gap in the line, and a single measurement a dot. */
export function curve(series, start, end) {
  const height = 74;
  const top = 6;
  const base = 54;
  const right = 34;
  const values = series.points.map(([, value]) => value);
  const low = Math.floor(Math.min(...values, series.last)) - 1;
  const high = Math.ceil(Math.max(...values, series.last)) + 1;
  const x = (at) => ((at - start) / (end - start)) * (WIDTH - right);
  const y = (value) => base - ((value - low) / (high - low)) * (base - top);
  const pieces = [];
  series.points.forEach(([at, value], index) => {
    const gap = index === 0 || at - series.points[index - 1][0] > 2700;
    if (gap) pieces.push([]);
    pieces.at(-1).push([x(at), y(value)]);
  });
  const path = (points) =>
    points.map(([px, py], index) => `${index ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
  const unit = UNITS[series.unit] ?? series.unit;
  const digits = ONE_DIGIT.has(series.kind) ? 1 : 0;
  const name = NAMES[series.kind] ?? series.kind;
  const now = `${decimal(series.last, digits)} ${unit}`;
  return h(
    "figure",
    { class: "plot" },
    h(
      "figcaption",
      {},
      h("span", {}, series.room ? `${name}, ${series.room}` : name),
      h("b", { class: "number" }, now),
    ),
    s(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${height}`,
        role: "img",
        "aria-label": t("{name} over the last day; now {value}", { name, value: now }),
      },
      [low, high].map((value) => [
        s("line", { class: "grid", x1: 0, x2: WIDTH - right, y1: y(value), y2: y(value) }),
        s("text", { x: WIDTH, y: y(value) + 4, "text-anchor": "end" }, decimal(value)),
      ]),
      pieces.map((points) =>
        points.length === 1
          ? s("circle", { class: "seen", cx: points[0][0], cy: points[0][1], r: 2.5 })
          : [
              s("path", {
                class: "area",
                d: `${path(points)}L${points.at(-1)[0].toFixed(1)} ${base}L${points[0][0].toFixed(1)} ${base}Z`,
              }),
              s("path", { class: "curve", d: path(points) }),
            ],
      ),
      [0, 6, 12, 18, 24].map((hours) =>
        s(
          "text",
          {
            x: x(end - hours * 3600),
            y: height - 2,
            "text-anchor": hours === 0 ? "end" : hours === 24 ? "start" : "middle",
          },
          clock(end - hours * 3600),
        ),
      ),
    ),
  );
}
