// The console: holds what is known, and joins the parts.
import { Refused, get, page, post } from "./api.js";
import { byId, setText } from "./dom.js";
import { CaseRoom, may } from "./case.js";
import * as dialogs from "./dialogs.js";
import { listen } from "./keys.js";
import { Line } from "./live.js";
import { Notices, toast } from "./notices.js";
import { furnishPage } from "./page.js";
import { Queue, asShown, isRinging, isWaiting } from "./queue.js";
import { ResidentCard } from "./resident.js";
import { Strip } from "./strip.js";
import { Tones } from "./tones.js";
import { t, ticking } from "./words.js";

const BREAK_SPARES_S = 20;
const CHARTS_EVERY_MS = 60_000;
const LONGEST_QUEUE = 500;

const me = page.operator.id;
const cards = new Map();
const known = {
  selected: null,
  view: null,
  home: null,
  answers: null,
  stamp: "",
  link: { broker: "ok", receiver: "ok", ready_operators: 1 },
};
let offset = 0;
let own = "ready";
let heard = false;
let up = null; // not known before the first sign of life
let refreshing = null;
let painting = false;

const now = () => Date.now() / 1000 + offset;
const tones = new Tones();
const notices = new Notices();
const strip = new Strip({ now, setOwn, soundTest });
const queue = new Queue(byId("queue"), {
  me,
  now,
  tick: paintClocks,
  open,
  get selected() {
    return known.selected;
  },
});
const room = new CaseRoom(byId("case"), { me, now, tick: paintClocks, act });
const resident = new ResidentCard(byId("resident"), { me, act });

// ---- painting ----

function paintClocks() {
  const at = now();
  for (const element of document.querySelectorAll("[data-since]"))
    setText(element, ticking(at - Number(element.dataset.since)));
  for (const element of document.querySelectorAll("[data-until]"))
    setText(element, ticking(Number(element.dataset.until) - at));
  strip.tick();
}

/** Sound and words at once; the painting once for all that came within one picture. */
function paintQueue() {
  notices.follow([...cards.values()]);
  sound();
  if (painting) return;
  painting = true;
  const paint = () => {
    painting = false;
    const all = [...cards.values()];
    queue.render(all);
    strip.counts(all);
    if (known.selected === null && known.answers) room.rest({ answers: known.answers, waiting: all.some(isWaiting) });
  };
  if (document.hidden) setTimeout(paint);
  else requestAnimationFrame(paint);
}

function paintOwn() {
  strip.own(own, heard, up);
  strip.link(known.link, up);
}

/** On a break only matters of life sound, and only when nobody else took them in time. */
function sound() {
  const ringing = [...cards.values()]
    .filter(isRinging)
    .filter((card) => own === "ready" || (card.mark === "P1" && now() - card.ring_at > BREAK_SPARES_S));
  tones.follow(heard ? ringing.map(({ id, mark }) => ({ id, mark })) : []);
}

// ---- what comes from the desk ----

function refresh() {
  refreshing ??= get("/api/queue")
    .then((fresh) => {
      offset = fresh.now - Date.now() / 1000;
      cards.clear();
      for (const card of fresh.cards) cards.set(card.id, card);
      Object.assign(known, { answers: fresh.answers, link: fresh.link, stamp: fresh.stamp });
      strip.answers(fresh.answers);
      paintOwn();
      paintQueue();
      if (known.selected !== null) load(known.selected);
    })
    .catch(tell)
    .finally(() => {
      refreshing = null;
    });
  return refreshing;
}

function caseChanged({ card, actor }) {
  const before = cards.get(card.id);
  if (before && before.version > card.version) return;
  if (card.state === "closed") cards.delete(card.id);
  else cards.set(card.id, card);
  paintQueue();
  if (known.selected === card.id && actor !== me) load(card.id);
  if (["taken", "closed"].includes(card.state)) scheduleFigures();
}

let figuresDue = null;
function scheduleFigures() {
  clearTimeout(figuresDue);
  figuresDue = setTimeout(refresh, 1500);
}

