// The form for login and registration.

import { logIn, signUp } from "./accounts.js";
import { find } from "./dom.js";
import { ofCall } from "./words.js";

let joining = false;

/** Shows the form, with the reason if there is one. */
export function showDoor(reason = "") {
  find("chat").hidden = true;
  find("door").hidden = false;
  find("door-error").textContent = reason;
  find("password").value = "";
  find("name").focus();
}

/** Sets up the form. `entered` is called with each new session. */
export function prepareDoor(entered) {
  find("switch").addEventListener("click", () => {
    joining = !joining;
    const [title, text, other] = joining
      ? ["Sign up", "Have an account?", "Log in"]
      : ["Log in", "New here?", "Sign up"];
    find("door-title").textContent = find("enter").textContent = title;
    find("switch-text").textContent = text;
    find("switch").textContent = other;
    find("password").autocomplete = joining ? "new-password" : "current-password";
    find("password-hint").hidden = !joining;
    find("door-error").textContent = "";
    find("name").focus();
  });
  find("door-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = find("enter");
    if (button.disabled) return;
    const who = { name: find("name").value.trim().toLowerCase(), password: find("password").value };
    find("door-error").textContent = "";
    button.disabled = true;
    try {
      const session = await (joining ? signUp(who) : logIn(who));
      find("password").value = "";
      find("door").hidden = true;
      entered(session);
    } catch (error) {
      find("door-error").textContent = ofCall(error);
      find("password").focus();
    } finally {
      button.disabled = false;
    }
  });
}
