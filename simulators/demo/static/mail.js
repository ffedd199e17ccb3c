"use strict";
// The mailbox: newest first, looked up again every two seconds.

const language = pickLanguage();
let shown = "";

function make(tag, text, className) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

function item(mail) {
  const line = document.createElement("p");
  line.className = "to";
  const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(new Date(mail.at * 1000));
  line.append(make("span", `→ ${mail.recipients.join(", ")}`), make("time", clock));
  const box = document.createElement("li");
  box.append(make("h2", mail.subject), line, make("pre", mail.text.trim()));
  return box;
}

async function look() {
  const answer = await fetch("/api/mails").catch(() => null);
  if (!answer || !answer.ok) return;
  const text = await answer.text();
  if (text === shown) return;
  shown = text;
  const mails = JSON.parse(text);
  document.getElementById("list").replaceChildren(...mails.map(item));
  document.getElementById("empty").hidden = mails.length > 0;
}

translatePage(language);
look();
setInterval(look, 2000);
