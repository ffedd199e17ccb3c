"use strict";
// Shows the stage as the server tells it, and asks for what is pressed. All words come from words.js.

const ICONS = {
  press: "M12 3v4M9 7h6M12 7c-4 0-6 3-6 7s2 7 6 7 6-3 6-7-2-7-6-7ZM12 12v3M10.5 13.5h3",
  wire: "M8 8h8v12H8zM10 8V4h4v4M12 12v3M10.5 13.5h3",
  fall: "M6 6.5a1.8 1.8 0 1 0 0-.01M4 20h16M8 10l5 4 6 1M13 14l-4 4",
  smoke: "M12 21c3.5 0 6-2.4 6-5.6C18 11 14.5 9 13 4c-1 3-5 5.5-6 9-.9 3.5 1 8 5 8ZM12 21c-1.5-1-2-2.5-1-4 .6 1 1.5 1 2 0 1 1.5.5 3-1 4Z",
  heart: "M12 20C6 15.5 3.5 12.5 3.5 9A4.3 4.3 0 0 1 12 7.5 4.3 4.3 0 0 1 20.5 9c0 3.5-2.5 6.5-8.5 11ZM4.5 12.5h4l1.5-3 2.5 5 1.5-2h5",
  drop: "M12 3.5c3.5 4.2 5.5 7.2 5.5 10a5.5 5.5 0 0 1-11 0c0-2.8 2-5.8 5.5-10ZM9.5 14a2.5 2.5 0 0 0 2.5 2.5",
  credit: "M12 12m-8 0a8 8 0 1 0 16 0 8 8 0 1 0-16 0M15 9.2a4 4 0 1 0 0 5.6M7.5 11h5M7.5 13.2h5",
  modem: "M5 14h14v5H5zM8 16.5h.01M12 16.5h4M12 14V9M9 6.8a4.3 4.3 0 0 1 6 0M7 4.5a7.4 7.4 0 0 1 10 0",
  sim: "M7 3.5h6.5L18 8v12.5H7zM10 12h5v5h-5zM12.500 12v5M10 14.500h5",
  gateway: "M4 5h16v10H11l-4 4v-4H4zM8 9h8M8 11.800h5",
  walk: "M13 4.5a1.5 1.5 0 1 0 0-.01M9 21l2.5-6-2-3 1-4.5 3 1 1.5 3 2.5 1M13.5 15l2 2.5.5 3.5",
  street: "M3 21V11l5-4 5 4v10M13 21v-7h8v7M16 17h2M7 14h2M3 21h18",
  silence: "M12 12m-8.5 0a8.5 8.5 0 1 0 17 0 8.5 8.5 0 1 0-17 0M12 7v5l3.5 2",
  line: "M4 12h5M15 12h5M10 8l4 8M14 8l-4 8",
  freeze: "M12 3v18M4.5 7.5l15 9M19.5 7.5l-15 9",
  power: "M12 4v8M7 7a7.5 7.5 0 1 0 10 0",
  radio: "M7 8l10 8-5 4V4l5 4L7 16",
  desk: "M4 5h16v11H4zM9 20h6M12 16v4",
  receiver: "M4 18h16M6 18v-5M10 18V8M14 18v-7M18 18V5",
  broker: "M5 7h14v4H5zM5 13h14v4H5zM8 9h.01M8 15h.01",
  mail: "M4 6h16v12H4zM4 7l8 6 8-6",
};

