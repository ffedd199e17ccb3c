// This telephone: language, log-out.
import { send } from "./carer.js";

const byId = (id) => document.getElementById(id);

byId("language").addEventListener("change", async (event) => {
  await send("POST", "/api/me/language", { language: event.target.value });
  location.reload();
});
byId("logout").addEventListener("click", async () => {
  await send("POST", "/api/logout", {});
  location.assign("/login?to=family");
});
