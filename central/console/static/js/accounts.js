// The accounts page: which fields a role needs, and handing over what is shown only once.
import { byId } from "./dom.js";

const OWN = { carer: "carer", resident: "resident" };

function furnish(select) {
  const wanted = OWN[select.value] ?? "staff";
  for (const part of select.form.querySelectorAll("[data-for]")) {
    part.hidden = part.dataset.for !== wanted;
    for (const field of part.querySelectorAll("input")) field.disabled = part.hidden;
  }
}

for (const select of document.querySelectorAll("[data-role]")) {
  select.addEventListener("change", () => furnish(select));
  furnish(select);
}

document.addEventListener("sent", (event) => {
  if (!("hands" in event.target.dataset)) return;
  if (!event.detail.secret) return location.reload();
  event.target.closest("dialog")?.close();
  byId("handed-secret").textContent = event.detail.secret;
  const phones = byId("handed-phones");
  phones.hidden = !event.detail.phones;
  phones.textContent = phones.dataset.said.replace("{count}", event.detail.phones);
  byId("handed").showModal();
});
byId("handed-done").addEventListener("click", () => location.reload());