let oddBeats = 0;
function beat(sign) {
  offset = sign.now - Date.now() / 1000;
  known.link = sign.link;
  paintOwn();
  // The fingerprint differs for a moment while an event is on its way; twice in a row, something was missed.
  const mine = `${cards.size}.${[...cards.values()].reduce((sum, card) => sum + card.version, 0)}`;
  oddBeats = sign.stamp === mine ? 0 : oddBeats + 1;
  if (oddBeats >= (cards.size < LONGEST_QUEUE ? 2 : 10)) {
    oddBeats = 0;
    refresh();
  }
}

const line = {
  beat,
  case: caseChanged,
  reload: refresh,
  connected() {
    up = true;
    byId("lost").hidden = true;
    tellOwn();
    paintOwn();
    refresh();
  },
  lost() {
    up = false;
    byId("lost").hidden = false;
    setText(
      byId("lost"),
      t("Connection lost. Alarms do not reach this console. Use another one, and tell your supervisor."),
    );
    document.title = `⚠ ${t("Connection lost")} · Llar`;
    paintOwn();
  },
  refused() {
    get("/api/me")
      .then(() => setTimeout(() => stream.open(), 1000))
      .catch(() => setTimeout(() => stream.open(), 1000));
  },
};

function tellOwn() {
  post("/api/me/state", { state: heard ? own : "not_ready" })
    .then((link) => {
      known.link = link;
      paintOwn();
    })
    .catch(() => {});
}

// ---- choosing and loading ----

/** Shows a case. The focus moves at once, never later: by then the operator may be writing. */
function open(id, { focus = true } = {}) {
  known.selected = id;
  history.replaceState(null, "", id === null ? "/" : `#${id}`);
  byId("rooms").dataset.view = id === null ? "queue" : "case";
  paintQueue();
  if (id === null) {
    resident.hide();
    byId("queue").focus({ preventScroll: true });
    return Promise.resolve();
  }
  if (focus) byId("case").focus({ preventScroll: true });
  return load(id, true);
}

async function load(id, fresh = false) {
  try {
    const view = await get(`/api/cases/${id}`);
    if (known.selected === id) await show(view, fresh);
  } catch (error) {
    if (error.status === 404) open(null);
    tell(error);
  }
}

/** Paints a view, unless a later one of the same case is there already: answers may overtake each other. */
async function show(view, fresh = false) {
  if (known.view?.card.id === view.card.id && known.view.card.version > view.card.version) return;
  known.view = view;
  room.render(view);
  const homeId = view.card.home_id;
  if (fresh || known.home?.home.id !== homeId) {
    known.home = await get(`/api/homes/${homeId}/card?besides=${view.card.id}`);
    loadPictures(homeId);
  }
  resident.render(known.home, view);
}

function loadPictures(homeId) {
  const still = () => known.home?.home.id === homeId;
  get(`/api/homes/${homeId}/rooms`)
    .then((rooms) => still() && resident.renderRooms(rooms))
    .catch(() => resident.failed());
  get(`/api/homes/${homeId}/charts`)
    .then((charts) => still() && resident.renderCharts(charts))
    .catch(() => resident.failed());
  get(`/api/homes/${homeId}/care`)
    .then((care) => still() && resident.renderCare(care))
    .catch(() => {});
}

// ---- what the operator does ----

function setOwn(state) {
  own = state;
  tellOwn();
  paintOwn();
  sound();
}

function soundTest() {
  dialogs.soundTest(
    () => tones.test(),
    () => {
      heard = true;
      if ("Notification" in window && Notification.permission === "default")
        Notification.requestPermission().catch(() => {});
      tellOwn();
      paintOwn();
      sound();
      (byId("queue").querySelector(".card") ?? byId("queue")).focus({ preventScroll: true });
    },
  );
}

/** A command on the chosen case. Gives "" when done, else the sentence of the refusal. */
async function command(id, path, body = {}) {
  try {
    const view = await post(`/api/cases/${id}/${path}`, body);
    if (view.card.state === "closed") cards.delete(id);
    else cards.set(id, view.card);
    paintQueue();
    if (known.selected === id) await show(view);
    return "";
  } catch (error) {
    if (!(error instanceof Refused)) return t("The desk does not answer. Nothing was stored.");
    refresh();
    return error.message;
  }
}

