"use strict";
// Shows and sounds what the agent says and nothing else; when the agent falls silent, says so.

const LOST_AFTER_MS = 12000; // the agent speaks every 5 s
const ANSWERS = ["fine", "help", "mistake"];
const ROUND = 540.4; // the ring's circumference
const byId = (id) => document.getElementById(id);
const body = document.body;
const start = JSON.parse(byId("start").textContent);
let hello = start.hello;
let lastHeard = Date.now();
let listeningSince = Date.now();
let source = null;

function show(shown) {
  body.dataset.scene = shown.scene;
  body.dataset.tone = shown.tone;
  body.dataset.line = shown.connected === false ? "no" : "yes";
  byId("word").textContent = shown.word;
  say(shown.scene === "idle" ? "" : shown.sentence, shown.again ?? 0);
  sound(shown);
  byId("detail").textContent = shown.scene === "idle" ? "" : shown.detail;
  byId("idle-text").textContent = shown.sentence || shown.detail;
  byId("label").textContent = shown.label;
  byId("label").hidden = !shown.label;
  ask(shown);
  for (const shape of document.querySelectorAll(".shape")) {
    shape.style.display = shape.dataset.for.split(" ").includes(shown.scene) ? "inline" : "none";
  }
  fit();
}

// each sentence on a line of its own; untouched when nothing changed, so that it is read aloud once, and put there anew
// when it is to be read again
let said = "";
function say(text, again) {
  if (`${again} ${text}` === said) return;
  said = `${again} ${text}`;
  byId("sentence").replaceChildren(
    ...text.split(/(?<=\.) /).map((part) => Object.assign(document.createElement("span"), { textContent: `${part} ` })),
  );
}

// A beep at once, tones that rise with each step of help, and the words aloud where this machine has a voice for them.
// A browser that was not allowed to sound (see edge/README.md) does so after the first touch.
const TONES = {
  heard: [880, 880],
  trying: [440],
  messaged: [440, 523],
  received: [523, 659],
  taken: [523, 659, 784],
  on_the_way: [523, 659, 784],
  arrived: [523, 659, 784, 1047],
  asking: [659, 880, 659],
  glad: [784, 659],
};
const STALE_MS = 1500;
const LOUD = { usual: 0.35, more: 0.6 };
let audio = null;
let sounded = null;

function sound(shown) {
  const now = `${shown.scene} ${shown.again ?? 0}`;
  if (now === sounded) return;
  const isFirst = sounded === null;
  sounded = now;
  // a page that is opened in the middle of a call begins with it; one that shows the clock is silent
  if (!(shown.scene in TONES)) return void (isFirst || hush());
  const loud = shown.loud ? LOUD.more : LOUD.usual;
  const at = Date.now();
  // allowed only later, by a touch: then this moment is over
  const play = () => Date.now() - at < STALE_MS && TONES[shown.scene].forEach((hertz, place) => tone(hertz, place * 0.22, loud));
  audio ??= new AudioContext();
  audio.resume().then(play, () => {});
  aloud(shown, loud, TONES[shown.scene].length * 220);
}

function tone(hertz, after, loud) {
  const start = audio.currentTime + after;
  const gain = audio.createGain();
  gain.gain.setValueAtTime(0.0001, start);
  gain.gain.exponentialRampToValueAtTime(loud, start + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.0001, start + 0.2);
  const source = audio.createOscillator();
  source.frequency.value = hertz;
  source.connect(gain).connect(audio.destination);
  source.start(start);
  source.stop(start + 0.22);
}

// The words: as somebody of the service recorded them, else by the browser's voice. The hub is told whether this page has
// a voice, and what it has said to the end: nobody shall believe that the home heard what was never said.
let speaking = null;
let mayStart = false; // whether the browser lets a page sound
let toldVoice = null;
const probe = new AudioContext();
probe.resume().then(() => {
  mayStart = true;
  probe.close();
  tellOfVoice();
});

function aloud(shown, loud, after) {
  hush();
  if (!shown.voice) return speak(shown, loud);
  const recording = new Audio(shown.voice);
  speaking = recording;
  recording.volume = Math.min(1, loud + 0.4);
  recording.addEventListener("ended", () => tellSaid(shown));
  recording.addEventListener("error", () => speaking === recording && speak(shown, loud));
  // a browser that does not let it sound says so by this promise; the tones come first
  setTimeout(() => speaking === recording && recording.play().catch(() => {}), after);
}

function hush() {
  speaking?.pause();
  speaking = null;
  window.speechSynthesis?.cancel();
}

function ownVoice() {
  const voices = window.speechSynthesis?.getVoices() ?? [];
  // only a voice of this machine: nobody else hears what happens here, and it speaks without a line
  return voices.some((voice) => voice.localService && voice.lang.toLowerCase().startsWith(hello.language));
}

