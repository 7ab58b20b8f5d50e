// Markdown as nodes: paragraphs, headings, quotes, lists, rules, code blocks. inline.js handles inline marks.
// The result contains only elements created here and text nodes.

import { el } from "./dom.js";
import { inline } from "./inline.js";

/** The maximum nesting of quotes and lists. Deeper ones stay paragraphs. */
const MAX_DEPTH = 8;

const FENCE = /^ {0,3}(`{3,}|~{3,})[^`]*$/;
const HEADING = /^ {0,3}(#{1,6}) +(.*)$/;
const RULE = /^ {0,3}(?:(?:- *){3,}|(?:\* *){3,}|(?:_ *){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|(\d{1,9})[.)])( +|$)/;

/** Returns a message's text as nodes. */
export function render(text) {
  return blocks(text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"), 0);
}

function blocks(lines, depth) {
  const out = document.createDocumentFragment();
  let at = 0;
  while (at < lines.length) {
    if (lines[at].trim() === "") {
      at += 1;
      continue;
    }
    const [node, next] = block(lines, at, depth);
    out.append(node);
    at = next;
  }
  return out;
}

function block(lines, at, depth) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) return code(lines, at + 1, fence[1]);
  const heading = HEADING.exec(line);
  // Headings of messages are below those of the page.
  if (heading) return [el(`h${Math.min(6, heading[1].length + 2)}`, {}, inline(heading[2].trim())), at + 1];
  if (RULE.test(line)) return [el("hr"), at + 1];
  if (depth < MAX_DEPTH && QUOTE.test(line)) return quote(lines, at, depth);
  if (depth < MAX_DEPTH && ITEM.test(line)) return list(lines, at, depth);
  return paragraph(lines, at, depth);
}

function code(lines, from, mark) {
  let to = from;
  while (to < lines.length && !closes(lines[to], mark)) to += 1;
  const block = el("pre", { tabindex: "0" }, el("code", {}, lines.slice(from, to).join("\n")));
  return [block, to + 1];
}

function closes(line, mark) {
  const text = line.trim();
  return text.length >= mark.length && text === mark[0].repeat(text.length);
}

function quote(lines, from, depth) {
  let to = from;
  while (to < lines.length && QUOTE.test(lines[to])) to += 1;
  const inside = lines.slice(from, to).map((line) => line.replace(QUOTE, ""));
  return [el("blockquote", {}, blocks(inside, depth + 1)), to];
}

function list(lines, from, depth) {
  const first = ITEM.exec(lines[from]);
  const ordered = first[3] !== undefined;
  const kind = first[2].at(-1);
  const start = ordered && Number(first[3]) !== 1 ? Number(first[3]) : null;
  const element = el(ordered ? "ol" : "ul", { start });
  let at = from;
  while (at < lines.length) {
    const mark = ITEM.exec(lines[at]);
    if (!mark || mark[2].at(-1) !== kind || RULE.test(lines[at])) break;
    const width = mark[0].length;
    const inside = [lines[at].slice(width)];
    at += 1;
    while (at < lines.length && belongs(lines, at, width)) {
      inside.push(lines[at].slice(Math.min(width, indent(lines[at]))));
      at += 1;
    }
    element.append(item(inside, depth));
    while (at < lines.length && lines[at].trim() === "") at += 1;
  }
  return [element, at];
}

/** An item of one paragraph needs no paragraph element. */
function item(lines, depth) {
  const content = blocks(lines, depth + 1);
  const first = content.firstChild;
  if (first?.nodeName === "P") first.replaceWith(...first.childNodes);
  return el("li", {}, content);
}

const indent = (line) => line.length - line.trimStart().length;

/** Returns whether a line continues the item above: it is indented, or blank before an indented line. */
function belongs(lines, at, width) {
  if (lines[at].trim() !== "") return indent(lines[at]) >= Math.min(width, 2);
  return at + 1 < lines.length && lines[at + 1].trim() !== "" && indent(lines[at + 1]) >= width;
}

function paragraph(lines, from, depth) {
  let to = from + 1;
  while (to < lines.length && lines[to].trim() !== "" && !interrupts(lines[to], depth)) to += 1;
  const text = lines.slice(from, to).map((line) => line.trim()).join("\n");
  return [el("p", {}, inline(text)), to];
}

function interrupts(line, depth) {
  if (FENCE.test(line) || HEADING.test(line) || RULE.test(line)) return true;
  return depth < MAX_DEPTH && (QUOTE.test(line) || ITEM.test(line));
}
