// On the telephone, also while no page is open: shows what is pushed, and says so honestly when there is no connection.
// Pages are never kept: an old alarm that looks new would be worse than none.
const KEPT = "llar-family-2";
const OFFLINE = "/family/offline";
const FILES = [OFFLINE, "/static/carers/carer.css", "/static/carers/carer.js", "/static/css/tokens.css", "/static/css/elements.css", "/static/js/theme.js", "/static/img/llar.svg"];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (names) => Promise.all(names.filter((name) => name.startsWith("llar-family-") && name !== KEPT).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(old).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const path = new URL(request.url).pathname;
  if (request.mode === "navigate") event.respondWith(fetch(request).catch(() => caches.match(OFFLINE)));
  else if (request.method === "GET" && FILES.includes(path)) event.respondWith(fetch(request).catch(() => caches.match(path)));
});

self.addEventListener("push", (event) => {
  const told = read(event.data);
  // nothing about health stands in title or body: it shows on a locked screen
  const options = {
    body: told.body, tag: told.tag, renotify: Boolean(told.tag), requireInteraction: true, timestamp: told.at * 1000,
    icon: "/static/carers/icon-192.png", badge: "/static/carers/badge.png", vibrate: [300, 150, 300, 150, 600], data: { url: told.url },
  };
  event.waitUntil(self.registration.showNotification(told.title, options).then(() => confirmed(told.url)));
});

function read(data) {
  const empty = { title: "Llar", body: "", tag: "llar", url: "/family", at: Date.now() / 1000 };
  try {
    return { ...empty, ...data.json() };
  } catch {
    return empty;
  }
}

/* The operator sees that it has come to this telephone. */
function confirmed(url) {
  const found = /\/c\/([A-Za-z0-9_-]+)$/.exec(url);
  if (!found) return undefined;
  const options = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token: found[1] }) };
  return fetch("/push/received", options).catch(() => {});
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = new URL(event.notification.data?.url || "/family", self.location.origin);
  if (url.origin !== self.location.origin) return;
  event.waitUntil(
    self.clients.matchAll({ type: "window", includeUncontrolled: true }).then((open) => {
      const there = open.find((one) => new URL(one.url).pathname === url.pathname);
      return there ? there.focus() : self.clients.openWindow(url.href);
    }),
  );
});
