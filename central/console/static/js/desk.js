// The console: holds what is known, and joins the parts.
import { Acts } from "./acts.js";
import { get, page } from "./api.js";
import { byId, setText } from "./dom.js";
import { CaseRoom, may } from "./case.js";
import * as dialogs from "./dialogs.js";
import { paintClocks, paintClocksInSight, run } from "./desk_clocks.js";
import { listen } from "./keys.js";
import { Line } from "./live.js";
import { LiveQueue } from "./live_queue.js";
import { Notices, toast } from "./notices.js";
import { OwnState } from "./own.js";
import { furnishPage } from "./page.js";
import { askTelephone, sayTelephone, telephoneLine } from "./placing.js";
import { Queue, asShown, isRinging, isWaiting } from "./queue.js";
import { ResidentCard } from "./resident.js";
import { help } from "./settings.js";
import { Strip } from "./strip.js";
import { Tones } from "./tones.js";
import { t } from "./words.js";

const CHARTS_EVERY_MS = 60_000;
const OWN_ANSWER_MS = 1000;
const SOUND_EVERY_MS = 2000;
const REPAINT_EVERY_MS = 60_000;
/** Where the page is in sight its title can wait: the browser draws its own frame anew for it. */
const TITLE_EVERY_S = 5;

const me = page.operator.id;
const known = {
  selected: null,
  view: null,
  home: null,
  answers: null,
  link: { broker: "ok", receiver: "ok", ready_operators: 1 },
};
let offset = 0;
let up = null; // not known before the first sign of life
let painting = false;

const now = () => Date.now() / 1000 + offset;
const tones = new Tones();
const notices = new Notices();
const live = new LiveQueue({ now, loaded, failed: tell });
const own = new OwnState({ me, now, cards: () => live.all, changed: linkTold });
const strip = new Strip({ now, setOwn, soundTest, ownChanged });
const queue = new Queue(byId("queue"), {
  me,
  now,
  tick: (card) => paintClocks(now(), card),
  open,
  offer: (card) => live.offerOf(card),
  incidents: () => live.incidents,
  called: (id) => live.colleagues.get(id) ?? id,
  repaint: paintQueue,
  get selected() {
    return known.selected;
  },
});
const room = new CaseRoom(byId("case"), { me, now, tick: paintTimes, act });
const resident = new ResidentCard(byId("resident"), { me, act });
const acts = new Acts({
  me,
  known,
  room,
  open,
  put: (card) => live.put(card),
  show: (view) => show(view),
  refresh: () => live.load(),
  paint: paintQueue,
  closedOne: () => own.closedOne(),
});

// ---- painting ----

function paintTimes() {
  paintClocks(now());
  strip.tick();
}

/** Once a second: all that changes of itself, in one picture. */
function tick() {
  paintClocksInSight(now());
  strip.tick();
  if (Math.floor(now()) % TITLE_EVERY_S === 0) notices.paintTitle();
  if (live.endOffers()) paintQueue();
  if (known.view?.calls.some((call) => call.live && call.known_until_at <= now())) forgetCall();
}

/** Sound and words at once; the painting once for all that came within one picture. */
function paintQueue() {
  notices.follow(live.all);
  sound();
  if (painting) return;
  painting = true;
  const paint = () => {
    painting = false;
    const { all } = live;
    queue.render(all);
    strip.counts(all);
    paintRest();
  };
  if (document.hidden) setTimeout(paint);
  else requestAnimationFrame(paint);
}

/** Of a call nothing was heard for so long that it is not known any more: looked up once. */
function forgetCall() {
  const { view } = known;
  for (const call of view.calls) call.live = false;
  if (known.selected === view.card.id) load(view.card.id);
}

/** Nothing chosen. All is quiet only as long as the homes are heard. */
function paintRest() {
  if (known.selected !== null || !known.answers) return;
  room.rest({ answers: known.answers, waiting: live.all.some(isWaiting), heard: up !== false && known.link.broker === "ok" });
}

function paintOwn() {
  strip.own(own, up);
  strip.link(known.link, up);
  paintRest();
}

/** What sounds here: see `OwnState.hears`. */
function sound() {
  const ringing = live.all.filter(isRinging).filter((card) => own.hears(card, known.link.ready_operators, live.offerOf(card)));
  tones.follow(ringing.map(({ id, mark }) => ({ id, mark })));
}

// ---- what comes from the desk ----

function loaded(fresh) {
  offset = fresh.now - Date.now() / 1000;
  Object.assign(known, { answers: fresh.answers, link: fresh.link });
  own.wrapUpS = fresh.wrap_up_s;
  strip.answers(fresh.answers);
  paintOwn();
  paintQueue();
  if (known.selected !== null) load(known.selected);
}

/** The answer to one's own command paints the case; what one did at another console has no answer here. */
const behind = (card) => (known.view?.card.version ?? 0) < card.version;

function caseChanged(event) {
  const { card, actor } = event;
  if (!live.hear(event)) return;
  paintQueue();
  if (known.selected !== card.id) return;
  if (actor !== me) load(card.id);
  else setTimeout(() => known.selected === card.id && behind(card) && load(card.id), OWN_ANSWER_MS);
}

function beat(sign) {
  offset = sign.now - Date.now() / 1000;
  known.link = sign.link;
  own.tell();
  live.compare(sign.stamp);
  for (const one of sign.untaken) toast(one, "bad");
  if (JSON.stringify(known.answers) === JSON.stringify(sign.answers)) return;
  known.answers = sign.answers;
  strip.answers(sign.answers);
  paintQueue();
}

