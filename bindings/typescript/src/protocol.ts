// Generated from callie-core/src/account.rs by `make generate`. Do not edit.

/** The paths of the HTTP calls and of the WebSocket. */
export const PATHS = {
  register: "/api/v1/register",
  login: "/api/v1/login",
  logout: "/api/v1/logout",
  password: "/api/v1/password",
  sessions: "/api/v1/sessions",
  socket: "/ws",
};

/** The WebSocket subprotocol. */
export const SUBPROTOCOL = "callie.1";
