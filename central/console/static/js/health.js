// The health page: fetched anew every few seconds, painted as a whole.
import { get } from "./api.js";
import { byId, fill, h } from "./dom.js";
import { icon } from "./marks.js";
import { decimal, exactClock, moment, span, t } from "./words.js";

const EVERY_MS = 5000;
const SIGNS = { ok: ["check", t("well")], warn: ["alert", t("needs attention")], bad: ["cross", t("act now")] };

// what machines say themselves is English and for technicians: behind a fold, which stays open while the page repaints
const unfolded = new Set();

function machineWords(key, detail) {
  if (!detail) return null;
  const name = h("summary", { "data-key": key }, t("For the technician"));
  const fold = h("details", { class: "more", open: unfolded.has(key) }, name);
  fold.addEventListener("toggle", () => (fold.open ? unfolded.add(key) : unfolded.delete(key)));
  fold.append(h("p", { class: "detail", lang: "en" }, detail));
  return fold;
}

function sign(entry) {
  const [name, word] = SIGNS[entry.state];
  return h(
    "li",
    { class: `sign ${entry.state}` },
    icon(name, 26),
    h("p", { class: "name" }, `${entry.name}: ${word}`),
    h("p", { class: "says" }, entry.says),
    entry.advice && h("p", { class: "advice" }, entry.advice),
    machineWords(entry.name, entry.detail),
  );
}

const GRAVITY = {
  bad: ["cross", t("act now"), t("An alarm may not come from here.")],
  warn: ["alert", t("needs attention"), t("Needs a technician.")],
  note: ["note", t("good to know"), t("Good to know.")],
};

function trouble(one, hub) {
  const [name, word] = GRAVITY[one.state];
  return h(
    "li",
    { class: `trouble ${one.state}` },
    icon(name, 20),
    h(
      "div",
      {},
      h("p", {}, h("span", { class: "unseen" }, `${word}: `), h("span", { class: "what" }, one.says)),
      one.advice && h("p", { class: "advice" }, one.advice),
      machineWords(`${hub} ${one.says}`, one.detail),
    ),
    one.age_s !== null && h("p", { class: "age number" }, t("for {span}", { span: span(one.age_s) })),
  );
}

function troubledHome(one) {
  const facts = one.online ? one.facts : [t("silent now"), ...one.facts];
  return h(
    "li",
    { class: `home ${one.state}` },
    h(
      "header",
      {},
      h("h3", {}, one.address || one.home),
      h("span", { class: "hub" }, one.hub),
      h("span", { class: "gravity" }, GRAVITY[one.state][2]),
    ),
    h("ul", { class: "troubles" }, one.troubles.map((each) => trouble(each, one.hub))),
    facts.length > 0 &&
      h(
        "ul",
        { class: "facts" },
        facts.map((fact) => h("li", {}, fact)),
      ),
  );
}

function troubled(health) {
  if (health.troubled.length === 0) return [h("li", { class: "none" }, t("No unit complains."))];
  const more = health.troubled_more;
  return [
    ...health.troubled.map(troubledHome),
    more > 0 && h("li", { class: "none" }, t("and {count} more", { count: decimal(more) })),
  ];
}

function figures(health) {
  const ms = (value) => (value === null ? "–" : `${decimal(value, value < 10 ? 1 : 0)} ms`);
  return [
    [t("Messages"), decimal(health.messages)],
    [t("Readings stored"), decimal(health.readings)],
    [t("From message to store"), `${decimal(health.delay_s, 2)} s`],
    [t("Waiting on disk"), decimal(health.spooled)],
    [t("Alarms stored"), decimal(health.commits)],
    [t("Storing, usual"), ms(health.commit_p50_ms)],
    [t("Storing, slowest 1 %"), ms(health.commit_p99_ms)],
  ].map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { class: "number" }, value)));
}

function table(heads, rows, none) {
  if (rows.length === 0) return h("p", {}, none);
  return h(
    "table",
    {},
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        heads.map(([text, kind]) => h("th", { scope: "col", class: kind }, text)),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map((cells) =>
        h(
          "tr",
          {},
          cells.map((cell, index) => h("td", { class: heads[index][1] }, cell)),
        ),
      ),
    ),
  );
}

async function refresh() {
  try {
    const health = await get("/api/health");
    const held = document.activeElement?.dataset.key;
    fill(byId("as-of"), t("As of {time}.", { time: exactClock(health.now) }));
    fill(byId("signs"), health.signs.map(sign));
    fill(byId("figures"), figures(health));
    fill(byId("troubled"), troubled(health));
    fill(
      byId("silent"),
      table(
        [[t("Home")], [t("Silent for"), "number"], [t("Messages waiting there"), "number"]],
        health.silent.map((one) => [
          `${one.address || one.home} · ${one.hub}`,
          one.silent_s === null ? t("never heard") : span(one.silent_s),
          decimal(one.waiting),
        ]),
        t("No home is silent."),
      ),
    );
    fill(
      byId("refused"),
      table(
        [[t("From")], [t("Reason")], [t("How many"), "number"], [t("Last"), "number"], [t("Detail"), "raw"]],
        health.refused.map((one) => [
          one.from_words,
          one.why,
          decimal(one.count),
          moment(one.last_at, health.now),
          machineWords(`${one.source} ${one.reason}`, one.last_detail),
        ]),
        t("Nothing has been refused."),
      ),
    );
    if (held) document.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
  } catch (error) {
    fill(byId("as-of"), t("The desk does not answer. What is shown is old."));
  }
}

refresh();
setInterval(refresh, EVERY_MS);
