// The wallboard: read anew whenever something changes, at most once a second; clocks tick in between.
import { byId, fill, h, setText } from "./dom.js";
import { get, page } from "./api.js";
import { shape } from "./marks.js";
import { toast } from "./notices.js";
import { Tones } from "./tones.js";
import { KINDS, MARKS, causeOf, decimal, exactClock, moment, span, t, ticking } from "./words.js";

const SOONEST_MS = 1000;
const LATEST_MS = 10_000;
const STATES = {
  ready: [t("ready"), "good"],
  busy: [t("with a case"), "busy"],
  wrap_up: [t("writing up"), "busy"],
  break: [t("on a break"), "warn"],
  not_ready: [t("not ready"), "warn"],
  away: [t("no console open"), "bad"],
};
const CASE_STATES = {
  new: t("waits for somebody"),
  taken: t("with somebody"),
  talking: t("speaking"),
  waiting: t("parked"),
  withdrawn: t("taken back by the home"),
};

let board = null;
let ahead = 0;
let readAt = -Infinity;
let reading = false;
let wanted = false;

const now = () => Date.now() / 1000 + ahead;
/** Rounded down: a target is not met by rounding. */
const share = (value) => (value === null ? "–" : `${decimal(Math.floor(value * 1000 + 1e-9) / 10, 1)}\u00a0%`);
const since = (at) => h("span", { class: "ticks number", "data-since": at }, ticking(now() - at));

function tile(kind, word, value, more) {
  return h("div", { class: kind }, h("dt", {}, word), h("dd", {}, value, more && h("small", {}, more)));
}

function paintToday() {
  const { today, targets, oldest_at: oldest } = board;
  const waits = Object.values(board.waiting).reduce((sum, count) => sum + count, 0);
  const aim = (seconds) => {
    const value = today[`share_${seconds}`];
    const kind = value === null ? "" : value * 100 >= targets[seconds] - 1e-9 ? "good" : "bad";
    const word = t("answered within {seconds} s, aim {aim}", { seconds, aim: share(targets[seconds] / 100) });
    return tile(kind, word, share(value));
  };
  fill(
    byId("today"),
    !page.big && tile(waits ? "bad" : "", t("waiting now"), String(waits)),
    !page.big && tile(oldest ? "bad" : "", t("longest wait"), oldest ? since(oldest) : "–"),
    aim(50),
    aim(60),
    aim(180),
    tile("", t("calls answered today"), String(today.counted)),
    tile(today.unexplained ? "bad" : "", t("over 180 s, without a reason"), `${today.unexplained}`, ` / ${today.over}`),
  );
}

function paintWaiting() {
  const place = byId("waiting");
  if (!place) return;
  fill(
    place,
    ["P1", "P2", "P3", "T"].map((mark) =>
      h("div", { class: `wall-count ${mark.toLowerCase()}${board.waiting[mark] ? "" : " none"}` },
        shape(mark, 44), h("b", {}, String(board.waiting[mark])), h("span", {}, MARKS[mark].word))),
    h("div", { class: `wall-count${board.oldest_at ? "" : " none"}` },
      h("b", {}, board.oldest_at ? since(board.oldest_at) : "–"), h("span", {}, t("longest wait"))),
  );
}

function paintWorkers() {
  const ready = board.workers.filter((one) => one.state === "ready").length;
  setText(byId("workers-count"), t("{count} ready", { count: ready }));
  if (board.workers.length === 0) return fill(byId("workers"), h("p", { class: "none" }, t("No console is open.")));
  const rows = board.workers.map((one) => {
    const [word, kind] = STATES[one.state] ?? [one.state, ""];
    return h("tr", {},
      h("th", { scope: "row" }, one.called),
      h("td", {}, h("span", { class: `chip ${kind}` }, word)),
      h("td", { class: "number" }, one.since_at ? since(one.since_at) : "–"),
      h("td", {}, one.case_ids.length ? one.case_ids.map((id) => t("case {id}", { id })).join(", ") : ""));
  });
  fill(byId("workers"), h("table", {},
    h("thead", {}, h("tr", {}, [t("Name"), t("State"), t("Since"), t("Cases")].map((word, place) =>
      h("th", { scope: "col", class: place === 2 ? "number" : "" }, word)))),
    h("tbody", {}, rows)));
}