async function commandOrToast(id, path, body) {
  const why = await command(id, path, body);
  if (why) toast(why, "bad");
  return !why;
}

function take() {
  const first = asShown([...cards.values()])[0][0];
  const focused = Number(document.activeElement?.dataset?.case) || null;
  const chosen = cards.get(focused ?? known.selected);
  const card = chosen && may(chosen, me).take ? chosen : first;
  if (!card) return toast(t("Nobody is waiting."));
  tones.hush();
  byId("case").focus({ preventScroll: true });
  return Promise.all([commandOrToast(card.id, "take"), known.selected === card.id ? null : open(card.id)]);
}

function nextContact() {
  const sent = new Set(known.view.deliveries.map((entry) => entry.contact_id));
  const next = known.home?.contacts.find((entry) => !sent.has(entry.id)) ?? known.home?.contacts[0];
  if (next) byId(`contact-${next.id}`)?.focus();
}

function withContact(name, contactId) {
  const id = known.selected;
  const called = known.home.contacts.find((entry) => entry.id === contactId)?.called ?? "";
  if (name === "notify") return commandOrToast(id, `contacts/${contactId}/notify`);
  if (name === "arrived") return commandOrToast(id, `contacts/${contactId}/arrived`);
  return dialogs.arrival(called, (minutes) =>
    command(id, `contacts/${contactId}/on-the-way`, { eta_minutes: minutes }),
  );
}

const ON_CASE = {
  talk: (id, can) => can.talk && commandOrToast(id, "talk"),
  note: (id) => commandOrToast(id, "note", { text: room.note.value.trim() }),
  "to-note": () => room.note.focus(),
  park: (id, can) =>
    can.park && dialogs.park(known.view.parked_max_s, (minutes, reason) => command(id, "wait", { minutes, reason })),
  release: (id, can) => can.release && dialogs.release((reason) => command(id, "release", { reason })),
  close: (id, can) =>
    can.close
      ? dialogs.close(known.view.card, known.home?.contacts ?? [], (body) => closeCase(id, body))
      : toast(can.take ? t("Take the case before closing it.") : t("Somebody else has this case."), "bad"),
  "next-contact": nextContact,
};

async function closeCase(id, body) {
  const why = await command(id, "close", body);
  if (!why) {
    toast(t("Case {id} is closed.", { id }));
    open(null);
  }
  return why;
}

function act(name) {
  if (name === "take") return take();
  if (name === "help") return dialogs.help();
  if (name === "back" || name === "to-queue") return name === "back" ? open(null) : (queue.step(0), null);
  const id = known.selected;
  if (id === null || !known.view || known.view.card.id !== id || known.view.card.state === "closed") return null;
  const [verb, contactId] = name.split(":");
  if (contactId) return withContact(verb, contactId);
  if (verb.startsWith("triage-")) return commandOrToast(id, "triage", { choice: Number(verb.slice(7)) });
  return ON_CASE[verb]?.(id, may(known.view.card, me));
}

function tell(error) {
  if (error.status !== 401 && up) toast(error.message || t("The desk does not answer. Nothing was stored."), "bad");
}

furnishPage();
for (const [id, opens] of [
  ["help", dialogs.help],
  ["sound", soundTest],
]) {
  byId(id).addEventListener("click", () => {
    byId("menu").hidePopover();
    opens();
  });
}
listen({
  busy: dialogs.isOpen,
  act,
  step: (by) => queue.step(by),
  inQueue: () => byId("queue").contains(document.activeElement),
});
paintOwn();
const stream = new Line(line);
refresh().then(() => {
  const chosen = Number(location.hash.slice(1));
  if (chosen) open(chosen, { focus: false });
});
setInterval(paintClocks, 250);
setInterval(sound, 2000);
setInterval(() => known.home && known.selected !== null && loadPictures(known.home.home.id), CHARTS_EVERY_MS);
soundTest();
