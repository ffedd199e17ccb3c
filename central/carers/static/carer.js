// Pages of carers and residents: answers, forms, freshness after sleep, and the truth when there is no connection.
//
// A form  <form data-api=… data-method=… data-then="reload | stay">  is sent as JSON; data-type on a field: number,
// day (midnight at its begin) or day-end (midnight after it). data-role="answers": one button is one answer to an alarm.
const page = JSON.parse(document.getElementById("page").textContent);
const byId = (id) => document.getElementById(id);
const ASK_EVERY_MS = 4000;
const CALM_EVERY_MS = 20000;
const LOST_AFTER_MS = 12000;

export const t = (id, facts = {}) => (page.texts[id] ?? id).replace(/\{(\w+)\}/g, (whole, name) => facts[name] ?? whole);

export function said(text, bad = false) {
  const place = byId("said");
  place.className = bad ? "said bad" : "said";
  place.textContent = text;
  clearTimeout(said.timer);
  if (!bad) said.timer = setTimeout(() => (place.textContent = ""), 6000);
}

export async function send(method, path, body) {
  const answer = await fetch(path, {
    method, credentials: "same-origin", signal: AbortSignal.timeout(15000),
    headers: { "content-type": "application/json", "x-form-token": page.form_token },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (answer.status === 401) location.assign("/login?to=family");
  const given = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(given.text ?? ""), { refused: true, reason: given.reason });
  return given;
}

/* ---- the part that changes ---- */
const now = byId("now");
let tag = "";
let heardAt = Date.now();
let asking = false;

function connected(is) {
  const line = byId("offline");
  if (is) {
    heardAt = Date.now();
    line.hidden = true;
  } else if (line.hidden && (!navigator.onLine || Date.now() - heardAt > LOST_AFTER_MS)) {
    const time = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" }).format(heardAt);
    line.textContent = t("No connection since {time}. What you see may be old.", { time });
    line.hidden = false;
  }
}

export async function refresh() {
  if (!now || asking) return;
  asking = true;
  try {
    const headers = tag ? { "if-none-match": tag } : {};
    const answer = await fetch(now.dataset.now, { headers, credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(10000) });
    if (answer.status === 401 || answer.status === 404) return location.reload();
    if (answer.status === 200) {
      const text = await answer.text();
      tag = answer.headers.get("etag") ?? "";
      paint(text);
    }
    connected(answer.ok || answer.status === 304);
  } catch {
    connected(false);
  } finally {
    asking = false;
  }
}

function paint(text) {
  const fresh = document.createElement("template");
  fresh.innerHTML = text;
  release(fresh.content);
  if (now.innerHTML.replace(/\s+/g, " ").trim() === fresh.innerHTML.replace(/\s+/g, " ").trim()) return;
  const held = document.activeElement?.dataset?.answer;
  const open = [...now.querySelectorAll("details")].map((one) => one.open);
  const before = now.querySelector("#note")?.textContent;
  now.replaceChildren(fresh.content);
  [...now.querySelectorAll("details")].forEach((one, place) => (one.open = open[place] ?? false));
  const note = now.querySelector("#note")?.textContent;
  if (note && note !== before) byId("say-soon").textContent = `${now.querySelector(".centre")?.textContent ?? ""} ${note}`;
  if (held) (now.querySelector(`[data-answer="${held}"]`) ?? byId("content")).focus({ preventScroll: true });
}

/* ---- answers and forms ---- */
function valueOf(field) {
  if (field.dataset.type === "number") return Number(field.value);
  if (field.dataset.type === "day") return new Date(`${field.value}T00:00`).getTime() / 1000;
  if (field.dataset.type === "day-end") {
    const day = new Date(`${field.value}T00:00`);
    return day.setDate(day.getDate() + 1) / 1000; // not a day of seconds later: days of 23 and 25 hours come too
  }
  return field.value;
}

function bodyOf(form) {
  const body = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled || (field.type === "radio" && !field.checked)) continue;
    if (field.type === "checkbox" && field.hasAttribute("value")) {
      body[field.name] ??= [];
      if (field.checked) body[field.name].push(field.value);
    } else body[field.name] = field.type === "checkbox" ? field.checked : valueOf(field);
  }
  return body;
}

async function submit(event) {
  const form = event.target;
  if (!form.dataset.api) return;
  event.preventDefault();
  const button = event.submitter;
  if (form.dataset.ask && !confirm(form.dataset.ask)) return;
  let body;
  if (form.dataset.role === "answers") {
    body = { answer: button.dataset.answer };
    if (button.dataset.eta) body.eta_minutes = Number(button.dataset.eta);
  } else body = bodyOf(form);
  for (const one of form.querySelectorAll("button")) one.disabled = true;
  const fault = form.querySelector(".fault");
  if (fault) fault.textContent = "";
  said("");
  try {
    const answer = await send(form.dataset.method ?? "POST", form.dataset.api, body);
    form.dispatchEvent(new CustomEvent("sent", { bubbles: true, detail: answer }));
    if (form.dataset.then === "reload") {
      sessionStorage.setItem("unfolded", JSON.stringify([...document.querySelectorAll("details.fold[open]")].map((one) => one.id)));
      location.reload();
    }
    if (form.dataset.then === "stay") said(t("Saved."));
  } catch (error) {
    const text = error.refused ? error.message : t("It was NOT sent. Try again, or call the centre.");
    if (fault) fault.textContent = text;
    else said(text, !error.refused || error.reason !== "already_going");
    if (!error.refused) connected(false);
  } finally {
    for (const one of form.querySelectorAll("button")) one.disabled = false;
    if (form.dataset.role === "answers") await refresh();
  }
}

/* A person has touched the page: now it counts as opened. What fetches links by itself touches nothing; a browser may
   scroll by itself, and says that the pointer has moved when a page appears beneath it. */
function watchForAPerson() {
  const signs = ["pointerdown", "keydown", "touchstart", "wheel", "pointermove"];
  const heard = (event) => {
    const still = event.type === "pointermove" && !event.movementX && !event.movementY;
    if (!event.isTrusted || still) return;
    for (const sign of signs) removeEventListener(sign, heard, true);
    send("POST", now.dataset.seen, { answer: "opened" }).then(refresh, () => {});
  };
  for (const sign of signs) addEventListener(sign, heard, { capture: true, passive: true });
}

/* What only a script can do is inert until every script of the page has run: a press before would be lost. */
function release(root) {
  for (const one of root.querySelectorAll("[inert]")) one.inert = false;
}

/* What was unfolded before a change is so after it. */
for (const id of JSON.parse(sessionStorage.getItem("unfolded") ?? "[]")) byId(id)?.setAttribute("open", "");
sessionStorage.removeItem("unfolded");

document.addEventListener("DOMContentLoaded", () => release(document));
document.addEventListener("submit", submit);
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) print();
});
// Paper cannot be unfolded.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
});
if (now) {
  if (now.dataset.seen) watchForAPerson();
  const every = now.dataset.seen ? ASK_EVERY_MS : CALM_EVERY_MS;
  setInterval(() => document.visibilityState === "visible" && refresh(), every);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refresh());
  addEventListener("pageshow", refresh);
  addEventListener("online", refresh);
  addEventListener("offline", () => connected(false));
}
if ("serviceWorker" in navigator && isSecureContext) {
  for (const scope of ["/family", "/c/"]) navigator.serviceWorker.register("/family/sw.js", { scope }).catch(() => {});
}
