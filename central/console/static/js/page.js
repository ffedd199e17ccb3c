// What every page has: colours, language, log-out.
import { byId } from "./dom.js";
import { post } from "./api.js";

export function furnishPage() {
  const theme = byId("theme");
  theme.value = localStorage.getItem("llar-theme") ?? "auto";
  theme.addEventListener("change", () => {
    localStorage.setItem("llar-theme", theme.value);
    if (theme.value === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
  });
  byId("language")?.addEventListener("change", async (event) => {
    await post("/api/me/language", { language: event.target.value });
    location.reload();
  });
  byId("logout")?.addEventListener("click", async () => {
    await post("/api/logout");
    location.assign("/login");
  });
}