// group, action, icon, class; on which part it acts, when it can be pressed, what it makes of the part, its undoing
const CARDS = [
  ["flat", "press", "press", "alarm"],
  ["flat", "press_serial", "wire", "alarm", "wire", ["up"]],
  ["flat", "fall", "fall", "alarm", "wire", ["up"]],
  ["flat", "say_fine", "heart", "", "hub", ["up"]],
  ["flat", "smoke", "smoke", "alarm"],
  ["flat", "pressure", "heart", ""],
  ["flat", "oxygen", "drop", ""],
  ["flat", "walk", "walk", ""],
  ["street", "street_press", "street", "alarm"],
  ["street", "silence", "silence", ""],
  ["break", "line_cut", "line", "", "line", ["open", "frozen"], "cut", "line_restore"],
  ["break", "line_freeze", "freeze", "", "line", ["open"], "frozen", "line_restore"],
  ["break", "hub_off", "power", "", "hub", ["up"], "down", "hub_on"],
  ["break", "radio_off", "radio", "", "radio", ["up"], "down", "radio_on"],
  ["break", "wire_off", "wire", "", "wire", ["up"], "down", "wire_on"],
  ["break", "desk_kill", "desk", "", "desk", ["up"]],
  ["break", "receiver_kill", "receiver", "", "receiver", ["up"]],
  ["break", "broker_off", "broker", "", "broker", ["up"], "down", "broker_on"],
  ["break", "mail_refuse", "mail", "", "mail", ["up"], "refusing", "mail_take"],
  ["sms", "gateway_off", "gateway", "", "gateway", ["up"], "down", "gateway_on"],
  ["sms", "credit_gone", "credit", "", "modem", ["up"], "no_credit", "credit_back"],
  ["sms", "modem_mute", "modem", "", "modem", ["up"]],
  ["sms", "sim_out", "sim", "", "modem", ["up"], "no_sim", "sim_in"],
];
const PARTS = ["wire", "radio", "hub", "modem", "line", "gateway", "broker", "desk", "receiver", "mail"];
const HOW = { up: "good", open: "good", down: "bad", cut: "bad", mute: "bad", no_sim: "bad", frozen: "warn", refusing: "warn", no_credit: "warn" };
const MARKS = { refused: "✕", taken: "✓", delivered: "✓✓", answered: "✓✓" };
const TONE = { heard: "red", trying: "red", messaged: "red", received: "amber", taken: "green", on_the_way: "green", arrived: "green", closed: "green",
  asking: "amber", glad: "green" };
const LOST_AFTER_MS = 6000;

const byId = (id) => document.getElementById(id);
let language = pickLanguage();
let state = null;
let entries = [];
let lastHeard = Date.now();

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

const t = (key, facts) => say(language, key, facts);

function buildCards() {
  for (const group of ["flat", "street", "break", "sms"]) byId(`group-${group}`).replaceChildren();
  for (const [group, action, picture, look] of CARDS) {
    const card = make("button", { type: "button", class: `card ${look}`, "data-card": action }, icon(picture));
    card.append(make("div", {}, make("b"), make("span")));
    card.addEventListener("click", () => act(card));
    byId(`group-${group}`).append(card);
  }
}

function showCards() {
  for (const [, action, , , part, when, makes, undo] of CARDS) {
    const card = document.querySelector(`[data-card="${action}"]`);
    const now = part ? state.parts[part] : "";
    const can = !part || when.includes(now);
    const undoes = undo && now === makes;
    const shown = undoes ? undo : action;
    const used = action === "silence" && state.quiet;
    card.dataset.action = shown;
    card.classList.toggle("undo", Boolean(undoes));
    card.disabled = (!can && !undoes) || used || (action === "street_press" && state.street.online === 0);
    card.querySelector("b").textContent = t(`do_${shown}`);
    card.querySelector("span").textContent = t(`expect_${shown}`);
  }
}

async function act(card) {
  card.classList.add("done");
  setTimeout(() => card.classList.remove("done"), 700);
  await fetch(`/api/do/${card.dataset.action}`, { method: "POST" }).catch(() => {});
}

function showParts() {
  const items = PARTS.map((part) => {
    const how = state.parts[part];
    return make("li", { "data-how": HOW[how] || "warn" }, make("b", {}, t(`part_${part}`)), make("span", {}, t(`how_${how}`)));
  });
  byId("parts").replaceChildren(...items);
}

function showPhones() {
  const phones = [...state.phones].sort((a, b) => rings(b) - rings(a)).map(({ id, number, messages, call, answers }) => {
    const head = make("p", { class: "phone" }, make("b", {}, t(`phone_${id}`)), make("span", {}, messages.length || call ? number : t("phone_empty")));
    return make("li", { class: call && ALIVE.has(call.state) ? "rings" : "" }, head, ...(call ? [callOn(id, call)] : []), ...messages.map(bubble), ...(answers ? [answersOf(id)] : []));
  });
  const held = document.activeElement?.dataset.phoneKey;
  byId("phones").replaceChildren(...phones);
  if (held) byId("phones").querySelector(`[data-phone-key="${held}"]`)?.focus();
}

const ALIVE = new Set(["ringing", "talking"]);
const rings = ({ call }) => Number(Boolean(call) && ALIVE.has(call.state));

function callOn(id, call) {
  const alive = ALIVE.has(call.state);
  const line = make("p", { class: "call-state" }, make("b", {}, t(`call_${call.state}`)));
  const pressed = call.by_person ? [...(call.state === "ringing" ? ["pick_up"] : []), "hang_up"] : ["1", "2", "3", "9", "hang_up"];
  const keys = pressed.map((key) => phoneKey(id, key, key.endsWith("_up") ? t(key) : `${key} ${t(`key_${key}`)}`, t(`key_${key}`)));
  const heard = call.heard ? [make("p", { class: "heard" }, `“${call.heard}”`)] : [];
  return make("div", { class: "call" }, line, ...heard, ...(alive ? [make("div", { class: "keys" }, ...keys)] : []));
}

