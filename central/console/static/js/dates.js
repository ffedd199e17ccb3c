// What a date field says, in words of the page's language and with its day of the week, beside the field's name: browsers
// write dates in a language of their own, and 10/11 is in October to one and in November to another.

const FIELDS = 'input[type="date"], input[type="datetime-local"]';
const NEAR_MS = 300 * 86_400_000;
const day = { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" };
const { lang } = document.documentElement;
const placed = lang === "en" ? "en-GB" : lang;
const near = new Intl.DateTimeFormat(placed, day);
const far = new Intl.DateTimeFormat(placed, { ...day, year: "numeric" });

function tell(field) {
  const label = field.labels?.[0];
  if (!label) return;
  let said = label.querySelector(".said-date");
  if (!said) {
    // not part of the field's name, but of its description
    said = Object.assign(document.createElement("span"), { className: "said-date", ariaHidden: "true", id: `${field.id}-said` });
    label.append(" ", said);
    field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") ?? ""} ${said.id}`.trim());
  }
  const at = Date.parse(field.value.slice(0, 10));
  said.textContent = Number.isNaN(at) ? "" : (Math.abs(at - Date.now()) < NEAR_MS ? near : far).format(at);
}

const tellAll = (within) => within.querySelectorAll(FIELDS).forEach(tell);
tellAll(document);
document.addEventListener("input", ({ target }) => target.matches(FIELDS) && tell(target));
document.addEventListener("reset", ({ target }) => setTimeout(tellAll, 0, target));