const line = {
  beat,
  case: caseChanged,
  call: ({ case_id: id }) => known.selected === id && load(id),
  reload: () => live.load(),
  connected() {
    up = true;
    notices.lost = false;
    byId("lost").hidden = true;
    own.tell();
    paintOwn();
    live.load();
  },
  lost() {
    up = false;
    byId("lost").hidden = false;
    setText(
      byId("lost"),
      t("Connection lost. Alarms do not reach this console. Use another one, and tell your supervisor."),
    );
    notices.lost = true;
    notices.paintTitle();
    paintOwn();
  },
  refused() {
    get("/api/me")
      .then(() => setTimeout(() => stream.open(), 1000))
      .catch(() => setTimeout(() => stream.open(), 1000));
  },
};

function linkTold({ lost, ...link }) {
  known.link = link;
  for (const one of lost) toast(one, "bad");
  paintOwn();
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
  const before = known.view?.card.id === view.card.id ? known.view : null;
  if (before && (before.card.version > view.card.version || (before.card.version === view.card.version && before.now > view.now))) return;
  if (view.prompt && view.prompt !== known.view?.prompt && view.card.owner_id === me) sayPrompt(view);
  known.view = view;
  room.render(view, known.home?.home.id === view.card.home_id ? known.home : null);
  const homeId = view.card.home_id;
  if (fresh || known.home?.home.id !== homeId) {
    known.home = await get(`/api/homes/${homeId}/card?besides=${view.card.id}`);
    loadPictures(homeId);
    if (known.view === view) room.render(view, known.home);
  }
  resident.render(known.home, known.view);
  paintTimes();
}

/** A telephone that has rung long enough, or a step whose time is up: said once, without taking the focus. */
function sayPrompt(view) {
  const step = view.checklist?.steps.find((one) => one.name === view.prompt);
  const text = view.prompt === "ring_limit" ? t("It has rung long enough") : `${t("Time is up")}: ${step?.text ?? ""}`;
  setText(byId("say-soon"), text);
  toast(text);
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
  own.choose(state);
  ownChanged();
  if (state === "break" && own.held().length) acts.handOver(own.held());
}

function ownChanged() {
  paintOwn();
  sound();
}

function soundTest() {
  dialogs.soundTest(
    () => tones.test(),
    () => {
      own.heard = true;
      if ("Notification" in window && Notification.permission === "default")
        Notification.requestPermission().catch(() => {});
      own.tell();
      paintOwn();
      sound();
      // not a card: whoever has chosen none takes the most urgent
      byId("queue").focus({ preventScroll: true });
    },
    telephoneLine(),
  );
}

function take() {
  const waiting = asShown(live.all)[0];
  const focused = Number(document.activeElement?.dataset?.case) || null;
  const chosen = live.cards.get(focused ?? known.selected);
  const card = chosen && may(chosen, me).take ? chosen : firstFor(waiting);
  if (!card) return toast(t("Nobody is waiting."));
  tones.hush();
  byId("case").focus({ preventScroll: true });
  return Promise.all([acts.orToast(card.id, "take"), known.selected === card.id ? null : open(card.id)]);
}

/** The most urgent case; of equals the one that is offered here, rather than one that is offered to a colleague. */
function firstFor(waiting) {
  const equals = waiting.filter((card) => card.mark === waiting[0].mark && isRinging(card) === isRinging(waiting[0]));
  const mine = equals.find((card) => live.offerOf(card)?.operator === me);
  return mine ?? equals.find((card) => !live.offerOf(card)) ?? waiting[0];
}

function act(name) {
  if (name === "take") return take();
  if (name === "help") return help(repaintAll);
  if (name === "back") return open(null);
  if (name === "to-queue") return queue.step(0);
  return acts.do(name);
}

function repaintAll() {
  if (known.view && known.selected !== null) room.render(known.view, known.home);
  paintQueue();
}

function tell(error) {
  if (error.status !== 401 && up) toast(error.message || t("The desk does not answer. Nothing was stored."), "bad");
}

furnishPage();
for (const [id, opens] of [
  ["help", () => help(repaintAll)],
  ["sound", soundTest],
  ["telephone", () => askTelephone(repaintAll)],
  ["hand-over", () => (own.held().length ? acts.handOver(own.held()) : toast(t("You hold no case.")))],
]) {
  byId(id).addEventListener("click", () => {
    byId("menu").hidePopover();
    opens();
  });
}
byId("logout").addEventListener(
  "click",
  (event) => {
    if (own.held().length === 0) return;
    event.stopImmediatePropagation();
    byId("menu").hidePopover();
    toast(t("You still hold cases: hand them over or close them first."), "bad");
    acts.handOver(own.held());
  },
  { capture: true },
);
listen({
  busy: dialogs.isOpen,
  act,
  step: (by) => queue.step(by),
  inQueue: () => byId("queue").contains(document.activeElement),
});
sayTelephone();
byId("menu").inert = false; // what was pressed before would have been lost
paintOwn();
const stream = new Line(line);
live.load().then(() => {
  const chosen = Number(location.hash.slice(1));
  if (chosen) open(chosen, { focus: false });
});
run(now, tick);
document.addEventListener("scroll", () => paintClocksInSight(now()), { capture: true, passive: true });
document.addEventListener("visibilitychange", () => notices.paintTitle());
setInterval(sound, SOUND_EVERY_MS);
setInterval(paintQueue, REPAINT_EVERY_MS);
setInterval(() => known.home && known.selected !== null && loadPictures(known.home.home.id), CHARTS_EVERY_MS);
soundTest();