function paintCases() {
  if (board.cases.length === 0) return fill(byId("cases"), h("p", { class: "none" }, t("No case is open.")));
  const rings = (one) => Boolean(one.ring_at) && one.priority <= 3;
  // who waits for somebody stands first; each part in the desk's own order
  const rows = [...board.cases].sort((one, other) => rings(other) - rings(one)).map((one) =>
    h("tr", { class: rings(one) ? "rings" : "" },
      h("th", { scope: "row" }, h("span", { class: "mark" }, shape(one.mark, 20)), h("span", { class: "unseen" }, MARKS[one.mark].word),
        ` ${KINDS[one.kind] ?? KINDS.other}`, one.repeats > 1 && ` ×${one.repeats}`,
        h("span", { class: "sub" }, [one.who, one.where].filter(Boolean).join(" · ") || t("case {id}", { id: one.id }))),
      h("td", { class: "number" }, since(one.opened_at)),
      h("td", {}, CASE_STATES[one.state] ?? one.state,
        one.helper && h("span", { class: "sub" }, one.eta_at ? t("helper expected {time}", { time: moment(one.eta_at, now()) }) : t("a helper is on the way"))),
      h("td", {}, one.owner || "–"),
      page.may_reassign && h("td", { class: "acts-cell" }, one.owner_id &&
        h("button", { class: "button small", type: "button", "data-case": one.id, onclick: () => reassign(one), "aria-label": t("Give case {id} to somebody else", { id: one.id }) }, t("Reassign")))));
  fill(byId("cases"), h("table", {},
    h("thead", {}, h("tr", {},
      [t("Case"), t("Age"), t("State"), t("Held by"), page.may_reassign && h("span", { class: "unseen" }, t("Reassign"))].filter(Boolean)
        .map((word, place) => h("th", { scope: "col", class: place === 1 ? "number" : "" }, word)))),
    h("tbody", {}, rows)));
}

/** Nobody scrolls a wall: rows that would lie below its edge are counted instead. */
function countTheRest() {
  const rows = [...byId("cases").querySelectorAll("tbody tr")];
  const wall = page.big && matchMedia("(min-width: 64rem)").matches;
  const below = wall ? rows.slice(1).filter((row) => row.getBoundingClientRect().bottom + scrollY > innerHeight) : [];
  for (const row of below) row.hidden = true;
  const count = board.more_cases + below.length;
  setText(byId("cases-count"), count ? t("and {count} more", { count }) : "");
}

function paintElse() {
  const { agenda, link } = board;
  const line = (word, value, kind) => [h("dt", {}, word), h("dd", {}, kind ? h("span", { class: `chip ${kind}` }, value) : value)];
  fill(byId("else"),
    h("dl", { class: "facts-list" },
      line(t("Agenda calls due"), String(agenda.due)),
      line(t("of them overdue"), String(agenda.overdue), agenda.overdue ? "bad" : ""),
      line(t("Silent homes"), String(link.hubs_silent), link.hubs_silent ? "warn" : ""),
      line(t("Homes that may not be able to call"), String(link.hubs_deaf), link.hubs_deaf ? "warn" : ""),
      line(t("Line to the homes"), link.broker === "ok" ? t("stands") : t("is down"), link.broker === "ok" ? "good" : "bad"),
      line(t("Measurements"), link.receiver === "ok" ? t("come in") : t("do not come in"), link.receiver === "ok" ? "good" : "warn"),
      board.incidents.map((one) => [
        h("dt", {}, t("Incident {id}", { id: one.id })),
        h("dd", {}, h("span", { class: "chip warn" }, t("{count} silent homes, for {span}", { count: one.homes, span: span(now() - one.opened_at) })), h("p", {}, causeOf(one))),
      ])));
  const place = byId("exceptions");
  place.hidden = board.exceptions.length === 0;
  if (!place.hidden) {
    fill(place, t("Cases that nobody took in time and that have no reason yet: {cases}.", { cases: board.exceptions.join(", ") }), " ",
      !page.big && h("a", { href: "/quality?show=late&period=week" }, t("Write the reasons")));
  }
}

