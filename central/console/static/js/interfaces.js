// Keys and webhooks: for which program a key is, and handing over what is shown only once.
import { byId } from "./dom.js";

for (const form of document.querySelectorAll("[data-for-account]")) {
  const select = form.querySelector("[data-account]");
  const point = () => (form.dataset.api = `/api/accounts/${encodeURIComponent(select.value)}/keys`);
  select.addEventListener("change", point);
  point();
}

document.addEventListener("sent", (event) => {
  if (!("hands" in event.target.dataset)) return;
  event.target.closest("dialog")?.close();
  byId("handed-secret").textContent = event.detail.secret;
  byId("handed").showModal();
});
byId("handed-done").addEventListener("click", () => location.reload());
