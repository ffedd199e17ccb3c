// What is asked in a window of its own: the sound test, parking, arrival times, closing, the keys.
import { byId, fill, h } from "./dom.js";
import { icon } from "./marks.js";
import { t } from "./words.js";

const dialog = byId("dialog");

/** A button that closes the window and does nothing else. */
export const back = (name, first = false) =>
  h("button", { type: "button", class: "button", "data-first": first, onclick: () => dialog.close() }, name);

/** A window that only shows something, with buttons at its foot. */
export function show(name, inside, buttons) {
  ask(name, inside, () => "", { feet: h("div", { class: "feet" }, buttons), wide: true });
}

/** Opens the window. `submit(form)` gives "" when done, or a sentence why not. Esc only ever closes the window. */
export function ask(name, inside, submit, { feet = null, wide = false } = {}) {
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

export const feet = (name, key = "") =>
  h(
    "div",
    { class: "feet" },
    h("button", { type: "button", class: "button", onclick: () => dialog.close() }, t("Back")),
    h("button", { type: "submit", class: "button main" }, name, key && h("kbd", {}, key)),
  );

export const choices = (legend, name, options, chosen = null, type = "radio") =>
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

/** "Can you hear the tone?" `play()` sounds it and says whether the browser lets it; `besides` is shown below. */
export function soundTest(play, heard, besides = null) {
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
      besides,
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

/** A contact answers the telephone: they come in so many minutes, or they cannot. */
export function comes(name, { going, cannot }) {
  const options = { cannot: t("Cannot come") };
  for (const minutes of [5, 10, 15, 30, 45, 60]) options[minutes] = t("In {count} min", { count: minutes });
  ask(
    t("{name} answers: who comes?", { name }),
    choices(t("Is on the way, expected"), "comes", { ...options }, "15"),
    (form) => {
      const answer = new FormData(form).get("comes");
      return answer === "cannot" ? cannot() : going(Number(answer));
    },
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

const reasonField = (label, usual) => {
  const input = h("input", { type: "text", name: "reason", id: "reason", maxlength: 2000, autocomplete: "off", "data-first": true });
  return h(
    "div",
    { class: "field" },
    h("label", { for: "reason" }, label),
    input,
    h(
      "div",
      { class: "chips" },
      usual.map((text) =>
        h("button", { type: "button", class: "button small", onclick: () => ((input.value = text), input.focus()) }, text),
      ),
    ),
  );
};
const reasonOf = (form) => String(new FormData(form).get("reason")).trim();

/** Why a step of the checklist is skipped. */
export function skip(step, submit) {
  const usual = [t("No speech on this unit"), t("No number is known"), t("Somebody is there already")];
  ask(t("Skip: {step}", { step }), reasonField(t("Why?"), usual), (form) => submit(reasonOf(form)), {
    feet: feet(t("Skip"), "Ctrl+Enter"),
  });
}

/** Why a closed case is opened again. */
export function reopen(id, submit) {
  const usual = [t("They called back"), t("Closed by mistake"), t("Something was left to do")];
  ask(t("Open case {id} again", { id }), reasonField(t("Why?"), usual), (form) => submit(reasonOf(form)), {
    feet: feet(t("Open again"), "Ctrl+Enter"),
  });
}

/** Hands over everything that one holds: to a colleague by name, or to whoever is first. */
export function handOver(count, colleagues, submit) {
  const options = { "": t("Whoever is first"), ...Object.fromEntries(colleagues.map((one) => [one.id, one.called])) };
  ask(
    t("Hand over my cases"),
    [
      h("p", {}, t("Cases that you hold: {count}. They ring at once for a colleague.", { count })),
      choices(t("To whom?"), "to", options, ""),
      reasonField(t("How do things stand?"), [t("My shift ends"), t("I take a break"), t("I must leave")]),
    ],
    (form) => submit(String(new FormData(form).get("to") ?? ""), reasonOf(form)),
    { feet: feet(t("Hand over"), "Ctrl+Enter") },
  );
}

/** Why nobody took a case in time. */
export function explain(submit) {
  const usual = [t("All operators were busy"), t("Handing over the shift"), t("A fault of the console")];
  ask(
    t("Why did nobody take it in time?"),
    reasonField(t("What happened?"), usual),
    (form) => submit(reasonOf(form)),
    { feet: feet(t("Write it down"), "Ctrl+Enter") },
  );
}