function reassign(one) {
  const form = byId("reassign-form");
  form.dataset.api = `/api/cases/${one.id}/reassign`;
  form.reset();
  fill(form.querySelector(".form-fault"));
  byId("reassign").showModal();
}

// What nobody has taken by the supervisor's step of its ladder sounds here, once somebody has pressed for it.
const tones = new Tones();
const plain = document.title;
const called = new Set();

function callSupervisor() {
  const calls = (board?.cases ?? []).filter(
    ({ priority, supervisor_due_at: at }) => priority <= 3 && at !== null && now() >= at,
  );
  tones.follow(calls.map(({ id, mark }) => ({ id, mark })));
  document.title = calls.length ? `(${calls.length}) ${t("Nobody has taken case {case}", { case: calls[0].id })} · Llar` : plain;
  for (const id of called) if (!calls.some((one) => one.id === id)) called.delete(id);
  for (const { id, kind } of calls) {
    if (called.has(id)) continue;
    called.add(id);
    const text = `${t("Nobody has taken case {case}", { case: id })}: ${KINDS[kind] ?? KINDS.other}.`;
    setText(byId("say-now"), text);
    if (document.hidden && "Notification" in window && Notification.permission === "granted")
      new Notification(text, { tag: `case-${id}`, requireInteraction: true }).onclick = () => window.focus();
  }
}

byId("sound").addEventListener("click", async ({ currentTarget: button }) => {
  if (tones.able) await tones.context.suspend();
  else await tones.test();
  button.setAttribute("aria-pressed", String(tones.able));
  setText(button, tones.able ? t("Sound on: turn it off") : t("Sound off: turn it on"));
  if (tones.able && "Notification" in window && Notification.permission === "default")
    Notification.requestPermission().catch(() => {});
});

async function read() {
  if (reading) {
    wanted = true;
    return;
  }
  reading = true;
  wanted = false;
  try {
    board = await get(page.board);
    ahead = board.now - Date.now() / 1000;
    readAt = performance.now();
    const held = document.activeElement?.closest("[data-case]")?.dataset.case;
    paintToday();
    paintWaiting();
    paintWorkers();
    paintCases();
    // painted anew, the button that somebody stood on is another one
    if (held) (document.querySelector(`#cases [data-case="${held}"]`) ?? byId("cases")).focus();
    paintElse();
    countTheRest();
    tick();
    setText(byId("as-of"), t("Live"));
    byId("as-of").classList.remove("lost");
  } catch {
    stale();
  } finally {
    reading = false;
    if (wanted) setTimeout(soon, SOONEST_MS);
  }
}

function stale() {
  byId("as-of").classList.add("lost");
  setText(byId("as-of"), board ? t("No line to the desk: this is how things stood at {time}", { time: exactClock(board.now) }) : t("The desk does not answer."));
}

let planned = false;
function soon() {
  if (planned) return;
  planned = true;
  setTimeout(() => {
    planned = false;
    read();
  }, Math.max(0, SOONEST_MS - (performance.now() - readAt)));
}

function tick() {
  callSupervisor();
  for (const one of document.querySelectorAll("[data-since]")) setText(one, ticking(now() - Number(one.dataset.since)));
  if (byId("wall-clock")) setText(byId("wall-clock"), exactClock(now()));
  if (performance.now() - readAt > LATEST_MS) soon();
}

if (page.live) {
  const source = new EventSource("/live");
  source.addEventListener("case", soon);
  source.addEventListener("reload", soon);
  source.addEventListener("beat", (event) => JSON.parse(event.data).untaken.forEach((one) => toast(one, "bad")));
}
document.addEventListener("sent", (event) => {
  event.target.closest("dialog")?.close();
  soon();
});
byId("full-screen")?.addEventListener("click", () => document.documentElement.requestFullscreen());
setInterval(tick, 500);
read();
