// The order of ways to be reached, and the step from a new address to its code.
import "/static/js/dates.js";
import { said, send, t } from "./carer.js";

const byId = (id) => document.getElementById(id);
const list = byId("way-list");

async function keep(order) {
  try {
    await send("PUT", list.dataset.api, { order });
    location.reload();
  } catch (error) {
    said(error.message || t("It was NOT sent. Try again, or call the centre."), true);
  }
}

list.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const order = [...list.querySelectorAll("[data-number]")].map((one) => Number(one.dataset.number));
  const place = order.indexOf(Number(button.closest("li").dataset.number));
  if ("up" in button.dataset) order.splice(place - 1, 0, ...order.splice(place, 1));
  else order.splice(place, 1);
  keep(order);
});

byId("new-way").addEventListener("sent", () => {
  byId("code-address").value = byId("address").value;
  byId("code-way").hidden = false;
  byId("code").focus();
  said(t("The code was sent."));
});

for (const cell of document.querySelectorAll(".week input"))
  cell.addEventListener("change", () => (document.querySelector("input[name=when][value=week]").checked = true));