function speak(shown, loud) {
  if (!ownVoice()) return;
  const words = new SpeechSynthesisUtterance([shown.sentence, shown.detail].filter(Boolean).join(" "));
  words.lang = hello.language;
  words.rate = 0.85;
  words.volume = Math.min(1, loud + 0.4);
  words.addEventListener("end", () => tellSaid(shown));
  speechSynthesis.speak(words);
}

function tellSaid(shown) {
  const headers = { "content-type": "application/json" };
  fetch("said", { method: "POST", headers, body: JSON.stringify({ phrase: shown.phrase }) }).catch(() => {});
}

const voice = () => (mayStart && (hello.recorded || ownVoice()) ? "yes" : "no");
function tellOfVoice() {
  if (voice() !== toldVoice) listen();
}
window.speechSynthesis?.addEventListener?.("voiceschanged", tellOfVoice);
addEventListener("pointerdown", () => {
  audio?.resume();
  if (!mayStart) probe.resume();
});

// the answers to what is asked, and by the ring how much time is left for one; or the one way back after a press
let asked = "";
let drains = false;
let askedUntil = 0;
let askedFor = 1;
function ask(shown) {
  const isNew = asked !== (shown.question || "");
  asked = shown.question || "";
  drains = Boolean(asked && shown.fine);
  askedUntil = Date.now() + (shown.left_s || 0) * 1000;
  if (isNew) askedFor = Math.max(shown.left_s || 0, 1);
  byId("answers").hidden = !asked;
  body.dataset.asked = drains ? "yes" : asked ? "back" : "no";
  for (const name of asked ? ANSWERS : []) {
    byId(name).textContent = shown[name];
    byId(name).hidden = !shown[name];
    if (isNew) byId(name).disabled = false;
  }
  drain();
}

function drain() {
  const left = Math.max(askedUntil - Date.now(), 0) / 1000 / askedFor;
  document.querySelector(".band").style.strokeDasharray = drains ? `${Math.min(left, 1) * ROUND} ${ROUND}` : "";
}

async function answer(which) {
  for (const name of ANSWERS) byId(name).disabled = true;
  try {
    const reply = await fetch("answer", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ question: asked, answer: which }),
    });
    if (reply.ok || reply.status === 409) return;
  } catch {
    // not heard: it can be pressed again
  }
  for (const name of ANSWERS) byId(name).disabled = false;
}
for (const name of ANSWERS) byId(name).addEventListener("click", () => answer(name));

// the sentence is as large as the screen lets it be
function fit() {
  const say = document.querySelector(".say");
  const sentence = byId("sentence");
  const portrait = innerHeight > innerWidth;
  const room = portrait ? innerHeight - say.getBoundingClientRect().top - innerHeight * 0.05 : innerHeight * 0.86;
  let size = Math.min(innerHeight * 0.21, innerWidth * (portrait ? 0.13 : 0.105));
  for (; size > 14; size *= 0.95) {
    say.style.setProperty("--sentence-size", `${size}px`);
    if (say.scrollHeight <= room && sentence.scrollWidth <= sentence.clientWidth) break;
  }
}

function tick() {
  const now = new Date();
  const format = (options) => new Intl.DateTimeFormat(hello.language, options).format(now);
  const hour = now.getHours();
  const part = hour < 6 ? "night" : hour < 13 ? "morning" : hour < 20 ? "afternoon" : "evening";
  body.dataset.part = part;
  const weekday = format({ weekday: "long" });
  byId("weekday").textContent = `${weekday[0].toUpperCase()}${weekday.slice(1)}, ${hello.day[part]}`;
  byId("time").textContent = `${hour}:${String(now.getMinutes()).padStart(2, "0")}`;
  byId("date").textContent = format({ day: "numeric", month: "long", year: "numeric" });
  if (drains) drain();
  if (Date.now() - lastHeard <= LOST_AFTER_MS) return;
  show(hello.lost);
  // a browser does not come back by itself from a refusal, nor from a line that died without a word
  if (Date.now() - listeningSince > LOST_AFTER_MS) listen();
}

function listen() {
  source?.close();
  listeningSince = Date.now();
  const query = new URLSearchParams(location.search);
  query.set("voice", (toldVoice = voice()));
  source = new EventSource(`events?${query}`);
  source.addEventListener("hello", (event) => {
    hello = JSON.parse(event.data);
    document.documentElement.lang = hello.language;
    lastHeard = Date.now();
    tick();
    tellOfVoice();
  });
  source.addEventListener("scene", (event) => {
    lastHeard = Date.now();
    show(JSON.parse(event.data));
  });
}

addEventListener("resize", fit);
setInterval(tick, 1000);
show(start.scene);
tick();
listen();
