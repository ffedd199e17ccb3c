"use strict";
// Shows the stage as the server tells it, and asks for what is pressed. All words come from words.js.

const ICONS = {
  press: "M12 3v4M9 7h6M12 7c-4 0-6 3-6 7s2 7 6 7 6-3 6-7-2-7-6-7ZM12 12v3M10.5 13.5h3",
  wire: "M8 8h8v12H8zM10 8V4h4v4M12 12v3M10.5 13.5h3",
  fall: "M6 6.5a1.8 1.8 0 1 0 0-.01M4 20h16M8 10l5 4 6 1M13 14l-4 4",
  smoke: "M12 21c3.5 0 6-2.4 6-5.6C18 11 14.5 9 13 4c-1 3-5 5.5-6 9-.9 3.5 1 8 5 8ZM12 21c-1.5-1-2-2.5-1-4 .6 1 1.5 1 2 0 1 1.5.5 3-1 4Z",
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

// group, action, icon, class, which part it acts on and when it can be pressed, its undoing
const CARDS = [
  ["flat", "press", "press", "alarm"],
  ["flat", "press_serial", "wire", "alarm", "wire", ["up"]],
  ["flat", "fall", "fall", "alarm", "wire", ["up"]],
  ["flat", "smoke", "smoke", "alarm"],
  ["flat", "walk", "walk", ""],
  ["street", "street_press", "street", "alarm"],
  ["street", "silence", "silence", ""],
  ["break", "line_cut", "line", "", "line", ["open", "frozen"], "line_restore"],
  ["break", "line_freeze", "freeze", "", "line", ["open"], "line_restore"],
  ["break", "hub_off", "power", "", "hub", ["up"], "hub_on"],
  ["break", "radio_off", "radio", "", "radio", ["up"], "radio_on"],
  ["break", "wire_off", "wire", "", "wire", ["up"], "wire_on"],
  ["break", "desk_kill", "desk", "", "desk", ["up"]],
  ["break", "receiver_kill", "receiver", "", "receiver", ["up"]],
  ["break", "broker_off", "broker", "", "broker", ["up"], "broker_on"],
  ["break", "mail_refuse", "mail", "", "mail", ["up"], "mail_take"],
];
const PARTS = ["wire", "radio", "hub", "line", "broker", "desk", "receiver", "mail"];
const HOW = { up: "good", open: "good", down: "bad", cut: "bad", frozen: "warn", refusing: "warn" };
const TONE = { heard: "red", trying: "red", messaged: "red", received: "amber", taken: "green", on_the_way: "green", arrived: "green", closed: "green" };
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
  for (const group of ["flat", "street", "break"]) byId(`group-${group}`).replaceChildren();
  for (const [group, action, picture, look] of CARDS) {
    const card = make("button", { type: "button", class: `card ${look}`, "data-card": action }, icon(picture));
    card.append(make("div", {}, make("b"), make("span")));
    card.addEventListener("click", () => act(card));
    byId(`group-${group}`).append(card);
  }
}

function showCards() {
  for (const [, action, , , part, when, undo] of CARDS) {
    const card = document.querySelector(`[data-card="${action}"]`);
    const now = part ? state.parts[part] : "";
    const can = !part || when.includes(now);
    const undoes = !can && undo && (action !== "line_freeze" || now === "frozen") && (action !== "line_cut" || now === "cut");
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

function showState() {
  if (!state) return;
  byId("to-console").href = state.links.console;
  byId("to-home").href = state.links.home;
  byId("password").textContent = state.links.password;
  byId("mails").textContent = state.mails ? t("mails", { n: state.mails }) : t("mails_none");
  byId("street").textContent = t("intro_street", { online: state.street.online, homes: state.street.homes });
  const { scene } = state.home;
  byId("says").dataset.tone = TONE[scene] || "";
  byId("scene").textContent = t(`scene_${scene}`);
  const words = scene === "idle" || scene === "lost" ? "" : state.home.words[language];
  if (byId("sentence").textContent !== words) byId("sentence").textContent = words;
  showParts();
  showCards();
}

function lookOf(entry) {
  if (entry.source === "you") return "you";
  if (entry.key === "home_says") return "home";
  if (/_(down|cut|frozen|refusing)$/.test(entry.key)) return "bad";
  if (/_(up|open)$/.test(entry.key) || entry.key.startsWith("answer_") || entry.key === "ready") return "good";
  return "";
}

function showLog() {
  const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const lines = entries.slice(-120).reverse().map((entry) => {
    const facts = { ...entry.facts };
    if (entry.key === "home_says") facts.words = facts[language];
    if (facts.part) facts.part = t(`part_${facts.part}`);
    const words = entry.key.startsWith("did_") ? t("you_did", { what: t(`do_${entry.key.slice(4)}`) }) : t(`log_${entry.key}`, facts);
    return make("li", { class: lookOf(entry) }, make("time", {}, clock.format(new Date(entry.at * 1000))), make("span", {}, words));
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
