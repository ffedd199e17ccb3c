// Texts in the operator's language, and numbers and times as people say them.
import { byId } from "./dom.js";

const texts = JSON.parse(byId("texts").textContent);
export const language = document.documentElement.lang;
const place = JSON.parse(byId("page").textContent).timezone;

/** The text of a message id (the English sentence), with its {places} filled. */
export function t(id, facts = {}) {
  return (texts[id] ?? id).replace(/\{(\w+)\}/g, (whole, name) => facts[name] ?? whole);
}

const time = new Intl.DateTimeFormat(language, {
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
  timeZone: place,
});
const exactTime = new Intl.DateTimeFormat(language, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
  timeZone: place,
});
const placed = language === "en" ? "en-GB" : language; // the day before the month, as in the whole country
const day = new Intl.DateTimeFormat(placed, { day: "numeric", month: "short", timeZone: place });
const longDay = new Intl.DateTimeFormat(placed, { weekday: "short", day: "numeric", month: "long", timeZone: place });
const sameDay = new Intl.DateTimeFormat("en-CA", { timeZone: place });
const list = new Intl.ListFormat(language, { type: "conjunction" });
const languages = new Intl.DisplayNames(language, { type: "language" });

export const clock = (at) => time.format(at * 1000);
export const exactClock = (at) => exactTime.format(at * 1000);
export const sayDay = (at) => longDay.format(at * 1000);
export const sayList = (words) => list.format(words);
/** What browsers call "español" has a name of its own where Catalan is spoken. */
export const sayLanguage = (code) => (code === "es" ? t("Spanish") : languages.of(code));

/** "14:03", or "12 May, 14:03" when it was another day and long ago: a night shift has one midnight. */
export function moment(at, now) {
  if (Math.abs(now - at) < 43200 || sameDay.format(at * 1000) === sameDay.format(now * 1000)) return clock(at);
  return `${day.format(at * 1000)}, ${clock(at)}`;
}

/** A running clock: "0:42", "12:05", "3 h 20". */
export function ticking(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 3600) return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")}`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** A span as it is said: "40 seconds", "3 minutes", "5 hours". */
export function span(seconds, style = "long") {
  const steps = [
    ["day", 86400 * 1.5, 86400],
    ["hour", 5400, 3600],
    ["minute", 90, 60],
    ["second", 0, 1],
  ];
  const [unit, , size] = steps.find(([, least]) => seconds >= least) ?? steps[3];
  const number = new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: style, maximumFractionDigits: 0 });
  return number.format(Math.max(0, Math.round(seconds / size)));
}

/** "82", or "about 82" where only the year of birth is known. */
export const sayAge = (years, about) => (about ? t("about {age}", { age: years }) : String(years));

export const decimal = (value, digits = 0) =>
  new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);

export const KINDS = {
  help: t("Help button"),
  duress: t("Duress (silent)"),
  fall: t("Fall"),
  smoke: t("Smoke"),
  gas: t("Gas"),
  co: t("Carbon monoxide"),
  flood: t("Water leak"),
  inactivity: t("No movement"),
  night_door: t("Door at night"),
  night_wandering: t("Up and about at night"),
  bathroom_stay: t("Long in the bathroom"),
  bed_left: t("Bed left at night"),
  sensor_silent: t("Silent sensor"),
  sensor_over_eager: t("Over-eager sensor"),
  hub_silent: t("Silent home"),
  battery_low: t("Low battery"),
  mains_lost: t("No mains power"),
  vital_sign: t("Vital sign"),
  vital_missing: t("Missing measurement"),
  temperature_extreme: t("Room temperature"),
  medication: t("Medication"),
  outside_zone: t("Outside the safe zone"),
  in_vehicle: t("In a vehicle"),
  locator_silent: t("Silent locator"),
  check_in_missed: t("Agreed call not answered"),
  service_call: t("Call that can wait"),
  radio_deaf: t("Deaf radio"),
  contacts_unreachable: t("Nobody reachable at times"),
  sms_unverified: t("SMS not verified"),
  test: t("Test"),
  other: t("Unknown alarm"),
};

export const MARKS = {
  P1: { word: t("Life"), stars: "***", short: "P1" },
  P2: { word: t("Urgent"), stars: "**", short: "P2" },
  P3: { word: t("Routine"), stars: "*", short: "P3" },
  T: { word: t("Technical"), stars: "", short: "T" },
  TEST: { word: t("TEST"), stars: "", short: "TEST" },
};

export const FLAGS = {
  oxygen: t("Oxygen"),
  dog: t("Dog"),
  cat: t("Cat"),
  key_safe: t("Key safe"),
  no_speech: t("No speech possible"),
  wheelchair: t("Wheelchair"),
  walker: t("Walker"),
  dementia: t("Memory loss"),
  diabetes: t("Diabetes"),
  heart: t("Heart condition"),
  blind: t("Poor sight"),
  deaf: t("Deaf"),
  violence: t("Risk for visitors"),
  falls: t("Falls often"),
  anticoagulant: t("Blood thinner"),
};

export const RELATIONS = {
  daughter: t("daughter"),
  son: t("son"),
  sister: t("sister"),
  brother: t("brother"),
  niece: t("niece"),
  nephew: t("nephew"),
  grandchild: t("grandchild"),
  partner: t("partner"),
  friend: t("friend"),
  neighbour: t("neighbour"),
  professional: t("professional carer"),
};

export const SENSES = { good: t("good"), weak: t("weak"), none: t("none"), aid: t("with hearing aid") };

/** "Fall, bathroom". */
export function headline(card) {
  const kind = KINDS[card.kind] ?? KINDS.other;
  return card.place ? `${kind}, ${card.place}` : kind;
}

/** What many silent homes share. */
export function causeOf({ cause }) {
  const [sort, name] = cause.split(/:(.*)/s);
  if (sort === "area") return t("Area {name}", { name });
  if (sort === "provider") return t("Provider {name}", { name: name[0].toUpperCase() + name.slice(1) });
  if (sort === "broker") return t("Not one home was heard: probably our own message broker or line. Look at Health first.");
  return t("In several areas");
}