function answersOf(id) {
  return make("div", { class: "keys" }, phoneKey(id, "sms1", t("answer_sms", { text: "1" }), t("key_1")), phoneKey(id, "sms2", t("answer_sms", { text: "2" }), t("key_2")));
}

function phoneKey(id, key, label, title) {
  const button = make("button", { type: "button", title, "aria-label": `${t(`phone_${id}`)}: ${title}`, "data-phone-key": `${id}-${key}` }, label);
  button.addEventListener("click", () => { fetch(`/api/phones/${id}/${key}`, { method: "POST" }).catch(() => {}); });
  return button;
}

function bubble({ at, text, state: how, out }) {
  const told = `${MARKS[how]} ${t(`sms_${how}`)}`;
  const line = make("p", { class: `told ${how}` }, make("time", {}, clock().format(new Date(at * 1000))), out ? `${t("sms_out")}: ${told}` : told);
  return make("div", { class: `bubble ${out ? "out" : ""} ${how}` }, make("p", {}, text), line);
}

function clock() {
  return new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}

function showPeople() {
  const list = byId("people");
  if (list.dataset.language === language) return;
  list.dataset.language = language;
  list.replaceChildren(...state.links.people.map(({ name, url }) =>
    make("li", {}, make("a", { href: url, target: "_blank", rel: "noopener" }, make("kbd", {}, name), make("span", {}, t(`person_${name}`))))));
}

function showState() {
  if (!state) return;
  byId("to-console").href = state.links.console;
  byId("to-home").href = state.links.home;
  byId("password").textContent = state.links.password;
  showPeople();
  byId("mails").textContent = state.mails ? t("mails", { n: state.mails }) : t("mails_none");
  byId("street").textContent = t("intro_street", { online: state.street.online, homes: state.street.homes });
  const { scene } = state.home;
  byId("says").dataset.tone = TONE[scene] || "";
  byId("scene").textContent = t(`scene_${scene}`);
  const words = scene === "idle" || scene === "lost" ? "" : state.home.words[language];
  if (byId("sentence").textContent !== words) byId("sentence").textContent = words;
  showParts();
  showPhones();
  showCards();
}

function lookOf(entry) {
  if (entry.source === "you") return "you";
  if (entry.key === "home_says") return "home";
  if (/_(down|cut|frozen|refusing|refused|mute|no_credit|no_sim)$/.test(entry.key)) return "bad";
  if (/_(up|open)$/.test(entry.key) || entry.key.startsWith("answer_") || ["ready", "sms_answer", "pressure", "oxygen"].includes(entry.key)) return "good";
  return "";
}

function showLog() {
  const times = clock();
  const lines = entries.slice(-120).reverse().map((entry) => {
    const facts = { ...entry.facts };
    if (entry.key === "home_says") facts.words = facts[language];
    if (facts.part) facts.part = t(`part_${facts.part}`);
    if (facts.phone) facts.phone = t(`phone_${facts.phone}`);
    const words = entry.key.startsWith("did_") ? t("you_did", { what: t(`do_${entry.key.slice(4)}`) }) : t(`log_${entry.key}`, facts);
    return make("li", { class: lookOf(entry) }, make("time", {}, times.format(new Date(entry.at * 1000))), make("span", {}, words));
  });
  byId("log").replaceChildren(...lines);
  byId("log-empty").hidden = entries.length > 0;
}

function showAll() {
  translatePage(language);
  showState();
  showLog();
}

function listen() {
  const source = new EventSource("/events");
  source.addEventListener("open", () => { entries = []; });
  source.addEventListener("entry", (event) => {
    heard();
    entries.push(JSON.parse(event.data));
    showLog();
  });
  source.addEventListener("state", (event) => {
    heard();
    state = JSON.parse(event.data);
    showState();
  });
  source.addEventListener("beat", heard);
}

function heard() {
  lastHeard = Date.now();
  byId("lost").hidden = true;
}

for (const button of document.querySelectorAll("[data-lang]")) {
  button.addEventListener("click", () => {
    language = button.dataset.lang;
    keepLanguage(language);
    showAll();
  });
}
setInterval(() => { byId("lost").hidden = Date.now() - lastHeard < LOST_AFTER_MS; }, 1000);
buildCards();
showAll();
listen();
