// Requests to the desk. A refusal is a Refused with a sentence to show.
import { byId } from "./dom.js";

const page = JSON.parse(byId("page").textContent);

export class Refused extends Error {
  constructor(status, body) {
    super(body.text);
    this.status = status;
    this.reason = body.reason;
    this.who = body.who;
    this.body = body;
  }
}

async function ask(path, options) {
  const answer = await fetch(path, { credentials: "same-origin", signal: AbortSignal.timeout(15000), ...options });
  if (answer.status === 401) {
    location.assign("/login");
    throw new Refused(401, { reason: "not_logged_in", text: "" });
  }
  const body = answer.status === 204 ? {} : await answer.json();
  if (!answer.ok) throw new Refused(answer.status, body);
  return body;
}

export const get = (path) => ask(path, {});
export const send = (method, path, body = {}) =>
  ask(path, {
    method,
    headers: { "content-type": "application/json", "x-form-token": page.form_token },
    body: JSON.stringify(body),
  });
export const post = (path, body = {}) => send("POST", path, body);
export { page };
