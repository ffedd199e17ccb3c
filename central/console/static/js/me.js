// Setting up the second factor: a picture for the telephone, its first code, and the recovery codes, shown once.
import { Refused, post } from "./api.js";
import { byId, fill, h } from "./dom.js";
import { t } from "./words.js";

function field(id, label, attributes) {
  return h("div", { class: "field" }, h("label", { for: id }, label), h("input", { id, required: true, ...attributes }));
}

function showCodes(codes) {
  fill(
    byId("factor"),
    h("h3", { id: "codes-name", tabindex: "-1" }, t("Your recovery codes")),
    h("p", {}, t("Write them down and keep them where you keep your keys. Each opens your account once when the telephone is lost. They are never shown again.")),
    h("ul", { class: "codes", "aria-labelledby": "codes-name" }, codes.map((code) => h("li", {}, code))),
    h("div", { class: "acts" }, h("a", { class: "button main", href: "/me" }, t("I have written them down"))),
  );
  byId("codes-name").focus();
}

async function begin() {
  const made = await post("/api/me/second-factor/new");
  const fault = h("p", { class: "notice bad form-fault", role: "alert", tabindex: "-1" });
  const form = h(
    "form",
    { class: "form" },
    h("p", {}, t("Read this picture with an authenticator on your telephone, or type the letters into it.")),
    h("img", { class: "qr", src: made.picture, alt: t("QR code for the telephone"), width: "240", height: "240" }),
    h("p", { class: "secret" }, made.secret.match(/.{4}/g).join(" ")),
    fault,
    field("code", t("The six digits that it shows"), { type: "text", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "12" }),
    field("factor-password", t("Password"), { type: "password", autocomplete: "current-password" }),
    h("div", { class: "acts" }, h("button", { class: "button main", type: "submit" }, t("Take it into use"))),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = { secret: made.secret, code: byId("code").value, password: byId("factor-password").value };
    try {
      showCodes((await post("/api/me/second-factor", body)).codes);
    } catch (error) {
      fill(fault, error instanceof Refused ? error.message : t("The desk does not answer. Nothing was stored."));
      fault.focus();
    }
  });
  fill(byId("factor"), form);
  byId("code").focus();
}

byId("factor-new")?.addEventListener("click", begin);
