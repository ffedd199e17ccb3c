// The keys: a list of them, and changing them. They are kept on the operator's account.
import { get, page, send } from "./api.js";
import { fill, h } from "./dom.js";
import { ask, back, show } from "./dialogs.js";
import { hint, keys, letters, pressed } from "./keys.js";
import { sayLanguage, t } from "./words.js";

const LANGUAGES = ["ca", "es", "en", "fr", "it", "de", "pt", "ro", "ru", "uk", "ar", "ur", "zh", "gl", "eu"];

/** The keys, and what else they do. `changed()` is called when they were changed. */
export function help(changed) {
  const choice = h("input", {
    type: "checkbox",
    checked: letters.on,
    onchange: () => {
      letters.on = choice.checked;
    },
  });
  show(
    t("Keys"),
    [
      h(
        "dl",
        { class: "keys" },
        Object.entries(page.key_names).map(([action, name]) => row(hint(action), t(name))),
        row("↑ ↓", t("Move in the queue")),
        row("Enter", t("Open the case")),
        row("Esc", t("Closes a window, never a case")),
      ),
      h("label", { class: "tick" }, choice, t("Letters and digits work as keys")),
    ],
    [
      h("button", { type: "button", class: "button", onclick: () => change(changed) }, t("Change keys and languages")),
      back(t("Back"), true),
    ],
  );
}

const row = (key, text) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)];

async function change(changed) {
  const own = await get("/api/me/desk");
  const inputs = Object.entries(page.key_names).map(([action, name]) => {
    const input = h("input", {
      type: "text",
      id: `key-${action}`,
      name: action,
      value: own.keys[action],
      autocomplete: "off",
      "aria-describedby": "key-help",
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Tab" || event.key === "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      input.value = ["Backspace", "Delete"].includes(event.key) ? own.usual[action] : pressed(event) || input.value;
    });
    return h("div", { class: "field" }, h("label", { for: input.id }, t(name)), input);
  });
  const form = ask(
    t("Change keys and languages"),
    [
      h(
        "p",
        { id: "key-help", class: "quiet" },
        t("Go to a field and press the key that you want. Delete brings the usual one back."),
      ),
      h("div", { class: "key-fields" }, inputs),
      h(
        "fieldset",
        {},
        h("legend", {}, t("Languages that I speak with residents")),
        h(
          "div",
          { class: "choices" },
          [...new Set([...LANGUAGES, ...own.speaks])].map((code) =>
            h(
              "label",
              { class: "choice" },
              h("input", { type: "checkbox", name: "speaks", value: code, checked: own.speaks.includes(code) }),
              h("span", {}, sayLanguage(code)),
            ),
          ),
        ),
      ),
    ],
    (sent) => save(sent, changed),
    {
      feet: h(
        "div",
        { class: "feet" },
        h(
          "button",
          {
            type: "button",
            class: "button",
            "data-reset": true,
            onclick: () => {
              for (const [action, key] of Object.entries(own.usual)) form.elements[action].value = key;
            },
          },
          t("The usual keys"),
        ),
        back(t("Back")),
        h("button", { type: "submit", class: "button main" }, t("Save")),
      ),
      wide: true,
    },
  );
}

async function save(form, changed) {
  const data = new FormData(form);
  const chosen = Object.fromEntries(Object.keys(page.key_names).map((action) => [action, data.get(action)]));
  try {
    const kept = await send("PUT", "/api/me/desk", { keys: chosen, speaks: data.getAll("speaks") });
    keys.of = kept.keys;
    fillHelpHint();
    changed();
    return "";
  } catch (error) {
    return error.message || t("The desk does not answer. Nothing was stored.");
  }
}

function fillHelpHint() {
  for (const element of document.querySelectorAll("[data-key]")) fill(element, hint(element.dataset.key));
}
