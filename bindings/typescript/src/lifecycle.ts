// The life of a page: reports to clients what browsers report to pages.

import type { Driver } from "./driver.js";

/** The events after which the network may be another, by their targets. */
const ON_WINDOW = ["online", "offline", "pageshow"];
const ON_DOCUMENT = ["visibilitychange", "resume"];

/**
 * Tells a client of changes of the network and of the page, where there is one. A page that is shown again, or comes
 * back from the back/forward cache or a frozen state, may have a connection that is not one any more. Holds the driver
 * weakly.
 */
export function watchPage(driver: Driver): void {
  if (typeof window === "undefined" || typeof document === "undefined") return;
  const reference = new WeakRef(driver);
  const changed = (): void => {
    const watched = reference.deref();
    if (!watched || watched.isClosed) {
      for (const name of ON_WINDOW) window.removeEventListener(name, changed);
      for (const name of ON_DOCUMENT) document.removeEventListener(name, changed);
    } else if (document.visibilityState !== "hidden") {
      watched.networkChanged();
    }
  };
  for (const name of ON_WINDOW) window.addEventListener(name, changed);
  for (const name of ON_DOCUMENT) document.addEventListener(name, changed);
}
