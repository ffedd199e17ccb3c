// What every page of the office has: colours, language, log-out, and forms that speak with the desk's API.
//
// A form  <form data-api="/api/homes/{home}/keys" data-method="POST" data-then="reload | stay | /path">  is sent as JSON: each
// named field is a member ("a.b" is a member of a member). data-type on a field: number, moment (a local date and time,
// sent as Unix seconds of the centre's clock), list (lines or commas), lines. A lone tick box is true or false; several of one
// name are the list of those ticked. Empty fields with data-optional are left out. A refusal stands in .form-fault.
// A button  <button data-api=… data-method=… data-body='{"…"}' data-ask="Really?" data-then=…>  does one thing.
import { Refused, page, send } from "./api.js";
import { byId, fill, h } from "./dom.js";
import "./dates.js";
import { toast } from "./notices.js";
import { furnishPage } from "./page.js";
import { moment, span, t } from "./words.js";

const AGES_EVERY_MS = 10_000;

function valueOf(field) {
  const kind = field.dataset.type;
  if (kind === "number") return field.value === "" ? null : Number(field.value.replace(",", "."));
  if (kind === "moment") return field.value === "" ? null : atOf(field.value);
  if (kind === "lines") return field.value.split("\n").map((line) => line.trim()).filter(Boolean);
  if (kind === "list") return field.value.split(/[\n,]/).map((word) => word.trim()).filter(Boolean);
  return field.value;
}

/** Unix seconds of a local date and time at the centre, whatever the clock of this machine says. */
function atOf(local) {
  const asUtc = Date.parse(`${local}Z`) / 1000;
  const shown = new Intl.DateTimeFormat("sv-SE", { timeZone: page.timezone, dateStyle: "short", timeStyle: "medium" });
  const offset = (at) => Date.parse(`${shown.format(at * 1000).replace(" ", "T")}Z`) / 1000 - at;
  return asUtc - offset(asUtc - offset(asUtc));
}

function put(body, name, value) {
  const [head, ...rest] = name.split(".");
  if (rest.length === 0) body[head] = value;
  else put((body[head] ??= {}), rest.join("."), value);
}

export function bodyOf(form) {
  const body = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled) continue;
    if (field.type === "checkbox") {
      const group = form.querySelectorAll(`input[type="checkbox"][name="${CSS.escape(field.name)}"]`);
      if (group.length === 1 && !field.hasAttribute("value")) put(body, field.name, field.checked);
      else put(body, field.name, [...group].filter((one) => one.checked).map((one) => one.value));
    } else if (field.type === "radio") {
      if (field.checked) put(body, field.name, valueOf(field));
    } else if (!("optional" in field.dataset) || field.value !== "") put(body, field.name, valueOf(field));
  }
  return body;
}

function after(element, answer) {
  const then = element.dataset.then ?? "reload";
  element.dispatchEvent(new CustomEvent("sent", { bubbles: true, detail: answer }));
  if (then === "reload") location.reload();
  else if (then !== "stay") location.assign(then.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(answer[name])));
}

function say(error) {
  return error instanceof Refused ? error.message : t("The desk does not answer. Nothing was stored.");
}

async function submit(event) {
  const form = event.target;
  if (!form.dataset.api) return;
  event.preventDefault();
  const buttons = form.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  try {
    after(form, await send(form.dataset.method ?? "POST", form.dataset.api, bodyOf(form)));
  } catch (error) {
    form.dispatchEvent(new CustomEvent("refused", { bubbles: true, detail: error }));
    const place = form.querySelector(".form-fault");
    if (place) {
      fill(place, say(error));
      place.focus();
    } else toast(say(error), "bad");
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

async function press(button) {
  button.disabled = true;
  try {
    const body = button.dataset.body ? JSON.parse(button.dataset.body) : {};
    after(button, await send(button.dataset.method ?? "POST", button.dataset.api, body));
  } catch (error) {
    toast(say(error), "bad");
  } finally {
    button.disabled = false;
  }
}

/** Asks before anything that cannot be taken back. */
export function ask(question, word, act) {
  const dialog = byId("dialog");
  const close = () => dialog.close();
  const yes = () => {
    close();
    act();
  };
  fill(
    dialog,
    h("div", { class: "inside" }, h("h2", { id: "dialog-name" }, question),
      h("div", { class: "feet" },
        h("button", { class: "button", type: "button", onclick: close }, t("Cancel")),
        h("button", { class: "button bad", type: "button", onclick: yes }, word))),
  );
  dialog.setAttribute("aria-labelledby", "dialog-name");
  dialog.showModal();
}

function click(event) {
  const button = event.target.closest("button[data-api]");
  if (button) {
    if (button.dataset.ask) ask(button.dataset.ask, button.textContent.trim(), () => press(button));
    else press(button);
  }
  const opener = event.target.closest("[data-open]");
  if (opener) byId(opener.dataset.open).showModal();
  if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
}

/** Times: <time data-at="…"> as a moment, <time data-ago="…"> as a span until now. */
export function paintTimes(root = document) {
  const now = Date.now() / 1000;
  for (const one of root.querySelectorAll("[data-at]")) one.textContent = moment(Number(one.dataset.at), now);
  for (const one of root.querySelectorAll("[data-ago]"))
    one.textContent = t("{span} ago", { span: span(now - Number(one.dataset.ago)) });
}

/** Where tabs are one long line, the one that is open stands in sight. */
function showTab() {
  const open = document.querySelector(".tabs [aria-current]");
  const line = open?.parentElement;
  if (!line) return;
  const [at, whole] = [open, line].map((one) => one.getBoundingClientRect());
  line.scrollLeft += at.left + at.width / 2 - (whole.left + whole.width / 2);
}

function release() {
  for (const one of document.querySelectorAll("[inert]")) one.inert = false;
}

furnishPage();
document.addEventListener("submit", submit);
document.addEventListener("DOMContentLoaded", release);
document.addEventListener("click", click);
paintTimes();
showTab();
setInterval(paintTimes, AGES_EVERY_MS);
