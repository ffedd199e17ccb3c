// Notifications of this browser: for an account, or for who came by the link of a message (data-token on the section).
import { said, send, t } from "./carer.js";

const section = document.getElementById("push-part");
const button = document.getElementById("push");
const state = document.getElementById("push-state");
const token = section.dataset.token;
const WHOSE = token ? { token } : {};
const WHERE = token ? "/push/subscriptions" : "/api/push/subscriptions";
const SCOPES = { own: token ? "/c/" : "/family", other: token ? "/family" : "/c/" };

function show(text, offer) {
  section.hidden = false;
  state.textContent = text;
  button.hidden = offer === null;
  button.textContent = offer ? button.dataset.on : button.dataset.off;
}

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));

/* An iPhone shows notifications only for what stands on its home screen. */
const isApple = () => /iPhone|iPad|iPod/.test(navigator.userAgent) || (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);
const mustInstall = () => isApple() && !navigator.standalone && !matchMedia("(display-mode: standalone)").matches;

function without() {
  if (mustInstall())
    return t("On an iPhone or iPad, first put this page on the home screen: the share button, then “Add to Home Screen”. Open it from there and turn notifications on.");
  return `${t("This browser cannot show notifications.")} ${t("We reach you in the ways that the centre knows: message, call or e-mail.")}`;
}

async function held(scope) {
  const worker = await navigator.serviceWorker.getRegistration(scope);
  return (await worker?.pushManager.getSubscription()) ?? null;
}

/* The worker of this page's own scope; on the very first visit it is still on its way. */
async function worker() {
  const { scope } = await navigator.serviceWorker.register("/family/sw.js", { scope: SCOPES.own });
  const ready = await navigator.serviceWorker.ready;
  return ready.scope === scope ? ready : navigator.serviceWorker.getRegistration(SCOPES.own);
}

async function look() {
  if (!("serviceWorker" in navigator) || !("PushManager" in window) || !isSecureContext) return show(without(), null);
  const { key } = await (await fetch("/api/push/key")).json().catch(() => ({ key: "" }));
  if (!key && token) return null; // nothing that cannot be had stands on the page of an alarm
  if (!key) return show(t("This centre does not send notifications yet."), null);
  if (Notification.permission === "denied")
    return show(t("You have refused notifications; allow them in the settings of the browser."), null);
  if (token && (await held(SCOPES.other))) return show(t("Notifications are on."), null);
  const mine = await held(SCOPES.own);
  show(mine ? t("Notifications are on.") : t("Notifications are off."), !mine);
  button.onclick = () => {
    button.disabled = true;
    const done = mine ? end(mine) : begin(key);
    done.catch((error) => said(error.refused ? error.message : without(), true)).then(look).finally(() => (button.disabled = false));
  };
}

async function begin(key) {
  const manager = (await worker()).pushManager;
  const subscription = await manager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
  const { endpoint, keys } = subscription.toJSON();
  try {
    await send("POST", WHERE, { endpoint, keys, ...WHOSE });
  } catch (error) {
    await subscription.unsubscribe();
    throw error;
  }
  if (!token) await (await held(SCOPES.other))?.unsubscribe();  // one telephone rings once
}

async function end(subscription) {
  await send("POST", `${WHERE}/end`, { endpoint: subscription.endpoint, ...WHOSE });
  await subscription.unsubscribe();
}

look();
