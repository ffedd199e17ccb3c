// Invitations of contacts: the link is shown once, to be handed over or to be sure of.
import { byId } from "./dom.js";

document.addEventListener("sent", (event) => {
  if (!("hands" in event.target.dataset)) return;
  const { link, sent_to: to } = event.detail;
  event.target.closest("dialog")?.close();
  const said = byId("invited-to");
  said.textContent = to ? said.dataset.sent.replace("{to}", to) : said.dataset.handed;
  byId("invited-link").textContent = link;
  byId("invited").showModal();
});
byId("invited-done").addEventListener("click", () => location.reload());
