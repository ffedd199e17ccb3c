// Notifications on this telephone, its language, log-out.
import { said, send, t } from "./carer.js";

const byId = (id) => document.getElementById(id);
const button = byId("push");
const state = byId("push-state");

function show(text, offer) {
  state.textContent = text;
  button.hidden = offer === null;
  button.textContent = offer ? button.dataset.on : button.dataset.off;
}

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));

async function look() {
  if (!("serviceWorker" in navigator) || !("PushManager" in window) || !isSecureContext)
    return show(t("This browser cannot show notifications."), null);
  const { key } = await (await fetch("/api/push/key")).json().catch(() => ({ key: "" }));
  if (!key) return show(t("This centre does not send notifications yet."), null);
  if (Notification.permission === "denied")
    return show(t("You have refused notifications; allow them in the settings of the browser."), null);
  const worker = await navigator.serviceWorker.ready;
  const held = await worker.pushManager.getSubscription();
  show(held ? t("Notifications are on.") : t("Notifications are off."), !held);
  button.onclick = () => (held ? end(held) : begin(worker, key)).then(look, (error) => said(error.message || t("This browser cannot show notifications."), true));
}

async function begin(worker, key) {
  const subscription = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
  const { endpoint, keys } = subscription.toJSON();
  await send("POST", "/api/push/subscriptions", { endpoint, keys });
}

async function end(subscription) {
  await send("POST", "/api/push/subscriptions/end", { endpoint: subscription.endpoint });
  await subscription.unsubscribe();
}

byId("language").addEventListener("change", async (event) => {
  await send("POST", "/api/me/language", { language: event.target.value });
  location.reload();
});
byId("logout").addEventListener("click", async () => {
  await send("POST", "/api/logout", {});
  location.assign("/login?to=family");
});
look();
