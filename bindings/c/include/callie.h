/*
 * Callie: the client for real-time messaging, for C11 and C++17.
 *
 * This program logs in, sends a message and prints the messages that arrive:
 *
 *     #include <stdio.h>
 *     #include "callie.h"
 *
 *     static int fail(const char *what)
 *     {
 *         fprintf(stderr, "%s: %s (%s)\n", what, callie_last_error_reason(), callie_last_error_code());
 *         return 1;
 *     }
 *
 *     int main(int argc, char **argv)
 *     {
 *         CallieServer *server;
 *         CallieCredentials *credentials;
 *         CallieClient *client;
 *         CallieEvents *events;
 *         CallieSent sent;
 *         CallieSendOutcome outcome;
 *
 *         if (argc != 5) {
 *             fprintf(stderr, "usage: %s URL USERNAME PASSWORD PEER\n", argv[0]);
 *             return 2;
 *         }
 *         if (callie_server_new(argv[1], NULL, &server) != CALLIE_STATUS_OK)
 *             return fail("server");
 *         if (callie_server_login(server, argv[2], argv[3], NULL, &credentials) != CALLIE_STATUS_OK)
 *             return fail("login");
 *         if (callie_client_new(credentials, &client) != CALLIE_STATUS_OK || callie_client_connect(client) != CALLIE_STATUS_OK)
 *             return fail("connect");
 *         if (callie_client_send(client, argv[4], "Hello, **you**", NULL, 0, NULL, &sent) != CALLIE_STATUS_OK)
 *             return fail("send");
 *         if (callie_client_wait(client, sent.ticket, 5000, &outcome) != CALLIE_STATUS_OK)
 *             return fail("wait");
 *         puts(outcome.kind == CALLIE_OUTCOME_KIND_DELIVERED ? "delivered" : "not delivered");
 *         while (callie_client_next_events(client, 64, 5000, &events) == CALLIE_STATUS_OK && callie_events_count(events) > 0) {
 *             for (size_t i = 0; i < callie_events_count(events); i++) {
 *                 if (callie_event_kind(events, i) == CALLIE_EVENT_KIND_MESSAGE)
 *                     printf("%s: %s\n", callie_event_string(events, i, CALLIE_FIELD_SENDER, NULL),
 *                            callie_event_string(events, i, CALLIE_FIELD_TEXT, NULL));
 *             }
 *             callie_events_free(events);
 *         }
 *         callie_events_free(events);
 *         callie_client_disconnect(client);
 *         callie_client_free(client);
 *         callie_credentials_free(credentials);
 *         callie_server_free(server);
 *         return 0;
 *     }
 *
 *     cc -std=c11 hello.c $(pkg-config --cflags --libs callie) -o hello
 *
 * Rules for all functions:
 *
 * - Texts are UTF-8 and end with NUL. A text that is not UTF-8 results in CALLIE_STATUS_INVALID_UTF8. A pointer that is not NULL
 *   must point to a valid value of its type until the call returns. The library neither keeps nor frees its arguments.
 * - Handles are never dereferenced: a NULL where a handle is required, a freed handle and a handle of another kind each result in
 *   a status. A handle that another thread frees during a call stays valid for that call.
 * - CallieConfig and CallieSendOptions have an _init function, which sets the defaults and must be called first. They begin with
 *   their size, so that a later version of the library can add fields. NULL in place of such a struct stands for the defaults.
 * - A call that returns a handle or a text through a pointer sets it to NULL if it fails. The caller frees the handle or the text
 *   with the function that the documentation names.
 * - Calls that wait do so within the timeouts of CallieConfig. Any thread may call any function, also inside callbacks. A thread
 *   must not be cancelled inside a call.
 * - A message is delivered to this user when the program takes it: when callie_client_next_events returns it, or when the listener
 *   is called with it. A batch that is freed without being read counts as taken.
 * - Callbacks run on threads of the library. A callback must return: no C++ exception, longjmp or pthread_exit may leave it.
 *   Callbacks receive user_data unchanged, and the library never dereferences it. It can be freed when no further call can come:
 *
 *       of a listener       callie_client_free has returned, or the call with CALLIE_EVENT_KIND_CLOSED has returned
 *       of a token source   callie_client_free, or another callie_client_set_token_source, has returned
 *       of a log sink       another callie_set_logger has returned
 *
 *   These three functions wait for a call that is in progress, so the thread must not hold a lock that the callback acquires.
 *   Called inside the callback itself, they return immediately, and the call in progress is the last. If callbacks would wait for
 *   each other in a cycle, the call that would complete the cycle also returns immediately.
 * - A process that is forked after its parent has used the library cannot use it: every call that returns a status returns
 *   CALLIE_STATUS_FORKED immediately, and the parent is not affected. Fork before the first call, or call exec in the child. A child
 *   that is forked in a callback must call exec or exit before the callback returns.
 * - Signals are handled on the program's own threads, because the library's threads block them. A waiting call continues to wait
 *   after a handler has run. A signal handler must not call any function of the library.
 * - The program may return from main or call exit at any time, while threads are inside calls. Callbacks can run until the process
 *   has ended: remove them, as described above, before you destroy what they use.
 * - The library maintains the connection: it reconnects after every lost connection, and then sends the waiting messages.
 * - No call ends the process: a fault of the library results in CALLIE_STATUS_INTERNAL.
 */


#ifndef CALLIE_H
#define CALLIE_H

