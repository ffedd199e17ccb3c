// Building elements by hand: short, and text is never read as markup.

/** An element: h("p", { class: "x", onclick: f, "aria-label": "…" }, child, [children], null). */
export function h(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function s(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.setAttribute("class", value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** Puts children in the place of what was there. */
export function fill(element, ...children) {
  element.replaceChildren(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** Sets a text only when it differs, so that nothing is repainted or read aloud again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The same for what changes every second: the text alone changes, no node comes or goes. How long it is says how wide
 * a clock of the queue or the strip stands, so that nothing around it is laid out anew. */
export function setTicking(element, text) {
  const only = element.firstChild;
  const shown = element.textContent;
  if (shown === text) return;
  if (shown.length !== text.length) element.style.setProperty("--length", text.length);
  if (only === null || only.nextSibling) element.textContent = text;
  else only.data = text;
}

/** Puts the children in this order, and moves only those that stand elsewhere. */
export function arrange(element, wanted) {
  const kept = new Set(wanted);
  for (const child of [...element.childNodes]) if (!kept.has(child)) child.remove();
  let next = element.firstChild;
  for (const child of wanted)
    if (child === next) next = next.nextSibling;
    else element.insertBefore(child, next);
}

export const byId = (id) => document.getElementById(id);
