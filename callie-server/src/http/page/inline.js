// Inline Markdown as nodes: emphasis, strong, strikethrough, code, links. Takes linear time: the next position of a mark is
// searched once, and a mark without an end is not searched again.

import { el, outLink, webAddress } from "./dom.js";

/** The maximum nesting of marks. Deeper ones stay text. */
const MAX_DEPTH = 8;
/** The most candidates for the end of a mark. With more, the mark stays text. */
const MAX_TRIES = 16;

const MARKS = [
  ["**", "strong"],
  ["__", "strong"],
  ["~~", "del"],
  ["*", "em"],
  ["_", "em"],
];
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const WORD = /[\p{L}\p{N}_]/u;
const ADDRESS = /https?:\/\/[^\s<>"]{1,2048}/y;
const TARGET = /\]\(\s*<?([^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?(?:\s+(?:"[^"\n]*"|'[^'\n]*'))?\s*\)/y;

export function inline(text, depth = 0, links = true) {
  return new Line(text, depth, links).nodes();
}

class Line {
  #text;
  #depth;
  #links;
  #at = 0;
  #plain = "";
  #out = document.createDocumentFragment();
  #known = new Map();
  #target = { close: -1, href: null, end: 0 };

  constructor(text, depth, links) {
    this.#text = text;
    this.#depth = depth;
    this.#links = links;
  }

  nodes() {
    while (this.#at < this.#text.length) {
      if (!this.#special()) this.#plain += this.#text[this.#at++];
    }
    this.#flush();
    return this.#out;
  }

  #special() {
    switch (this.#text[this.#at]) {
      case "\n":
        return this.#put(el("br"), this.#at + 1);
      case "\\":
        return this.#escape();
      case "`":
        return this.#code();
      case "[":
        return this.#links && this.#link(this.#at);
      case "!":
        return this.#links && this.#text[this.#at + 1] === "[" && this.#link(this.#at + 1);
      case "h":
        return this.#links && this.#bare();
      case "*":
      case "_":
      case "~":
        return this.#mark();
      default:
        return false;
    }
  }

  #put(node, next) {
    this.#flush();
    this.#out.append(node);
    this.#at = next;
    return true;
  }

  #flush() {
    if (this.#plain) this.#out.append(this.#plain);
    this.#plain = "";
  }

  /** Returns the next position of `mark` from `from` on, or -1. */
  #next(mark, from) {
    const known = this.#known.get(mark);
    if (known && from >= known.from && (known.found === -1 || known.found >= from)) return known.found;
    const found = this.#text.indexOf(mark, from);
    this.#known.set(mark, { from, found });
    return found;
  }

  #escape() {
    const next = this.#text[this.#at + 1];
    if (next === undefined || !ESCAPABLE.test(next)) return false;
    this.#plain += next;
    this.#at += 2;
    return true;
  }

  #code() {
    let from = this.#at;
    while (this.#text[from] === "`") from += 1;
    const length = from - this.#at;
    let end = from;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      end = this.#next("`", end);
      if (end === -1) break;
      let after = end;
      while (this.#text[after] === "`") after += 1;
      if (after - end === length) {
        const inside = this.#text.slice(from, end).replace(/\n/g, " ");
        const padded = /^ .*[^ ].* $/s.test(inside);
        return this.#put(el("code", {}, padded ? inside.slice(1, -1) : inside), after);
      }
      end = after;
    }
    this.#plain += this.#text.slice(this.#at, from);
    this.#at = from;
    return true;
  }

  /** `[text](address)`. An image becomes a link too, so nothing is loaded without a click. */
  #link(open) {
    const close = this.#next("](", open);
    if (close === -1) return false;
    const { href, end } = this.#targetAt(close);
    if (!href) return false;
    const words = this.#text.slice(open + 1, close);
    const shown = words.trim() === "" ? href : inline(words, this.#depth + 1, false);
    return this.#put(outLink(href, shown), end);
  }

  #targetAt(close) {
    if (this.#target.close !== close) {
      TARGET.lastIndex = close;
      const target = TARGET.exec(this.#text);
      this.#target = { close, href: target && webAddress(target[1]), end: TARGET.lastIndex };
    }
    return this.#target;
  }

  #bare() {
    if (this.#at > 0 && WORD.test(this.#text[this.#at - 1])) return false;
    ADDRESS.lastIndex = this.#at;
    let found = ADDRESS.exec(this.#text)?.[0].replace(/[.,:;!?'*_~]+$/, "");
    if (found?.endsWith(")") && !found.includes("(")) found = found.slice(0, -1);
    const href = found && webAddress(found);
    return href ? this.#put(outLink(href, found), this.#at + found.length) : false;
  }

  #mark() {
    const mark = MARKS.find(([sign]) => this.#text.startsWith(sign, this.#at));
    if (!mark || this.#depth >= MAX_DEPTH) return false;
    const [sign, tag] = mark;
    const from = this.#at + sign.length;
    if (/\s/.test(this.#text[from] ?? " ") || this.#insideWord(sign, this.#at - 1)) return this.#skip(sign);
    const end = this.#end(sign, from);
    if (end === -1) return this.#skip(sign);
    const inside = inline(this.#text.slice(from, end), this.#depth + 1, this.#links);
    return this.#put(el(tag, {}, inside), end + sign.length);
  }

  #end(sign, from) {
    let end = from;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      end = this.#next(sign, end + (tries ? sign.length : 1));
      if (end === -1) return -1;
      const last = this.#text[end - 1];
      // Two characters in a row end a stronger mark inside. The last character of a run ends the outer mark.
      const double = sign.length === 1 && this.#text[end + 1] === sign;
      if (double) {
        end += 1;
        continue;
      }
      if (sign.length === 2 && this.#text[end + 2] === sign[0]) end += 1;
      if (!/[\s\\]/.test(last) && !this.#insideWord(sign, end + sign.length)) return end;
    }
    return -1;
  }

  /** Underscores in snake_case are not emphasis. */
  #insideWord(sign, at) {
    return sign[0] === "_" && WORD.test(this.#text[at] ?? " ");
  }

  #skip(sign) {
    this.#plain += sign;
    this.#at += sign.length;
    return true;
  }
}
