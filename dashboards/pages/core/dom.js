// Elements out of tags, attributes and text. What comes from outside becomes text nodes only: there
// is no way here to make markup of a string.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. Attributes that are null or false are left out; `onclick: f` listens. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element, as `h`. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  element.append(...children.flat(Infinity).filter(isShown).map(asNode));
  return element;
}

function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (typeof value === "function") element.addEventListener(name.slice(2), value);
  else element.setAttribute(name, value === true ? "" : String(value));
}

function isShown(child) {
  return child !== null && child !== undefined && child !== false;
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

/** Puts other children in the place of those there are. */
export function replace(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(isShown).map(asNode));
  return element;
}

/** A link to somewhere else, or plain text where the address is not one of the web. */
export function outsideLink(address, text = address) {
  const isWeb = /^https?:\/\//i.test(address);
  return isWeb ? h("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, text) : h("span", {}, text);
}

/** Tells those who do not see the page what happened. */
export function say(text) {
  document.getElementById("said").textContent = text;
}
