// Creating and finding elements. Texts become text nodes, never markup.

/** An element with attributes (null and false are left out, functions listen) and children (null is left out). */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** An icon of the sprite in the page. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export const find = (id) => document.getElementById(id);

/** The initial of a user or group, on a colour that depends on the name. */
export function avatar(title, group = false) {
  let sum = 0;
  for (const letter of title) sum = (sum * 31 + letter.codePointAt(0)) % 8_191;
  const mark = group ? icon("group") : [...title][0]?.toUpperCase() ?? "?";
  return el("span", { class: `avatar hue-${sum % 8}`, "aria-hidden": "true" }, mark);
}

/** Returns the address if it is an HTTP or HTTPS URL, otherwise null. No other address becomes a link. */
export function webAddress(text) {
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/** A link to another site, which receives no referrer. */
export function outLink(href, ...children) {
  return el("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...children);
}
