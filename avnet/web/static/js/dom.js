// Elements without markup: whatever comes from files, media or the server is text.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/**
 * An element. Attributes that are null, undefined or false are left out; `on` holds listeners by event.
 * Children are elements or text; null is left out.
 */
export function element(tag, { on = {}, ...attributes } = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  for (const [event, listener] of Object.entries(on)) node.addEventListener(event, listener);
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function button(text, listener, attributes = {}) {
  return element("button", { type: "button", on: { click: listener }, ...attributes }, text);
}

/** One of the symbols of index.html; decoration, so it always stands beside a label. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

export function changeIcon(node, name) {
  node.querySelector("use").setAttribute("href", `#icon-${name}`);
}

/** Says a sentence to who does not see the page; the same one twice is said twice. */
export function say(sentence) {
  const said = byId("said");
  said.textContent = "";
  setTimeout(() => (said.textContent = sentence), 50);
}

/** A refusal or failure, in sight and said; an empty one takes the last away. */
export function complain(sentence) {
  const problem = byId("problem");
  problem.hidden = !sentence;
  problem.replaceChildren();
  if (!sentence) return;
  const close = button("", () => complain(""), { class: "round", "aria-label": "Dismiss" });
  close.append(icon("close"));
  problem.append(element("p", {}, sentence), close);
  problem.scrollIntoView({ block: "nearest" });
}

/** Says, where something is not possible, why: its lane is still loading or failed, or it was not asked for. */
export function sayWhyNot(notice, can, lane, otherwise) {
  notice.hidden = can;
  const reasons = { loading: "It is still being loaded.", failed: `It cannot be used: ${lane?.reason}` };
  notice.textContent = reasons[lane?.state] ?? otherwise;
}

/** A canvas of the size at which it is shown; gives its context in CSS pixels. */
export function fitted(canvas, most = 2) {
  const ratio = Math.min(devicePixelRatio || 1, most);
  const { clientWidth: width, clientHeight: height } = canvas;
  const [wide, high] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { context, width, height, ratio };
}

/** A colour of style.css, as it is now (light or dark). */
export const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Calls back when the page turns light or dark. */
export function onColors(listener) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", listener);
}

/** Bytes of base64. */
export const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