/* Generated by cbindgen from callie-ffi/src/capi. `make header` updates it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The `size` of an attachment without a size.
#define CALLIE_SIZE_UNKNOWN ((int64_t)-1)

// The size of a code with its NUL.
#define CALLIE_CODE_SIZE 65

// The size of a reason with its NUL; a longer one is cut.
#define CALLIE_REASON_SIZE 256

// The size of a path with its NUL.
#define CALLIE_PATH_SIZE 513

// A count that is not known.
#define CALLIE_COUNT_UNKNOWN UINT64_MAX

// The size of an identifier with its NUL.
#define CALLIE_ID_SIZE 129

// The size of the longest token with its NUL.
#define CALLIE_TOKEN_SIZE 513

// What a call returns. Where it is not `CALLIE_STATUS_OK`, `callie_last_error_code` and `callie_last_error_reason` say more.
typedef enum {
  // It worked.
  CALLIE_STATUS_OK = 0,
  // An argument that must be given is NULL.
  CALLIE_STATUS_NULL_ARGUMENT = 1,
  // A handle was freed already or was never one.
  CALLIE_STATUS_INVALID_HANDLE = 2,
  // A text is not UTF-8.
  CALLIE_STATUS_INVALID_UTF8 = 3,
  // An argument is not of the form it must have. Nothing was sent.
  CALLIE_STATUS_INVALID_ARGUMENT = 4,
  // The server could not be reached, or the link broke.
  CALLIE_STATUS_UNREACHABLE = 5,
  // The server did not answer in time.
  CALLIE_STATUS_TIMED_OUT = 6,
  // The server said no; the error's code is the server's own.
  CALLIE_STATUS_REFUSED = 7,
  // The server's answer is not the protocol.
  CALLIE_STATUS_BAD_ANSWER = 8,
  // The client has ended.
  CALLIE_STATUS_CLOSED = 9,
  // A fault of this library, or of the system under it.
  CALLIE_STATUS_INTERNAL = 10,
  // Too many payloads wait for their outcome, or too many events to be taken.
  CALLIE_STATUS_QUEUE_FULL = 11,
  // The process was forked from one that had already used the library: it can only call `exec` or exit.
  CALLIE_STATUS_FORKED = 12,
} CallieStatus;

// The state of a client's connection.
typedef enum {
  // There is no such client, or the event is not about one.
  CALLIE_CONNECTION_STATE_NONE = 0,
  // Not connected, and not trying: it was not started yet, was suspended, or could not connect when asked to once.
  CALLIE_CONNECTION_STATE_SUSPENDED = 1,
  // Opening a connection or authenticating on it.
  CALLIE_CONNECTION_STATE_CONNECTING = 2,
  // Connected and authenticated.
  CALLIE_CONNECTION_STATE_ONLINE = 3,
  // Not connected; it tries again by itself.
  CALLIE_CONNECTION_STATE_WAITING = 4,
  // The client has ended.
  CALLIE_CONNECTION_STATE_CLOSED = 5,
} CallieConnectionState;

// How a send ended.
typedef enum {
  // It has not.
  CALLIE_OUTCOME_KIND_NONE = 0,
  // The recipient's client, or some of the group's, confirmed it: see the counts.
  CALLIE_OUTCOME_KIND_DELIVERED = 1,
  // The server took it; no confirmation was asked for.
  CALLIE_OUTCOME_KIND_SENT = 2,
  // The recipient is offline, or nobody in the group is online: it did not arrive.
  CALLIE_OUTCOME_KIND_OFFLINE = 3,
  // It did not arrive: see code and reason.
  CALLIE_OUTCOME_KIND_FAILED = 4,
  // It was sent and may or may not have arrived.
  CALLIE_OUTCOME_KIND_UNCONFIRMED = 5,
} CallieOutcomeKind;

// What an event is.
typedef enum {
  // There is no such event.
  CALLIE_EVENT_KIND_NONE = 0,
  // A chat message: `SENDER`, `RECIPIENT`, `TEXT`, `MESSAGE_ID`, `PAYLOAD_ID`, `METADATA`, and attachments.
  CALLIE_EVENT_KIND_MESSAGE = 1,
  // The sending of a message ended, once for each message: `MESSAGE_ID`, `callie_event_ticket`, `callie_event_outcome`.
  CALLIE_EVENT_KIND_ENDED = 2,
  // The state of the connection changed: `callie_event_state`, and while it waits `REASON`, `callie_event_retry_in_ms` and
  // `callie_event_close_code`.
  CALLIE_EVENT_KIND_CONNECTION_CHANGED = 3,
  // A notice of the server that is not the outcome of a send: `CODE`, `DESCRIPTION`, `METADATA`, and where it is about them
  // `IN_REPLY_TO`, `USERNAME`, `GROUP_ID`, `MESSAGE_ID`.
  CALLIE_EVENT_KIND_NOTICE = 4,
  // The author of a message replaced its text: `MESSAGE_ID`, `SENDER`, `RECIPIENT`, `TEXT`.
  CALLIE_EVENT_KIND_EDITED = 5,
  // A message was deleted: `MESSAGE_ID`, `SENDER`, `RECIPIENT`, `DELETED_BY`.
  CALLIE_EVENT_KIND_DELETED = 6,
  // A short-lived signal, such as a typing indicator: `SENDER`, `RECIPIENT`, `KIND`, `DATA`.
  CALLIE_EVENT_KIND_SIGNAL = 7,
  // A SYS or CMD of the server that this version does not know: `PAYLOAD`.
  CALLIE_EVENT_KIND_UNKNOWN = 8,
  // The server sent a text that is not a valid payload; it was ignored: `CODE`, `PATH`, `REASON`.
  CALLIE_EVENT_KIND_UNREADABLE = 9,
  // The last event, the client has ended: `CODE`, `REASON`, `callie_event_close_code`.
  CALLIE_EVENT_KIND_CLOSED = 10,
} CallieEventKind;

// What kind of file an attachment is.
typedef enum {
  // Any file.
  CALLIE_ATTACHMENT_KIND_FILE = 0,
  // An image.
  CALLIE_ATTACHMENT_KIND_IMAGE = 1,
  // A video.
  CALLIE_ATTACHMENT_KIND_VIDEO = 2,
} CallieAttachmentKind;

// A text of an event. Which of them an event has, `CallieEventKind` says.
typedef enum {
  // Who wrote a message.
  CALLIE_FIELD_SENDER = 0,
  // Where a message was sent: this user, a group's ID or `BROADCAST`.
  CALLIE_FIELD_RECIPIENT = 1,
  // A message's text, in Markdown. It may hold a NUL: ask for its length too.
  CALLIE_FIELD_TEXT = 2,
  // A message's ID: edits and deletions name it.
  CALLIE_FIELD_MESSAGE_ID = 3,
  // A payload's ID.
  CALLIE_FIELD_PAYLOAD_ID = 4,
  // The ID of the payload that a notice is about.
  CALLIE_FIELD_IN_REPLY_TO = 5,
  // For programs, such as `USER_JOINED`.
  CALLIE_FIELD_CODE = 6,
  // What a notice says, for people.
  CALLIE_FIELD_DESCRIPTION = 7,
  // What goes with a signal; JSON.
  CALLIE_FIELD_DATA = 8,
  // Extensions of a message's sender, or the members of a notice, a JSON object.
  CALLIE_FIELD_METADATA = 9,
  // The user that it is about.
  CALLIE_FIELD_USERNAME = 10,
  // The group that it is about.
  CALLIE_FIELD_GROUP_ID = 11,
  // Where a fault is, a JSON Pointer.
  CALLIE_FIELD_PATH = 12,
  // Why, for people.
  CALLIE_FIELD_REASON = 13,
  // What a signal is about, such as `typing`.
  CALLIE_FIELD_KIND = 14,
  // Who deleted a message.
  CALLIE_FIELD_DELETED_BY = 15,
  // A whole payload; JSON.
  CALLIE_FIELD_PAYLOAD = 16,
} CallieField;

// A text of an attachment. No number is also one of `CallieField`, so one that was taken for the other shows nothing.
typedef enum {
  // Where it stands.
  CALLIE_ATTACHMENT_FIELD_URL = 100,
  // Its name.
  CALLIE_ATTACHMENT_FIELD_FILENAME = 101,
  // Its MIME type.
  CALLIE_ATTACHMENT_FIELD_FILETYPE = 102,
  // All of its metadata, a JSON object.
  CALLIE_ATTACHMENT_FIELD_METADATA = 103,
} CallieAttachmentField;

// How much a line of the log matters.
typedef enum {
  // None at all.
  CALLIE_LOG_LEVEL_OFF = 0,
  // A fault of the application or of this library.
  CALLIE_LOG_LEVEL_ERROR = 1,
  // Something that should not be, and that the client copes with.
  CALLIE_LOG_LEVEL_WARN = 2,
  // Connections that come and go.
  CALLIE_LOG_LEVEL_INFO = 3,
  // What the client tries.
  CALLIE_LOG_LEVEL_DEBUG = 4,
  // Also the details of libraries below the client. The packaged library leaves them out.
  CALLIE_LOG_LEVEL_TRACE = 5,
} CallieLogLevel;

// A user's connection to a server, across reconnections. Free it with `callie_client_free`. It may be used by several
// threads at once.
typedef struct CallieClient CallieClient;

// A username and the token of a login on one server: what a client connects with. Free it with `callie_credentials_free`.
typedef struct CallieCredentials CallieCredentials;

// A batch of events. Free it with `callie_events_free`; texts that it showed are valid until then.
typedef struct CallieEvents CallieEvents;

// A server to register with and to log in to. Free it with `callie_server_free`.
typedef struct CallieServer CallieServer;

// How to reach and trust a server, and how long to wait for it. Set the defaults with `callie_config_init`, then change what
// should differ.
typedef struct {
  // The size of the struct: set by `callie_config_init`, so that a later version of the library can add fields.
  size_t size;
  // Limit for name resolution, the proxy, TCP and TLS together, in milliseconds. Default 15,000.
  uint32_t connect_timeout_ms;
  // Limit for one HTTP call, for the WebSocket upgrade, and for its authentication, in milliseconds. Default 30,000.
  uint32_t request_timeout_ms;
  // Limit for a message, ping or command, from the call to its outcome, connected or not, in milliseconds. Default 60,000.
  uint32_t send_timeout_ms;
  // How many payloads may wait for their outcome, at least 1; more are refused. Default 1,000.
  uint32_t max_waiting;
  // How many received events may wait to be taken, at least 1. While that many wait, nothing more is read. Default 1,024.
  uint32_t event_queue;
  // Whether the root certificates of Mozilla, which the library contains, are trusted. Default true.
  bool bundled_roots;
  // Whether a proxy that the environment names (`HTTPS_PROXY` and so on) is used. Default true.
  bool use_proxy;
  // Certificates of authorities that are trusted beside the other roots, a text of PEM blocks, or NULL.
  const char *extra_roots;
  // Where any are given, the verified path to the server must contain one of these keys: each the SHA-256 of its
  // SubjectPublicKeyInfo, as 64 hexadecimal digits. NULL for none.
  const char *const *pins;
  // How many pins there are, at most 1,024.
  size_t pin_count;
} CallieConfig;

// Traffic counters since the client was created.
typedef struct {
  // Times it came online.
  uint64_t connects;
  // Times it came online after the first time.
  uint64_t reconnects;
  // Payloads written.
  uint64_t payloads_sent;
  // Payloads read.
  uint64_t payloads_received;
  // Messages accepted for sending.
  uint64_t messages_sent;
  // Messages delivered to the application.
  uint64_t messages_received;
  // Messages that arrived a second time and were discarded.
  uint64_t duplicates;
  // Messages, pings and commands that wait for their outcome now.
  uint64_t waiting;
  // Bytes of payloads written.
  uint64_t bytes_sent;
  // Bytes of payloads read.
  uint64_t bytes_received;
} CallieStats;

// The limits of a server.
typedef struct {
  // The largest payload, in bytes.
  uint64_t max_payload_bytes;
  // The longest text of a message, in bytes of UTF-8.
  uint64_t max_text_bytes;
  // The most attachments of one message.
  uint64_t max_attachments;
  // The most members of one group.
  uint64_t max_group_members;
  // Payloads a user may send in a second, on average. The client keeps to it by itself.
  uint32_t messages_per_second;
  // Payloads a user may send at once.
  uint32_t burst;
  // Messages to `BROADCAST` a user may send in a minute, on average. The client keeps to it by itself.
  uint32_t broadcasts_per_minute;
  // Messages to `BROADCAST` a user may send at once.
  uint32_t broadcast_burst;
} CallieLimits;

// How one message is sent. Set the defaults with `callie_send_options_init`, then change what should differ.
typedef struct {
  // The size of the struct: set by `callie_send_options_init`, so that a later version of the library can add fields.
  size_t size;
  // Whether to ask the recipient's client for a confirmation. Broadcasts are never confirmed. Default true.
  bool confirm;
  // Extensions, a JSON object, or NULL.
  const char *metadata;
  // Limit from the call to the outcome, in milliseconds; 0 for the `send_timeout_ms` of the configuration.
  uint32_t timeout_ms;
} CallieSendOptions;

// A file to go with a message, by its URL: servers of Callie neither take nor give files. What is 0 or NULL stands for the
// default; only `url` must be given.
typedef struct {
  // One of `CallieAttachmentKind`: `CALLIE_ATTACHMENT_KIND_FILE`.
  uint32_t kind;
  // Where it stands; http or https.
  const char *url;
  // Its name, or NULL.
  const char *filename;
  // Its MIME type, such as `image/png`, or NULL.
  const char *filetype;
  // Its size in bytes; 0 and `CALLIE_SIZE_UNKNOWN` tell none. A file of 0 bytes says so in `metadata`: `{"size":0}`.
  int64_t size;
  // More metadata as a JSON object, or NULL. The three fields above replace its members of the same names.
  const char *metadata;
} CallieAttachment;

// A message that was accepted for sending.
typedef struct {
  // Identifies it in `callie_client_wait` and in the event with its outcome.
  uint64_t ticket;
  // Its ID, a text that ends in NUL: edits and deletions name it.
  char message_id[CALLIE_ID_SIZE];
} CallieSent;

// The outcome of a send. Its texts end in NUL.
typedef struct {
  // How.
  CallieOutcomeKind kind;
  // How many confirmed it; `CALLIE_COUNT_UNKNOWN` where the server's answer was lost with a connection.
  uint64_t confirmed;
  // How many were sent it and did not, or `CALLIE_COUNT_UNKNOWN`.
  uint64_t unconfirmed;
  // How many were offline, or `CALLIE_COUNT_UNKNOWN`.
  uint64_t offline;
  // Why it failed, for programs: the server's code, such as `RECIPIENT_UNKNOWN`, else `EXPIRED` or `DISCONNECTED`.
  char code[CALLIE_CODE_SIZE];
  // Why it failed, for people.
  char reason[CALLIE_REASON_SIZE];
  // Where in the payload the fault is, a JSON Pointer; empty where it is nowhere in particular.
  char path[CALLIE_PATH_SIZE];
} CallieSendOutcome;

// Takes the next events, in order; called from one thread that may block, never twice at once. The batch is freed when it
// returns. After the batch whose last event is of the kind `CALLIE_EVENT_KIND_CLOSED` it is not called again, and neither after
// `callie_client_free` has returned: then `user_data` can be freed.
//
// It may call every function on the client. `callie_client_free` does not wait in it: the call in progress is the last.
typedef void (*CallieListener)(CallieEvents *events, void *user_data);

// Writes a live token of the same user to `token`, which has room for `size` bytes, ends it in NUL and returns true; or
// returns false, which ends the client. `reason_code` is the server's code, such as `SESSION_EXPIRED`. Called from a thread that
// may block, once for each refusal; the client waits for it for at most the `request_timeout_ms` of the configuration.
//
// After `callie_client_free` or another `callie_client_set_token_source` has returned it is not called again, and no call is in
// progress: then `user_data` can be freed. In the callback itself these do not wait: the call in progress is the last.
typedef bool (*CallieTokenSource)(const char *username,
                                  const char *reason_code,
                                  char *token,
                                  size_t size,
                                  void *user_data);

// Takes one line of the log; `level` is one of `CallieLogLevel`. It holds no token and no text of a message. Called from one
// thread.
//
// After another `callie_set_logger` has returned it is not called again, and no call is in progress: then `user_data` can be
// freed. In the callback itself `callie_set_logger` does not wait: the call in progress is the last.
typedef void (*CallieLogSink)(uint32_t level, const char *target, const char *line, void *user_data);

// The first fault of a text; texts end in NUL.
typedef struct {
  // For programs, such as `MISSING_FIELD`; empty where the text is a valid payload.
  char code[CALLIE_CODE_SIZE];
  // For people; a longer one is cut.
  char reason[CALLIE_REASON_SIZE];
  // Where: a JSON Pointer from the payload's root.
  char path[CALLIE_PATH_SIZE];
} CalliePayloadFault;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The stable code of the calling thread's last error, such as `USERNAME_TAKEN`; `""` before the first.
//
// Valid until the next call of this library on the same thread that does not work.
const char *callie_last_error_code(void);

// What went wrong on the calling thread last, for people; `""` before the first error.
//
// Valid until the next call of this library on the same thread that does not work.
const char *callie_last_error_reason(void);

// Frees a text that this library gave with the words "the caller frees it". NULL is nothing to free.
CallieStatus callie_string_free(char *string);

// The version of this library, such as `0.1.0`. It stays valid.
const char *callie_version(void);

// Sets the defaults. `size` is `sizeof(CallieConfig)`.
CallieStatus callie_config_init(CallieConfig *config, size_t size);

// The server at `url`: `https://` for TLS, `http://` without. Nothing is sent yet.
//
// `config` may be NULL for the defaults. It applies to everything that comes of this server.
CallieStatus callie_server_new(const char *url, const CallieConfig *config, CallieServer **server);

// Registers a new user. Refused with `USERNAME_TAKEN`, `INVALID_USERNAME`, `WEAK_PASSWORD` or `REGISTRATION_CLOSED`, among others.
CallieStatus callie_server_register(CallieServer *server,
                                    const char *username,
                                    const char *password);

// Logs a user in. `device` is the name of the login session in the user's list of sessions; it may be NULL.
//
// Refused with `INVALID_CREDENTIALS`, `BANNED` or `RATE_LIMITED`, among others.
CallieStatus callie_server_login(CallieServer *server,
                                 const char *username,
                                 const char *password,
                                 const char *device,
                                 CallieCredentials **credentials);

// Logs a user in, and registers the user first if there is none.
CallieStatus callie_server_register_and_login(CallieServer *server,
                                              const char *username,
                                              const char *password,
                                              const char *device,
                                              CallieCredentials **credentials);

// Ends the login session: its connections close and its token becomes invalid. The handle still has to be freed.
CallieStatus callie_server_logout(CallieServer *server,
                                  CallieCredentials *credentials);

// Changes the user's password and ends the user's other login sessions.
CallieStatus callie_server_change_password(CallieServer *server,
                                           CallieCredentials *credentials,
                                           const char *old_password,
                                           const char *new_password);

// All login sessions of the user, the newest first: a JSON array of objects as in the answer of the HTTP call. The caller
// frees it.
CallieStatus callie_server_sessions(CallieServer *server,
                                    CallieCredentials *credentials,
                                    char **sessions);

// Ends one of the user's login sessions, by its ID.
CallieStatus callie_server_revoke_session(CallieServer *server,
                                          CallieCredentials *credentials,
                                          const char *session_id);

// Frees a server's handle. What came of it lives on. NULL is nothing to free.
CallieStatus callie_server_free(CallieServer *server);

// The credentials of an earlier login, by the token that `callie_credentials_token` gave. Whether the token is still valid shows
// when connecting.
CallieStatus callie_credentials_new(CallieServer *server,
                                    const char *username,
                                    const char *token,
                                    CallieCredentials **credentials);

// The token, to keep in a safe place: whoever has it is the user. The caller frees it.
CallieStatus callie_credentials_token(CallieCredentials *credentials, char **token);

// Frees the handle of credentials; the login session continues. NULL is nothing to free.
CallieStatus callie_credentials_free(CallieCredentials *credentials);

// A client that is not connected yet. The handle of the credentials may be freed afterwards.
//
// It lives until `callie_client_disconnect`, or until the server refuses it and no new token could be had; then an event of
// the kind `CALLIE_EVENT_KIND_CLOSED` is told, and a new client is to be made.
CallieStatus callie_client_new(CallieCredentials *credentials,
                               CallieClient **client);

// Connects, and keeps connecting after every loss until `callie_client_disconnect` or a refusal. It does not wait: events
// tell how it goes. On a client that has ended it fails with `CALLIE_STATUS_CLOSED`.
CallieStatus callie_client_start(CallieClient *client);

// Connects once, and waits for it; from then on as after `callie_client_start`.
//
// If it does not work the client is as it was before, but for a refusal by the server, such as `AUTH_FAILED`, which ends it.
CallieStatus callie_client_connect(CallieClient *client);

// Closes the connection for a while, as for an app that goes to the background. What waits goes on waiting.
// On a client that has ended it fails with `CALLIE_STATUS_CLOSED`.
CallieStatus callie_client_suspend(CallieClient *client);

// Connects again after `callie_client_suspend` or a `callie_client_connect` that did not work. On a client that has ended it
// fails with `CALLIE_STATUS_CLOSED`.
CallieStatus callie_client_resume(CallieClient *client);

// The network is another: what waits for the next attempt tries at once, what is connected makes sure that it is.
// A client that has ended ignores it.
CallieStatus callie_client_network_changed(CallieClient *client);

// The state of the client's connection.
CallieConnectionState callie_client_state(CallieClient *client);

// The user whose client it is. The caller frees the name.
CallieStatus callie_client_username(CallieClient *client, char **username);

// Ends the client: writes what was handed to the connection and says goodbye, in at most a few seconds. What waits is over.
// What has arrived can still be taken. The handle still has to be freed.
CallieStatus callie_client_disconnect(CallieClient *client);

// Frees a client's handle and ends the client: it says goodbye in the background, and calls that wait for its events return at
// once, with `CALLIE_STATUS_CLOSED` where there is nothing left to take. Events that were not taken are lost, and the messages among
// them are not confirmed.
//
// Returns after the last call of its listener and of its token source, unless it is called inside it: then that call is the last.
// NULL is nothing to free.
CallieStatus callie_client_free(CallieClient *client);

// The client's counters.
CallieStatus callie_client_stats(CallieClient *client, CallieStats *stats);

// What the server allows; the protocol's defaults before the first connection.
CallieStatus callie_client_limits(CallieClient *client, CallieLimits *limits);

// Sets the defaults. `size` is `sizeof(CallieSendOptions)`.
CallieStatus callie_send_options_init(CallieSendOptions *options, size_t size);

// Sends a text in Markdown, with `attachment_count` attachments. The recipient is a username, a group's ID or `BROADCAST`.
//
// It is taken at once, connected or not; `callie_client_wait` and an event of the kind `CALLIE_EVENT_KIND_ENDED` report
// its outcome. `attachments` may be NULL where there are none, `options` for the defaults, `sent` where nobody asks.
CallieStatus callie_client_send(CallieClient *client,
                                const char *recipient,
                                const char *message,
                                const CallieAttachment *attachments,
                                size_t attachment_count,
                                const CallieSendOptions *options,
                                CallieSent *sent);

// Waits at most `timeout_ms` milliseconds for the outcome of a message, by the ticket in its `CallieSent`.
//
// `CALLIE_STATUS_TIMED_OUT` says that it has none yet. An outcome can be asked for again, until 4,096 later messages were
// sent; after that, and for what is no ticket, it is `CALLIE_STATUS_INVALID_ARGUMENT`.
CallieStatus callie_client_wait(CallieClient *client,
                                uint64_t ticket,
                                uint32_t timeout_ms,
                                CallieSendOutcome *outcome);

// Pings the server (`SERVER`) or a user. `round_trip_us` receives the time until the answer, in microseconds; it may be NULL.
//
// Refused with `RECIPIENT_OFFLINE` or `RECIPIENT_UNKNOWN` when the user is not there.
CallieStatus callie_client_ping(CallieClient *client,
                                const char *recipient,
                                uint64_t *round_trip_us);

// Carries out a command by name, such as `LIST_GROUPS`. Parameters and result are JSON objects; the caller frees the result.
//
// Refused with the server's code, such as `FORBIDDEN` or `INVALID_PARAMETERS`.
CallieStatus callie_client_command(CallieClient *client,
                                   const char *name,
                                   const char *parameters,
                                   char **result);

// Creates a group whose owner is the caller.
//
// Either every user in `members` joins or no group is created. Duplicate names and the caller's own are
// merged. `FORBIDDEN` if a user does not accept direct messages from the caller.
//
// - `name`: The group's name: 1 to 64 characters, no control characters.
// - `members`: The usernames of the initial members besides the caller.
// - `visibility`: Who can find and join the group; private unless given.
//
// Each of `members` and `visibility` may be NULL. The result is `{groupID, name, visibility, members}`; the
// caller frees it. `CALLIE_STATUS_REFUSED` with the code `USER_NOT_FOUND`, `FORBIDDEN` or `LIMIT_REACHED` if
// the server refuses.
CallieStatus callie_client_create_group(CallieClient *client,
                                        const char *name,
                                        const char *const *members,
                                        size_t member_count,
                                        const char *visibility,
                                        char **result);

// Joins a public group.
//
// - `group_id`: The group's ID.
//
// `CALLIE_STATUS_REFUSED` with the code `GROUP_NOT_FOUND`, `CONFLICT` or `LIMIT_REACHED` if the server
// refuses.
CallieStatus callie_client_join_group(CallieClient *client, const char *group_id);

// Leaves a group.
//
// An owner who leaves is succeeded by the longest-standing admin, or by the longest-standing member if there
// is no admin. The group is deleted when its last member leaves. Requires membership in the group.
//
// - `group_id`: The group's ID.
//
// `CALLIE_STATUS_REFUSED` with the code `GROUP_NOT_FOUND` or `NOT_A_MEMBER` if the server refuses.
CallieStatus callie_client_leave_group(CallieClient *client, const char *group_id);

// Adds a user to a group.
//
// Requires the role of admin or owner in the group.
//
// - `group_id`: The group's ID.
// - `username`: The user to add.
//
// `CALLIE_STATUS_REFUSED` with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN`, `USER_NOT_FOUND`,
// `CONFLICT` or `LIMIT_REACHED` if the server refuses.
CallieStatus callie_client_add_member(CallieClient *client, const char *group_id, const char *username);

// Removes a user from a group.
//
// Only the owner can remove an admin, and nobody can remove the owner. Requires the role of admin or owner
// in the group.
//
// - `group_id`: The group's ID.
// - `username`: The member to remove.
//
// `CALLIE_STATUS_REFUSED` with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN` or `USER_NOT_FOUND`
// if the server refuses.
CallieStatus callie_client_remove_member(CallieClient *client, const char *group_id, const char *username);

// Changes the role of another member.
//
// A group has one owner: making a member the owner makes the caller an admin. Requires the role of owner in
// the group.
//
// - `group_id`: The group's ID.
// - `username`: The member.
// - `role`: The new role.
//
// `CALLIE_STATUS_REFUSED` with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN` or `USER_NOT_FOUND`
// if the server refuses.
CallieStatus callie_client_set_role(CallieClient *client,
                                    const char *group_id,
                                    const char *username,
                                    const char *role);

// Renames a group.
//
// Requires the role of admin or owner in the group.
//
// - `group_id`: The group's ID.
// - `name`: The new name: 1 to 64 characters, no control characters.
//
// `CALLIE_STATUS_REFUSED` with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER` or `FORBIDDEN` if the server
// refuses.
CallieStatus callie_client_rename_group(CallieClient *client, const char *group_id, const char *name);

// Deletes a group.
//
// Requires the role of owner in the group.
//
// - `group_id`: The group's ID.
//
// `CALLIE_STATUS_REFUSED` with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER` or `FORBIDDEN` if the server
// refuses.
CallieStatus callie_client_delete_group(CallieClient *client, const char *group_id);

// Returns one page of the groups that the caller is a member of.
//
// - `limit`: The maximum number of groups in the page, 1 to 200; 100 unless given.
// - `after`: The `next` of the previous page; the first page unless given.
//
// `after` may be NULL. A `limit` of 0 stands for 100. The result is `{groups: [{groupID, name, role?,
// memberCount}], next?}`; the caller frees it.
CallieStatus callie_client_list_groups(CallieClient *client,
                                       uint16_t limit,
                                       const char *after,
                                       char **result);

// Returns one page of the public groups, without the caller's roles.
//
// - `limit`: The maximum number of groups in the page, 1 to 200; 100 unless given.
// - `after`: The `next` of the previous page; the first page unless given.
//
// `after` may be NULL. A `limit` of 0 stands for 100. The result is `{groups: [{groupID, name, role?,
// memberCount}], next?}`; the caller frees it.
CallieStatus callie_client_list_public_groups(CallieClient *client,
                                              uint16_t limit,
                                              const char *after,
                                              char **result);

// Returns a group with one page of its members.
//
// Requires membership in the group.
//
// - `group_id`: The group's ID.
// - `limit`: The maximum number of members in the page, 1 to 200; 100 unless given.
// - `after`: The `next` of the previous page; the first page unless given.
//
// `after` may be NULL. A `limit` of 0 stands for 100. The result is `{groupID, name, visibility,
// memberCount, members: [{username, role, online}], next?}`; the caller frees it. `CALLIE_STATUS_REFUSED`
// with the code `GROUP_NOT_FOUND` or `NOT_A_MEMBER` if the server refuses.
CallieStatus callie_client_get_group(CallieClient *client,
                                     const char *group_id,
                                     uint16_t limit,
                                     const char *after,
                                     char **result);

// Tells everyone who may have received a message to delete it.
//
// Requires authorship of the message or, in a group, the role of admin or owner.
//
// - `recipient`: The username or group ID that the message was sent to.
// - `message_id`: The message's ID.
// - `sender`: The author of the message; the caller unless given.
//
// `sender` may be NULL. `CALLIE_STATUS_REFUSED` with the code `FORBIDDEN`, `RECIPIENT_OFFLINE`,
// `RECIPIENT_UNKNOWN` or `NOT_A_MEMBER` if the server refuses.
CallieStatus callie_client_delete_message(CallieClient *client,
                                          const char *recipient,
                                          const char *message_id,
                                          const char *sender);

// Replaces the text of one of the caller's messages for everyone who may have received it.
//
// Requires authorship of the message.
//
// - `recipient`: The username or group ID that the message was sent to.
// - `message_id`: The message's ID.
// - `text`: The new text, in Markdown; not empty, and within the server's limit for messages.
//
// `CALLIE_STATUS_REFUSED` with the code `FORBIDDEN`, `RECIPIENT_OFFLINE`, `RECIPIENT_UNKNOWN` or
// `NOT_A_MEMBER` if the server refuses.
CallieStatus callie_client_edit_message(CallieClient *client,
                                        const char *recipient,
                                        const char *message_id,
                                        const char *text);

// Sends a short-lived signal, such as a typing indicator.
//
// Delivery is neither guaranteed nor reported. A refusal arrives as a notice with the code
// `RECIPIENT_UNKNOWN`, `NOT_A_MEMBER` or `FORBIDDEN`.
//
// - `recipient`: The username or group ID of the receiver.
// - `kind`: `typing`, `read`, or another name of 1 to 32 lower-case letters and underscores.
// - `data`: Any JSON value of at most 1,024 bytes.
//
// `data` may be NULL.
CallieStatus callie_client_signal(CallieClient *client,
                                  const char *recipient,
                                  const char *kind,
                                  const char *data);

// Returns which of the given users are online.
//
// Users that do not exist or that hide their presence from the caller are reported offline.
//
// - `usernames`: The usernames, 1 to 256.
//
// The result is `{presence: {username: "online"|"offline"}}`; the caller frees it.
CallieStatus callie_client_get_presence(CallieClient *client,
                                        const char *const *usernames,
                                        size_t username_count,
                                        char **result);

// Returns which of the given users are online, and subscribes to changes until the connection ends.
//
// Each change arrives as a `USER_JOINED` or `USER_LEFT` notice without a group.
//
// - `usernames`: The usernames, 1 to 256.
//
// The result is `{presence: {username: "online"|"offline"}}`; the caller frees it. `CALLIE_STATUS_REFUSED`
// with the code `LIMIT_REACHED` if the server refuses.
CallieStatus callie_client_subscribe_presence(CallieClient *client,
                                              const char *const *usernames,
                                              size_t username_count,
                                              char **result);

// Cancels presence subscriptions.
//
// - `usernames`: The usernames, 1 to 256.
CallieStatus callie_client_unsubscribe_presence(CallieClient *client,
                                                const char *const *usernames,
                                                size_t username_count);

// Returns a user's public profile.
//
// - `username`: The user.
//
// The result is `{username, displayName}`; the caller frees it. `CALLIE_STATUS_REFUSED` with the code
// `USER_NOT_FOUND` if the server refuses.
CallieStatus callie_client_get_profile(CallieClient *client, const char *username, char **result);

// Returns the caller's settings.
//
// The result is `{displayName, presence, directMessages}`; the caller frees it.
CallieStatus callie_client_get_settings(CallieClient *client, char **result);

// Changes the given settings of the caller, and returns all of them.
//
// - `display_name`: The caller's display name: at most 64 characters, no control characters; empty for none.
// - `presence`: Who can see whether the caller is online.
// - `direct_messages`: Who can send the caller direct messages.
//
// Each of `display_name`, `presence` and `direct_messages` may be NULL. The result is `{displayName,
// presence, directMessages}`; the caller frees it.
CallieStatus callie_client_update_settings(CallieClient *client,
                                           const char *display_name,
                                           const char *presence,
                                           const char *direct_messages,
                                           char **result);

// Blocks a user: stops direct messages and presence in both directions.
//
// Messages in groups and broadcasts are not affected.
//
// - `username`: The user to block.
//
// `CALLIE_STATUS_REFUSED` with the code `USER_NOT_FOUND` if the server refuses.
CallieStatus callie_client_block_user(CallieClient *client, const char *username);

// Unblocks a user, who may then message the caller again.
//
// - `username`: The user to unblock.
//
// `CALLIE_STATUS_REFUSED` with the code `USER_NOT_FOUND` if the server refuses.
CallieStatus callie_client_unblock_user(CallieClient *client, const char *username);

// Returns one page of the users that the caller has blocked.
//
// - `limit`: The maximum number of users in the page, 1 to 200; 100 unless given.
// - `after`: The `next` of the previous page; the first page unless given.
//
// `after` may be NULL. A `limit` of 0 stands for 100. The result is `{blocked: [username], next?}`; the
// caller frees it.
CallieStatus callie_client_list_blocked(CallieClient *client,
                                        uint16_t limit,
                                        const char *after,
                                        char **result);

// Returns the caller's sessions, newest first.
//
// The result is `{sessions: [{sessionID, device, createdAt, lastSeenAt, expiresAt, current}]}`; the caller
// frees it.
CallieStatus callie_client_list_sessions(CallieClient *client, char **result);

// Revokes one of the caller's sessions and closes its connections.
//
// - `session_id`: The session's ID.
//
// `CALLIE_STATUS_REFUSED` with the code `SESSION_NOT_FOUND` if the server refuses.
CallieStatus callie_client_revoke_session(CallieClient *client, const char *session_id);

// Closes a user's connections.
//
// Requires the rights of a server administrator.
//
// - `username`: The user to disconnect.
// - `reason`: The reason to show to the user: 1 to 256 characters, no control characters.
//
// `reason` may be NULL. `CALLIE_STATUS_REFUSED` with the code `FORBIDDEN` or `USER_NOT_FOUND` if the server
// refuses.
CallieStatus callie_client_kick_user(CallieClient *client, const char *username, const char *reason);

// Bans a user: revokes all of the user's sessions and rejects logins.
//
// Requires the rights of a server administrator.
//
// - `username`: The user to ban.
// - `reason`: The reason to show to the user: 1 to 256 characters, no control characters.
// - `until`: When the ban ends, before the year 10000; never unless given.
//
// Each of `reason` and `until` may be NULL. A time is a text such as `2030-01-02T03:04:05.678Z`.
// `CALLIE_STATUS_REFUSED` with the code `FORBIDDEN` or `USER_NOT_FOUND` if the server refuses.
CallieStatus callie_client_ban_user(CallieClient *client,
                                    const char *username,
                                    const char *reason,
                                    const char *until);

// Lifts a ban.
//
// Requires the rights of a server administrator.
//
// - `username`: The user.
//
// `CALLIE_STATUS_REFUSED` with the code `FORBIDDEN` or `USER_NOT_FOUND` if the server refuses.
CallieStatus callie_client_unban_user(CallieClient *client, const char *username);

// Sends an `ANNOUNCEMENT` notice to every online user.
//
// Requires the rights of a server administrator.
//
// - `text`: The text; not empty, and within the server's limit for messages.
//
// `CALLIE_STATUS_REFUSED` with the code `FORBIDDEN` if the server refuses.
CallieStatus callie_client_announce(CallieClient *client, const char *text);

// Returns the server's counters.
//
// Requires the rights of a server administrator.
//
// The result is `{uptimeSeconds, connections, usersOnline, payloadsReceived, payloadsSent}`; the caller
// frees it. `CALLIE_STATUS_REFUSED` with the code `FORBIDDEN` if the server refuses.
CallieStatus callie_client_server_stats(CallieClient *client, char **result);

// How many events the batch holds; 0 for what is no batch.
size_t callie_events_count(const CallieEvents *events);

// What the event at `index` is.
CallieEventKind callie_event_kind(const CallieEvents *events, size_t index);

// A text of the event at `index`, by one of `CallieField`; NULL where it has none. Valid until the batch is freed.
//
// It ends in NUL. `length` says how many bytes stand before that; it may be NULL.
const char *callie_event_string(const CallieEvents *events,
                                size_t index,
                                uint32_t field,
                                size_t *length);

// When the event at `index` was sent, as its sender claims, in milliseconds since 1970 (UTC); 0 where it has no time.
int64_t callie_event_sent_at_ms(const CallieEvents *events,
                                size_t index);

// The ticket's number of an event of the kind `CALLIE_EVENT_KIND_ENDED`, as `callie_client_send` gave it; 0 for other kinds.
uint64_t callie_event_ticket(const CallieEvents *events,
                             size_t index);

// The outcome in an event of the kind `CALLIE_EVENT_KIND_ENDED`.
CallieStatus callie_event_outcome(const CallieEvents *events, size_t index, CallieSendOutcome *outcome);

// The state of the connection since an event of the kind `CALLIE_EVENT_KIND_CONNECTION_CHANGED` or `CALLIE_EVENT_KIND_CLOSED`.
CallieConnectionState callie_event_state(const CallieEvents *events,
                                         size_t index);

// After how many milliseconds the client tries again, in an event that tells that it waits; 0 for others.
uint64_t callie_event_retry_in_ms(const CallieEvents *events, size_t index);

// The WebSocket close code of an event that tells that the client waits or has ended: 1000 when the application asked for it,
// 1006 when the link was lost without a close or never open; 0 for other kinds.
uint16_t callie_event_close_code(const CallieEvents *events,
                                 size_t index);

// How many attachments the event at `index` has.
size_t callie_event_attachment_count(const CallieEvents *events, size_t index);

// What kind of file an attachment is; `CALLIE_ATTACHMENT_KIND_FILE` where there is none.
CallieAttachmentKind callie_event_attachment_kind(const CallieEvents *events,
                                                  size_t index,
                                                  size_t attachment);

// An attachment's size in bytes, as its sender says; `CALLIE_SIZE_UNKNOWN` where it is not told.
int64_t callie_event_attachment_size(const CallieEvents *events, size_t index, size_t attachment);

// A text of an attachment, by one of `CallieAttachmentField`; NULL where it has none. Valid until the batch is freed.
//
// It ends in NUL. `length` says how many bytes stand before that; it may be NULL.
const char *callie_event_attachment_string(const CallieEvents *events,
                                           size_t index,
                                           size_t attachment,
                                           uint32_t field,
                                           size_t *length);

// Frees a batch and every text that it showed. NULL is nothing to free.
CallieStatus callie_events_free(CallieEvents *events);

// Takes up to `max` events, waiting at most `timeout_ms` milliseconds for the first. Free the batch with `callie_events_free`.
//
// The batch is empty when nothing came. The last event is of the kind `CALLIE_EVENT_KIND_CLOSED`; after it the call returns
// `CALLIE_STATUS_CLOSED`.
CallieStatus callie_client_next_events(CallieClient *client,
                                       size_t max,
                                       uint32_t timeout_ms,
                                       CallieEvents **events);

// A file descriptor that can be read from while events wait, to be polled by the program's own event loop. It belongs to the
// client, which closes it when it is freed: it is not to be read from or closed.
CallieStatus callie_client_fd(CallieClient *client,
                              int *fd);

// The value at a JSON Pointer (RFC 6901) in a JSON text, such as `/groupID` or `/groups/0/name`: of a string its text,
// of any other value its JSON as it stands there. The caller frees it.
//
// `value` is NULL where the pointer leads nowhere, which is no error: a loop over `/groups/0`, `/groups/1` and so on
// ends there. `CALLIE_STATUS_INVALID_ARGUMENT` says that `json` is not JSON, that `pointer` is neither empty nor
// starts with `/`, or that the string holds a NUL.
CallieStatus callie_json_get(const char *json,
                             const char *pointer,
                             char **value);

// Hands all events to `callback` from now on, in batches, from a thread made for it. A client has one listener at most:
// another, and `callie_client_next_events` beside it, is `CALLIE_STATUS_INVALID_ARGUMENT`.
CallieStatus callie_client_listen(CallieClient *client,
                                  CallieListener callback,
                                  void *user_data);

// Where a new token comes from when the server has ended the session, in place of any source before; NULL for nowhere, which
// ends the client then. Returns after the last call of the source before.
CallieStatus callie_client_set_token_source(CallieClient *client,
                                            CallieTokenSource source,
                                            void *user_data);

// Hands what the library logs, up to `level` (one of `CallieLogLevel`), to `sink` from now on, in place of any before; NULL
// for nobody. Returns after the last call of the sink before.
CallieStatus callie_set_logger(uint32_t level,
                               CallieLogSink sink,
                               void *user_data);

// What is wrong with a text of `length` bytes that a client would send to a server with the protocol's default limits.
CallieStatus callie_check_payload(const char *payload,
                                  size_t length,
                                  CalliePayloadFault *fault);

// What is wrong with a text of `length` bytes that a server would send to a client.
CallieStatus callie_check_server_payload(const char *payload, size_t length, CalliePayloadFault *fault);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CALLIE_H */
