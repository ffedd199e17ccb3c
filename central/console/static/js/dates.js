// What a date field says, in the page's language and with its day of the week, beside the field's name: browsers write
// dates in a language of their own, and 10/11 is in October to one and in November to another.
import { h } from "./dom.js";
import { language } from "./words.js";

const FIELDS = 'input[type="date"], input[type="datetime-local"]';
const day = new Intl.DateTimeFormat(language, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const dayOfYear = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

function tell(field) {
  const label = field.labels?.[0];
  if (!label) return;
  let said = label.querySelector(".said-date");
  if (!said) label.append((said = h("span", { class: "said-date", "aria-hidden": "true" })));
  const at = Date.parse(field.value.slice(0, 10));
  const near = Math.abs(at - Date.now()) < 300 * 86_400_000;
  said.textContent = Number.isNaN(at) ? "" : (near ? day : dayOfYear).format(at);
}

for (const field of document.querySelectorAll(FIELDS)) tell(field);
document.addEventListener("input", (event) => event.target.matches(FIELDS) && tell(event.target));
