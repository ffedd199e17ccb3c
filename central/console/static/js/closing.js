// Closing a case: how it came about, what was done, how it ended, who was told, what follows.
import { page } from "./api.js";
import { ask, choices, feet } from "./dialogs.js";
import { h } from "./dom.js";
import { hint } from "./keys.js";
import { sayList, t } from "./words.js";

const TEMPLATES = [
  ["mistake", t("Mistake press"), { cause: "mistake", action: "talked", outcome: "resolved_by_talk", label: "false" }],
  ["test", t("Test went well"), { cause: "test", action: "talked", outcome: "resolved_by_talk", label: "true" }],
  ["contact", t("A contact helped"), { cause: "help_needed", action: "contact_sent", outcome: "helped_at_home", label: "true" }],
  ["ambulance", t("Ambulance took them"), { cause: "unwell", action: "ambulance", outcome: "hospital", label: "true" }],
  ["equipment", t("Equipment fault"), { cause: "equipment", action: "technician", outcome: "unknown", label: "false" }],
  // and those that the service has settled for itself
  ...page.closings.map(({ name, ...values }) => [name, name, values]),
];
const FOLLOW_UPS = {
  "": t("Nothing"),
  today: t("Ring them later today"),
  tomorrow: t("Ring them tomorrow"),
  week: t("Ring them in a week"),
};

/** Asks how a case ended. `submit(body)` gives "" or why not. */
export function close({ card, summary_to }, contacts, submit) {
  const pick = (form, values) => {
    const { note = "", ...chosen } = values;
    for (const [name, value] of Object.entries(chosen))
      if (value || name === "label") form.querySelector(`[name="${name}"][value="${value}"]`).checked = true;
    if (note) form.querySelector('[name="note"]').value = note;
  };
  const late = card.exception_at !== null && card.explained_at === null;
  const first = card.mark === "TEST" ? "test" : "mistake";
  const templates = TEMPLATES.map(([name, text, values]) =>
    h(
      "button",
      {
        type: "button",
        class: "button",
        "data-template": name,
        "data-first": name === first,
        onclick: () => {
          pick(form, values);
          form.querySelector(late ? "#close-explanation" : '[type="submit"]').focus();
        },
      },
      text,
      name === first && h("kbd", {}, "Enter"),
    ),
  );
  const form = ask(
    t("Close case {id}", { id: card.id }),
    [
      h("div", { class: "template", role: "group", "aria-label": t("Templates") }, templates),
      late &&
        area("explanation", t("Why did nobody take it in time? This must be written before closing."), 2000),
      choices(t("Cause"), "cause", page.causes),
      choices(t("What was done"), "action", page.actions),
      choices(t("How it ended"), "outcome", page.outcomes),
      contacts.length > 0 && choices(t("Who was told"), "told", named(contacts), null, "checkbox"),
      summary_to.length > 0 &&
        h("p", { class: "quiet", id: "close-summary" }, t("How it ended is written to {names}, but for those ticked as told; not after a test, a fault of the equipment or a death.", { names: sayList(summary_to) })),
      choices(t("Was the alarm right?"), "label", { true: t("Yes"), false: t("No"), "": t("Cannot say") }, ""),
      choices(t("What follows?"), "follow", FOLLOW_UPS, ""),
      area("note", t("Note"), 2000),
    ],
    (sent) => {
      const data = new FormData(sent);
      if (!data.get("cause")) return t("Choose a cause.");
      const follow = data.get("follow") ?? "";
      const note = String(data.get("note")).trim();
      return submit(
        {
          cause: data.get("cause"),
          action: data.get("action") ?? "none",
          outcome: data.get("outcome") ?? "",
          told: data.getAll("told"),
          label: data.get("label") ?? "",
          note: follow ? `${note}${note ? "\n" : ""}${t("Follow-up")}: ${FOLLOW_UPS[follow]}` : note,
          explanation: String(data.get("explanation") ?? "").trim(),
          follow_up: follow,
        },
      );
    },
    { feet: feet(t("Close the case"), hint("close") === "Ctrl+Enter" ? "Ctrl+Enter" : ""), wide: true },
  );
}

const named = (contacts) => Object.fromEntries(contacts.map((one) => [one.id, one.called]));

const area = (name, label, most) =>
  h(
    "div",
    { class: "field" },
    h("label", { for: `close-${name}` }, label),
    h("textarea", { id: `close-${name}`, name, maxlength: most }),
  );
