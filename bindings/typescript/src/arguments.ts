// Checks the types of arguments. Their form is checked by the module.

import { type InvalidArgument, invalid, textOf } from "./errors.js";

/** A value that JSON can represent. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
/** A JSON object. */
export type JsonObject = { [key: string]: JsonValue };

/** The longest time that a timer of the platform can wait, in milliseconds. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

/** Checks that a value is a text that UTF-8 can represent. */
export function text(value: unknown, name: string): string {
  if (typeof value !== "string") throw invalid(`${name} must be a string, not ${typeName(value)}`);
  if (LONE_SURROGATE.test(value)) throw invalid(`${name} must not hold lone surrogates`);
  return value;
}

export function optionalText(value: unknown, name: string): string | undefined {
  return value === undefined ? undefined : text(value, name);
}

export function texts(value: unknown, name: string): string[] {
  if (typeof value === "string" || typeof (value as Iterable<unknown>)?.[Symbol.iterator] !== "function") {
    throw invalid(`${name} must be a list of strings, not ${typeName(value)}`);
  }
  return Array.from(value as Iterable<unknown>, (item) => text(item, `${name}: an item`));
}

export function flag(value: unknown, name: string, unlessGiven: boolean): boolean {
  if (value === undefined) return unlessGiven;
  if (typeof value !== "boolean") throw invalid(`${name} must be a boolean, not ${typeName(value)}`);
  return value;
}

/** Checks a whole number of at least `least`. */
export function whole(value: unknown, name: string, least: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least) {
    throw invalid(`${name} must be a whole number, at least ${least}`);
  }
  return value;
}

/** Checks the size of a page, which the server limits. */
export function pageLimit(value: unknown, name: string): number | undefined {
  return value === undefined ? undefined : whole(value, name, 0);
}

/** Checks a time in milliseconds, which may be infinite. */
export function time(value: unknown, name: string, { orZero = false } = {}): number {
  if (typeof value !== "number" || Number.isNaN(value) || value < 0 || (value === 0 && !orZero)) {
    throw invalid(`${name} must be a number of milliseconds${orZero ? "" : " above 0"}, or Infinity`);
  }
  return value;
}

/** A time as the module reads it: a whole number, or a text that is none for the longest time. */
export function milliseconds(ms: number): string {
  return String(Math.ceil(ms));
}

/** Checks a point in time, and writes it as the protocol does. */
export function instant(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (!(value instanceof Date) || Number.isNaN(value.getTime())) throw invalid(`${name} must be a valid Date`);
  return value.toISOString();
}

export function callback(value: unknown, name: string): void {
  if (typeof value !== "function") throw invalid(`${name} must be a function, not ${typeName(value)}`);
}

/** Checks the options of a call, which may be left out. */
export function options<T extends object>(value: T | undefined, name = "options"): Partial<T> {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null) throw invalid(`${name} must be an object, not ${typeName(value)}`);
  return value;
}

/** Writes a JSON object. */
export function jsonObject(value: unknown, name: string): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(`${name} must be an object, not ${typeName(value)}`);
  }
  return json(value, name);
}

/** Writes a JSON value. A member that is `undefined` is left out, as `JSON.stringify` does. */
export function json(value: unknown, name: string): string {
  const check = (key: string, item: unknown): unknown => {
    if (LONE_SURROGATE.test(key)) throw invalid(`${name} must not hold lone surrogates`);
    switch (typeof item) {
      case "string":
        return text(item, name);
      case "number":
        if (!Number.isFinite(item)) throw invalid(`${name} must not hold ${item}, which JSON does not have`);
        return item;
      case "bigint":
      case "function":
      case "symbol":
        throw invalid(`${name} must not hold a ${typeof item}, which JSON does not have`);
      default:
        return item;
    }
  };
  let written: string | undefined;
  try {
    written = JSON.stringify(value, check);
  } catch (error) {
    throw isOurs(error) ? error : invalid(`${name} cannot be written as JSON: ${textOf(error)}`, error);
  }
  if (written === undefined) throw invalid(`${name} must be a JSON value, not ${typeName(value)}`);
  return written;
}

function isOurs(error: unknown): error is InvalidArgument {
  return error instanceof Error && error.name === "InvalidArgument";
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}
