// What is asked in a window of its own: the sound test, parking, arrival times, closing, the keys.
import { byId, fill, h } from "./dom.js";
import { icon } from "./marks.js";
import { page } from "./api.js";
import { letters } from "./keys.js";
import { t } from "./words.js";

const dialog = byId("dialog");

/** Opens the window. `submit(form)` gives "" when done, or a sentence why not. Esc only ever closes the window. */
function ask(name, inside, submit, { feet = null, wide = false } = {}) {
  const fault = h("p", { class: "notice bad", role: "alert", hidden: true });
  const form = h("form", { class: "inside", novalidate: true }, inside, fault, feet);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const why = await submit(form);
    if (why) {
      fault.hidden = false;
      fault.textContent = why;
    } else {
      dialog.close();
    }
  });
  form.addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.key === "Enter") {
      event.preventDefault();
      event.stopPropagation();
      form.requestSubmit();
    }
  });
  dialog.setAttribute("aria-labelledby", "dialog-name");
  fill(
    dialog,
    h(
      "div",
      { class: "head" },
      h("h2", { id: "dialog-name" }, name),
      h(
        "button",
        { type: "button", class: "button plain", "aria-label": t("Close this window"), onclick: () => dialog.close() },
        icon("cross"),
      ),
    ),
    form,
  );
  dialog.classList.toggle("wide", wide);
  if (!dialog.open) dialog.showModal();
  (form.querySelector("[data-first]") ?? form.querySelector("input, button, textarea"))?.focus();
  return form;
}

const feet = (name, key = "") =>
  h(
    "div",
    { class: "feet" },
    h("button", { type: "button", class: "button", onclick: () => dialog.close() }, t("Back")),
    h("button", { type: "submit", class: "button main" }, name, key && h("kbd", {}, key)),
  );

const choices = (legend, name, options, chosen = null, type = "radio") =>
  h(
    "fieldset",
    {},
    h("legend", {}, legend),
    h(
      "div",
      { class: "choices" },
      Object.entries(options).map(([value, text]) =>
        h(
          "label",
          { class: "choice" },
          h("input", { type, name, value, checked: value === chosen }),
          h("span", {}, t(text)),
        ),
      ),
    ),
  );

export const isOpen = () => dialog.open;

/** "Can you hear the tone?" `play()` sounds it and says whether the browser lets it. */
export function soundTest(play, heard) {
  const silent = h(
    "p",
    { class: "notice warn", hidden: true },
    t("Check the loudspeaker and its volume, and that this tab is not muted. Then play the tone again."),
  );
  const answer = h("div", { class: "feet", hidden: true });
  const again = async () => {
    const sounding = await play();
    answer.hidden = false;
    silent.hidden = sounding;
    fill(
      answer,
      h(
        "button",
        {
          type: "button",
          class: "button",
          onclick: () => {
            silent.hidden = false;
          },
        },
        t("No"),
      ),
      h(
        "button",
        {
          type: "button",
          class: "button main",
          "data-heard": true,
          onclick: () => {
            dialog.close();
            heard();
          },
        },
        t("Yes, I hear it"),
      ),
    );
    answer.querySelector("[data-heard]").focus();
  };
  ask(
    t("Can you hear the tone?"),
    h(
      "div",
      { class: "sound-test" },
      icon("sound", 56),
      h("p", {}, t("This console is ready only when you have heard it. It is the tone of an alarm for life.")),
      h(
        "button",
        { type: "button", class: "button main", "data-first": true, onclick: again },
        icon("sound"),
        t("Play the tone"),
      ),
      silent,
      answer,
    ),
    () => "",
  );
}

/** Parks a case: how long, and for what. */
export function park(maxSeconds, submit) {
  const minutes = [5, 10, 15, 30, 60, 120, 240].filter((one) => one * 60 <= maxSeconds);
  const options = Object.fromEntries(
    minutes.map((one) => [one, one < 60 ? t("{count} min", { count: one }) : t("{count} h", { count: one / 60 })]),
  );
  const reason = h("input", { type: "text", name: "reason", id: "park-reason", maxlength: 2000, autocomplete: "off" });
  const usual = [t("Somebody is on the way"), t("Ambulance is on the way"), t("I ring again"), t("Technician is told")];
  ask(
    t("Park the case"),
    [
      choices(t("Ring again in"), "minutes", options, "10"),
      h(
        "div",
        { class: "field" },
        h("label", { for: "park-reason" }, t("What is waited for?")),
        reason,
        h(
          "div",
          { class: "chips" },
          usual.map((text) =>
            h(
              "button",
              {
                type: "button",
                class: "button small",
                onclick: () => {
                  reason.value = text;
                  reason.focus();
                },
              },
              text,
            ),
          ),
        ),
      ),
    ],
    (form) => {
      const data = new FormData(form);
      return submit(Number(data.get("minutes")), String(data.get("reason")).trim());
    },
    { feet: feet(t("Park"), "Ctrl+Enter") },
  )
    .querySelector("input:checked")
    ?.focus();
}

