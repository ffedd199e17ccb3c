// A resident's file: two people who edit the same thing, measurements, codes for new units, names of new devices.
//
// A form with data-edit carries the version that its editor saw. When somebody else was faster, nothing is lost: fields
// that one has not touched take the other's value, those that one has changed stay and show the other's beside them,
// and the version moves on, so that keeping again is a decision made with open eyes.
import { get, page } from "./api.js";
import { byId, fill, h } from "./dom.js";
import { moment, t } from "./words.js";

const touched = (field) =>
  field.type === "checkbox"
    ? field.checked !== field.defaultChecked
    : field.tagName === "SELECT"
      ? ![...field.options].some((one) => one.selected && one.defaultSelected)
      : field.value !== field.defaultValue;

function merge(form, body) {
  form.elements.version.value = body.version;
  for (const clash of body.changes) {
    const fields = [...form.querySelectorAll(`[name="${CSS.escape(clash.field)}"]`)];
    for (const field of fields) {
      const place = field.closest(".field") ?? field.parentElement;
      const group = Array.isArray(clash.value) && field.type === "checkbox";
      if (touched(field)) {
        if (!group) place.append(h("p", { class: "theirs-said" }, t("Now on record: {value}", { value: clash.after || "–" })));
      } else if (group) field.checked = clash.value.includes(field.value);
      else if (field.type === "checkbox") field.checked = Boolean(clash.value);
      else if (clash.value === null || typeof clash.value !== "object") field.value = clash.value ?? "";
      place.classList.add("theirs");
    }
  }
}

document.addEventListener("refused", (event) => {
  const { body } = event.detail;
  if (body?.reason === "changed_meanwhile" && "edit" in event.target.dataset) merge(event.target, body);
});

for (const form of document.querySelectorAll("form[data-device]")) {
  const name = form.querySelector("[data-id]");
  name.addEventListener("input", () => (form.dataset.api = form.dataset.device + encodeURIComponent(name.value)));
}

document.addEventListener("sent", (event) => {
  if (!("claim" in event.target.dataset)) return;
  const made = event.detail;
  const picture = new DOMParser().parseFromString(made.svg, "image/svg+xml").documentElement;
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", made.link);
  fill(byId("claim-picture"), document.importNode(picture, true));
  fill(byId("claim-code"), made.code);
  fill(byId("claim-more"), t("Good until {time}.", { time: moment(made.until_at, Date.now() / 1000) }),
    made.unheard.length > 0 && ` ${t("The register has no address of: {devices}.", { devices: made.unheard.join(", ") })}`);
  byId("claim").showModal();
});

async function measure() {
  const { curve, ribbon, unavailable } = await import("./charts.js");
  const path = `/api/homes/${encodeURIComponent(page.home)}`;
  try {
    fill(byId("rooms"), ribbon(await get(`${path}/rooms`)));
    const charts = await get(`${path}/charts`);
    if (charts.unavailable) fill(byId("charts"), unavailable(charts.unavailable));
    else if (charts.series.length === 0) fill(byId("charts"), h("p", { class: "unavailable" }, t("No temperature or heart rate in the last day.")));
    else fill(byId("charts"), charts.series.map((one) => curve(one, charts.start_at, charts.end_at)));
  } catch {
    fill(byId("rooms"), unavailable("down"));
    fill(byId("charts"), unavailable("down"));
  }
}

if (page.home && document.getElementById("charts")) measure();