/** When a contact will be there. */
export function arrival(name, submit) {
  const options = Object.fromEntries([5, 10, 15, 20, 30, 45, 60].map((one) => [one, t("{count} min", { count: one })]));
  ask(
    t("{name} is on the way", { name }),
    choices(t("Expected in"), "minutes", options, "15"),
    (form) => submit(Number(new FormData(form).get("minutes"))),
    { feet: feet(t("Write it down"), "Ctrl+Enter") },
  )
    .querySelector("input:checked")
    ?.focus();
}

/** Hands a case back. */
export function release(submit) {
  const reason = h("input", {
    type: "text",
    name: "reason",
    id: "release-reason",
    maxlength: 2000,
    autocomplete: "off",
    "data-first": true,
  });
  ask(
    t("Hand the case back?"),
    [
      h("p", {}, t("It rings at once on every console, for somebody else to take.")),
      h("div", { class: "field" }, h("label", { for: "release-reason" }, t("Why? (may stay empty)")), reason),
    ],
    (form) => submit(String(new FormData(form).get("reason")).trim()),
    { feet: feet(t("Hand back"), "Ctrl+Enter") },
  );
}

const MISTAKE = { cause: "mistake", action: "talked", outcome: "resolved_by_talk", label: "false" };

/** Closes a case. The template fills in a mistaken press, so that it takes two keys. */
export function close(card, contacts, submit) {
  const pick = (form, values) => {
    for (const [name, value] of Object.entries(values))
      form.querySelector(`[name="${name}"][value="${value}"]`).checked = true;
  };
  const template = h(
    "button",
    { type: "button", class: "button", "data-first": true, "data-template": "mistake" },
    t("Mistake press"),
    h("kbd", {}, "Enter"),
  );
  const form = ask(
    t("Close case {id}", { id: card.id }),
    [
      h("div", { class: "template" }, h("p", {}, t("Pressed by mistake, spoken with, all is well?")), template),
      choices(t("Cause"), "cause", page.causes),
      choices(t("What was done"), "action", page.actions),
      choices(t("How it ended"), "outcome", page.outcomes),
      contacts.length > 0 &&
        choices(
          t("Who was told"),
          "told",
          Object.fromEntries(contacts.map((one) => [one.id, one.called])),
          null,
          "checkbox",
        ),
      choices(t("Was the alarm right?"), "label", { true: t("Yes"), false: t("No"), "": t("Cannot say") }, ""),
      h(
        "div",
        { class: "field" },
        h("label", { for: "close-note" }, t("Note")),
        h("textarea", { id: "close-note", name: "note", maxlength: 2000 }),
      ),
    ],
    (sent) => {
      const data = new FormData(sent);
      if (!data.get("cause")) return t("Choose a cause.");
      return submit({
        cause: data.get("cause"),
        action: data.get("action") ?? "none",
        outcome: data.get("outcome") ?? "",
        told: data.getAll("told"),
        label: data.get("label") ?? "",
        note: String(data.get("note")).trim(),
      });
    },
    { feet: feet(t("Close the case"), "Ctrl+Enter"), wide: true },
  );
  template.addEventListener("click", () => {
    pick(form, MISTAKE);
    form.querySelector('[type="submit"]').focus();
  });
}

const KEYS = [
  ["F2", t("Take the chosen case, or the most urgent one")],
  ["↑ ↓", t("Move in the queue")],
  ["Enter", t("Open the case")],
  ["S", t("I am speaking with them")],
  ["1 – 5", t("Say what is needed")],
  ["N", t("Write a note")],
  ["F8", t("To the next contact")],
  ["P", t("Park the case")],
  ["Ctrl+Enter", t("Close the case")],
  ["Q", t("Back to the queue")],
  ["?", t("This list")],
  ["Esc", t("Closes a window, never a case")],
];

/** The keys, and what the marks mean. */
export function help() {
  const choice = h("input", {
    type: "checkbox",
    checked: letters.on,
    onchange: () => {
      letters.on = choice.checked;
    },
  });
  ask(
    t("Keys"),
    [
      h(
        "dl",
        { class: "keys" },
        KEYS.map(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)]),
      ),
      h("label", { class: "tick" }, choice, t("Letters and digits work as keys")),
    ],
    () => "",
    {
      feet: h(
        "div",
        { class: "feet" },
        h("button", { type: "submit", class: "button main", "data-first": true }, t("Back")),
      ),
    },
  );
}
