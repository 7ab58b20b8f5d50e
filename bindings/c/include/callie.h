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
 *       of a store          callie_client_free has returned, or callie_client_new_with_store has failed
 *       of a log sink       another callie_set_logger has returned
 *
 *   These functions wait for a call that is in progress, so the thread must not hold a lock that the callback acquires.
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

// The size of a reason with its NUL; a longer reason is truncated.
#define CALLIE_REASON_SIZE 256

// The size of a path with its NUL.
#define CALLIE_PATH_SIZE 513

// The value of an unknown count.
#define CALLIE_COUNT_UNKNOWN UINT64_MAX

// The size of an identifier with its NUL.
#define CALLIE_ID_SIZE 129

// The size of the longest token with its NUL.
#define CALLIE_TOKEN_SIZE 513

// The result of a call. If it is not `CALLIE_STATUS_OK`, `callie_last_error_code` and `callie_last_error_reason` give
// details.
typedef enum {
  // Success.
  CALLIE_STATUS_OK = 0,
  // A required argument is NULL.
  CALLIE_STATUS_NULL_ARGUMENT = 1,
  // A handle was freed already, or is invalid.
  CALLIE_STATUS_INVALID_HANDLE = 2,
  // A text is not UTF-8.
  CALLIE_STATUS_INVALID_UTF8 = 3,
  // An argument is malformed. Nothing was sent.
  CALLIE_STATUS_INVALID_ARGUMENT = 4,
  // The server could not be reached, or the connection broke.
  CALLIE_STATUS_UNREACHABLE = 5,
  // The server did not answer in time.
  CALLIE_STATUS_TIMED_OUT = 6,
  // The server refused the request; the error's code is the server's.
  CALLIE_STATUS_REFUSED = 7,
  // The server's answer violates the protocol.
  CALLIE_STATUS_BAD_ANSWER = 8,
  // The client has ended.
  CALLIE_STATUS_CLOSED = 9,
  // A fault of this library or of the operating system.
  CALLIE_STATUS_INTERNAL = 10,
  // Too many payloads wait for their outcome, or too many events wait to be taken.
  CALLIE_STATUS_QUEUE_FULL = 11,
  // The process was forked from one that had already used the library: it can only call `exec` or exit.
  CALLIE_STATUS_FORKED = 12,
  // The state that the client keeps beyond its process cannot be read or written; the error's code begins with
  // `STATE_`.
  CALLIE_STATUS_STATE = 13,
} CallieStatus;

// The state of a client's connection.
typedef enum {
  // There is no such client, or the event is not about a state.
  CALLIE_CONNECTION_STATE_NONE = 0,
  // Not connected and not trying to: the client was not started yet, is suspended, or a single attempt failed.
  CALLIE_CONNECTION_STATE_SUSPENDED = 1,
  // Opening a connection or authenticating.
  CALLIE_CONNECTION_STATE_CONNECTING = 2,
  // Connected and authenticated.
  CALLIE_CONNECTION_STATE_ONLINE = 3,
  // Not connected. The client connects again after a delay.
  CALLIE_CONNECTION_STATE_WAITING = 4,
  // The client has ended.
  CALLIE_CONNECTION_STATE_CLOSED = 5,
} CallieConnectionState;

// The kind of an outcome.
typedef enum {
  // No outcome yet.
  CALLIE_OUTCOME_KIND_NONE = 0,
  // Confirmed by the recipient's client, or by at least one member of the group: see the counts.
  CALLIE_OUTCOME_KIND_DELIVERED = 1,
  // Accepted by the server; no confirmation was requested.
  CALLIE_OUTCOME_KIND_SENT = 2,
  // Not delivered: the recipient, or every other member of the group, is offline.
  CALLIE_OUTCOME_KIND_OFFLINE = 3,
  // Not delivered: see code and reason.
  CALLIE_OUTCOME_KIND_FAILED = 4,
  // Sent, but it is not known whether it was delivered.
  CALLIE_OUTCOME_KIND_UNCONFIRMED = 5,
  // Kept by the server, because the recipient, or every other member of the group, is offline. It is delivered later, if
  // the recipient takes messages from this user; a `DELIVERED_LATE` event reports that.
  CALLIE_OUTCOME_KIND_STORED = 6,
  // No outcome yet: the client has ended, and its state keeps the message. The next client with this state continues
  // with it, and reports its outcome.
  CALLIE_OUTCOME_KIND_PENDING = 7,
} CallieOutcomeKind;

// The kind of an event.
typedef enum {
  // There is no such event.
  CALLIE_EVENT_KIND_NONE = 0,
  // A chat message: `SENDER`, `RECIPIENT`, `TEXT`, `MESSAGE_ID`, `PAYLOAD_ID`, `METADATA`, and attachments.
  CALLIE_EVENT_KIND_MESSAGE = 1,
  // The outcome of a message, once for each message: `MESSAGE_ID`, `callie_event_ticket`, `callie_event_outcome`.
  CALLIE_EVENT_KIND_ENDED = 2,
  // The state of the connection changed: `callie_event_state`, while it is online `callie_event_resumed`, and while it
  // waits `REASON`, `callie_event_retry_in_ms` and `callie_event_close_code`.
  CALLIE_EVENT_KIND_CONNECTION_CHANGED = 3,
  // A notice of the server that is not the outcome of a message: `CODE`, `DESCRIPTION`, `METADATA`, and where it is
  // about them
  // `IN_REPLY_TO`, `USERNAME`, `GROUP_ID`, `MESSAGE_ID`.
  CALLIE_EVENT_KIND_NOTICE = 4,
  // The author of a message replaced its text: `MESSAGE_ID`, `SENDER`, `RECIPIENT`, `TEXT`.
  CALLIE_EVENT_KIND_EDITED = 5,
  // A message was deleted: `MESSAGE_ID`, `SENDER`, `RECIPIENT`, `DELETED_BY`.
  CALLIE_EVENT_KIND_DELETED = 6,
  // A short-lived signal, such as a typing indicator: `SENDER`, `RECIPIENT`, `KIND`, `DATA`.
  CALLIE_EVENT_KIND_SIGNAL = 7,
  // A SYS or CMD payload of the server that this version does not know: `PAYLOAD`.
  CALLIE_EVENT_KIND_UNKNOWN = 8,
  // The server sent a text that is not a valid payload; it was ignored: `CODE`, `PATH`, `REASON`.
  CALLIE_EVENT_KIND_UNREADABLE = 9,
  // The client has ended; the last event: `CODE`, `REASON`, `callie_event_close_code`.
  CALLIE_EVENT_KIND_CLOSED = 10,
  // A message that the server had kept was delivered and confirmed: `MESSAGE_ID`, `PAYLOAD_ID`.
  CALLIE_EVENT_KIND_DELIVERED_LATE = 11,
} CallieEventKind;

// The kind of an attachment's file.
typedef enum {
  // Any file.
  CALLIE_ATTACHMENT_KIND_FILE = 0,
  // An image.
  CALLIE_ATTACHMENT_KIND_IMAGE = 1,
  // A video.
  CALLIE_ATTACHMENT_KIND_VIDEO = 2,
} CallieAttachmentKind;

// A text of an event. `CallieEventKind` lists which texts an event has.
typedef enum {
  // The sender of a message.
  CALLIE_FIELD_SENDER = 0,
  // To whom a message was sent: this user, a group's ID or `BROADCAST`.
  CALLIE_FIELD_RECIPIENT = 1,
  // A message's text, in Markdown. It may contain a NUL: use its length.
  CALLIE_FIELD_TEXT = 2,
  // A message's ID, which edits and deletions refer to.
  CALLIE_FIELD_MESSAGE_ID = 3,
  // A payload's ID.
  CALLIE_FIELD_PAYLOAD_ID = 4,
  // The ID of the payload that a notice is about.
  CALLIE_FIELD_IN_REPLY_TO = 5,
  // The code of a notice or an error, for programs, such as `USER_JOINED`.
  CALLIE_FIELD_CODE = 6,
  // The description of a notice, for people.
  CALLIE_FIELD_DESCRIPTION = 7,
  // The data of a signal, JSON.
  CALLIE_FIELD_DATA = 8,
  // The metadata of a message or a notice, a JSON object.
  CALLIE_FIELD_METADATA = 9,
  // The user that it is about.
  CALLIE_FIELD_USERNAME = 10,
  // The group that it is about.
  CALLIE_FIELD_GROUP_ID = 11,
  // The faulty place in a payload, a JSON Pointer.
  CALLIE_FIELD_PATH = 12,
  // The reason, for people.
  CALLIE_FIELD_REASON = 13,
  // The kind of a signal, such as `typing`.
  CALLIE_FIELD_KIND = 14,
  // Who deleted a message.
  CALLIE_FIELD_DELETED_BY = 15,
  // A complete payload, JSON.
  CALLIE_FIELD_PAYLOAD = 16,
} CallieField;

// A text of an attachment. Its numbers differ from those of `CallieField`, so that one used as the other has no text.
typedef enum {
  // Its URL.
  CALLIE_ATTACHMENT_FIELD_URL = 100,
  // Its name.
  CALLIE_ATTACHMENT_FIELD_FILENAME = 101,
  // Its MIME type.
  CALLIE_ATTACHMENT_FIELD_FILETYPE = 102,
  // All of its metadata, a JSON object.
  CALLIE_ATTACHMENT_FIELD_METADATA = 103,
} CallieAttachmentField;

// The level of a line of the log.
typedef enum {
  // No lines.
  CALLIE_LOG_LEVEL_OFF = 0,
  // A fault of the application or of this library.
  CALLIE_LOG_LEVEL_ERROR = 1,
  // A problem that the client can handle.
  CALLIE_LOG_LEVEL_WARN = 2,
  // Connections that open and close.
  CALLIE_LOG_LEVEL_INFO = 3,
  // Each step that the client takes.
  CALLIE_LOG_LEVEL_DEBUG = 4,
  // Also details of the libraries that the client uses. The packaged library leaves them out.
  CALLIE_LOG_LEVEL_TRACE = 5,
} CallieLogLevel;

// A user's connection to a server, across reconnections. Free it with `callie_client_free`. It may be used by several
// threads at once.
typedef struct CallieClient CallieClient;

// A username and the token of a login on one server: what a client connects with. Free it with
// `callie_credentials_free`.
typedef struct CallieCredentials CallieCredentials;

// A batch of events. Free it with `callie_events_free`; its texts are valid until then.
typedef struct CallieEvents CallieEvents;

// A server to register with and to log in to. Free it with `callie_server_free`.
typedef struct CallieServer CallieServer;

// Collects the records that a store loads. It is valid during the call of `CallieStateLoad` only.
typedef struct CallieStateRecords CallieStateRecords;

// How to reach a server, which certificates to trust, and how long to wait. Set the defaults with
// `callie_config_init`, then change what should differ.
typedef struct {
  // The size of the struct: set by `callie_config_init`, so that a later version of the library can add fields.
  size_t size;
  // Limit for name resolution, the proxy, TCP and TLS together, in milliseconds. Default 15,000.
  uint32_t connect_timeout_ms;
  // Limit for one HTTP call, for the WebSocket upgrade, and for its authentication, in milliseconds. Default 30,000.
  uint32_t request_timeout_ms;
  // Limit for a message, ping or command, from the call to its outcome, connected or not, in milliseconds. Default
  // 60,000.
  uint32_t send_timeout_ms;
  // How many payloads may wait for their outcome, at least 1; more are refused. Default 1,000.
  uint32_t max_waiting;
  // How many received events may wait to be taken, at least 1. While that many wait, nothing more is read. Default
  // 1,024.
  uint32_t event_queue;
  // Whether the root certificates of Mozilla, which the library contains, are trusted. Default true.
  bool bundled_roots;
  // Whether a proxy that the environment names (`HTTPS_PROXY` and so on) is used. Default true.
  bool use_proxy;
  // Certificates of authorities to trust in addition to the other roots, a text of PEM blocks, or NULL.
  const char *extra_roots;
  // If any are given, the verified path to the server must contain one of these keys: each the SHA-256 of its
  // SubjectPublicKeyInfo, as 64 hexadecimal digits. NULL for none.
  const char *const *pins;
  // The number of pins, at most 1,024.
  size_t pin_count;
  // The path of a file in which a client keeps messages without an outcome, and which messages the application took, so
  // that the next client with the file sends the messages and delivers none again that was taken. It is created if it is
  // missing, with a file of the same name and `.lock` beside it. It contains texts of messages, and no token. One client
  // at a time can use it. NULL: nothing is kept.
  const char *state_file;
} CallieConfig;

// Traffic counters since the client was created.
typedef struct {
  // The number of times the client came online.
  uint64_t connects;
  // The number of times the client came online again.
  uint64_t reconnects;
  // The number of times the client came online again and continued the connection before, so that nothing is missing.
  uint64_t resumed;
  // Payloads written.
  uint64_t payloads_sent;
  // Payloads read.
  uint64_t payloads_received;
  // Messages accepted for sending.
  uint64_t messages_sent;
  // Messages delivered to the application.
  uint64_t messages_received;
  // Duplicate messages, which were discarded.
  uint64_t duplicates;
  // Messages, pings and commands that now wait for their outcome.
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

// Options of one message. Set the defaults with `callie_send_options_init`, then change what should differ.
typedef struct {
  // The size of the struct: set by `callie_send_options_init`, so that a later version of the library can add
  // fields.
  size_t size;
  // Whether the recipient's client confirms the message. Broadcasts are never confirmed. Default true.
  bool confirm;
  // Metadata: extensions, a JSON object, or NULL.
  const char *metadata;
  // How long the message may take to its outcome, in milliseconds; 0 for the `send_timeout_ms` of the configuration.
  uint32_t timeout_ms;
} CallieSendOptions;

// A file that a message refers to by its URL: Callie servers do not store files. 0 or NULL stands for the
// default; only `url` is required.
typedef struct {
  // One of `CallieAttachmentKind`: `CALLIE_ATTACHMENT_KIND_FILE`.
  uint32_t kind;
  // Its URL: http or https.
  const char *url;
  // Its name, or NULL.
  const char *filename;
  // Its MIME type, such as `image/png`, or NULL.
  const char *filetype;
  // Its size in bytes; 0 and `CALLIE_SIZE_UNKNOWN` for an unknown size. For a file of 0 bytes, set `metadata` to
  // `{"size":0}`.
  int64_t size;
  // More metadata as a JSON object, or NULL. The three fields above replace its members of the same names.
  const char *metadata;
} CallieAttachment;

// A message that was accepted for sending.
typedef struct {
  // Identifies it in `callie_client_wait` and in the event with its outcome.
  uint64_t ticket;
  // The message's ID, which edits and deletions refer to; it ends in NUL.
  char message_id[CALLIE_ID_SIZE];
} CallieSent;

// The outcome of a message. Its texts end in NUL.
typedef struct {
  // The kind.
  CallieOutcomeKind kind;
  // The number of recipients who confirmed it; `CALLIE_COUNT_UNKNOWN` if the server's answer was lost with the
  // connection.
  uint64_t confirmed;
  // The number of recipients it was sent to who did not confirm it, or `CALLIE_COUNT_UNKNOWN`.
  uint64_t unconfirmed;
  // The number of recipients who were offline, or `CALLIE_COUNT_UNKNOWN`.
  uint64_t offline;
  // The number of offline recipients for whom the server keeps it, or `CALLIE_COUNT_UNKNOWN`.
  uint64_t stored;
  // Why it failed, for programs: the server's code, such as `RECIPIENT_UNKNOWN`, else `EXPIRED` or `DISCONNECTED`.
  char code[CALLIE_CODE_SIZE];
  // Why it failed, for people.
  char reason[CALLIE_REASON_SIZE];
  // The faulty place in the payload, a JSON Pointer; empty if there is none.
  char path[CALLIE_PATH_SIZE];
} CallieSendOutcome;

// Called with the next events, in order, on one thread, which it may block. The batch is freed when it returns. It is
// not called again after the batch whose last event is of the kind `CALLIE_EVENT_KIND_CLOSED`, nor after
// `callie_client_free` has returned: then `user_data` can be freed.
//
// It may call every function on the client. Called in it, `callie_client_free` does not wait: the call in progress is
// the last.
typedef void (*CallieListener)(CallieEvents *events, void *user_data);

// Writes a valid token of the same user, which ends in NUL, to `token`, which has room for `size` bytes, and returns
// true; or returns false, which ends the client. `reason_code` is the server's code, such as `SESSION_EXPIRED`. Called
// from a thread that may block, once for each refusal; the client waits for it for at most the `request_timeout_ms` of
// the configuration.
//
// After `callie_client_free` or another `callie_client_set_token_source` has returned it is not called again, and no
// call is in progress: then `user_data` can be freed. In the callback itself these do not wait: the call in progress
// is the last.
typedef bool (*CallieTokenSource)(const char *username,
                                  const char *reason_code,
                                  char *token,
                                  size_t size,
                                  void *user_data);

// Called with one line of the log, always on the same thread; `level` is one of `CallieLogLevel`. A line contains no
// tokens and no texts of messages.
//
// After another `callie_set_logger` has returned it is not called again, and no call is in progress: then `user_data`
// can be freed. In the callback itself `callie_set_logger` does not wait: the call in progress is the last.
typedef void (*CallieLogSink)(uint32_t level, const char *target, const char *line, void *user_data);

// Loads the state of a client: calls `callie_state_records_add` for each record that is stored, in any order, and returns
// true; or returns false, so that the client is not created. Called once, before `CallieStateWrite`, on the same thread.
typedef bool (*CallieStateLoad)(CallieStateRecords *records, void *user_data);

// A part of what a client keeps beyond its process. Only the library reads its value. It contains texts of messages, and
// never a token.
typedef struct {
  // Identifies the record: at most 256 visible ASCII characters, then NUL.
  const char *key;
  // The value.
  const uint8_t *value;
  // The size of the value, in bytes.
  size_t value_size;
} CallieStateRecord;

// Stores the records of `puts`, each in place of any record with the same key, and removes the records with the keys
// `deletes`, which need not exist. No key is in both. Either all of this is stored when it returns true, or none of it when
// it returns false, which ends the client with the code `STATE_UNAVAILABLE`.
//
// Always called on the same thread, which may block. While a call runs, the client accepts and transmits no messages. It must
// not call the client: a message sent in it fails. After `callie_client_free` has returned it is not called again, and no call
// is in progress: then `user_data` can be freed. Call `callie_client_disconnect` before, so that everything is stored.
typedef bool (*CallieStateWrite)(const CallieStateRecord *puts,
                                 size_t put_count,
                                 const char *const *deletes,
                                 size_t delete_count,
                                 void *user_data);

// The first fault of a text; texts end in NUL.
typedef struct {
  // The code, for programs, such as `MISSING_FIELD`; empty if the text is a valid payload.
  char code[CALLIE_CODE_SIZE];
  // The reason, for people; a longer reason is truncated.
  char reason[CALLIE_REASON_SIZE];
  // The faulty place: a JSON Pointer from the payload's root.
  char path[CALLIE_PATH_SIZE];
} CallieFault;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The stable code of the calling thread's last error, such as `USERNAME_TAKEN`; `""` before the first.
//
// Valid until the next call of this library that fails on the same thread.
const char *callie_last_error_code(void);

// The reason of the calling thread's last error, for people; `""` before the first.
//
// Valid until the next call of this library that fails on the same thread.
const char *callie_last_error_reason(void);

// Frees a text that this library returned, where its documentation says "the caller frees it". NULL is ignored.
CallieStatus callie_string_free(char *string);

// The version of this library, such as `0.1.0`. The text is valid forever.
const char *callie_version(void);

// Sets the defaults. `size` is `sizeof(CallieConfig)`.
CallieStatus callie_config_init(CallieConfig *config, size_t size);

// The server at `url`: `https://` for TLS, `http://` without. Nothing is sent yet.
//
// `config` may be NULL for the defaults. It also applies to the credentials and clients made from this server.
CallieStatus callie_server_new(const char *url,
                               const CallieConfig *config,
                               CallieServer **server);

// Registers a new user. Refused with `USERNAME_TAKEN`, `INVALID_USERNAME`, `WEAK_PASSWORD` or `REGISTRATION_CLOSED`,
// among others.
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

// All login sessions of the user, the newest first: a JSON array of objects as in the answer of the HTTP call. The
// caller frees it.
CallieStatus callie_server_sessions(CallieServer *server,
                                    CallieCredentials *credentials,
                                    char **sessions);

// Ends one of the user's login sessions, by its ID.
CallieStatus callie_server_revoke_session(CallieServer *server,
                                          CallieCredentials *credentials,
                                          const char *session_id);

// Frees a server's handle. Credentials and clients made from it stay valid. NULL is ignored.
CallieStatus callie_server_free(CallieServer *server);

// The credentials of an earlier login, by the token that `callie_credentials_token` returned. Whether the token is
// still valid is checked when connecting.
CallieStatus callie_credentials_new(CallieServer *server,
                                    const char *username,
                                    const char *token,
                                    CallieCredentials **credentials);

// The token. Keep it secret: it gives access to the user's account. The caller frees it.
CallieStatus callie_credentials_token(CallieCredentials *credentials, char **token);

// Frees the handle of credentials; the login session continues. NULL is ignored.
CallieStatus callie_credentials_free(CallieCredentials *credentials);

// A client that is not connected yet. With a `state_file`, it continues from the state in the file; if the file cannot be
// used, the result is `CALLIE_STATUS_STATE`. The handle of the credentials may be freed afterwards.
//
// It ends when `callie_client_disconnect` is called, or when the server refuses it and no new token is available. Its
// last event then has the kind `CALLIE_EVENT_KIND_CLOSED`, and a new client is needed to connect again.
CallieStatus callie_client_new(CallieCredentials *credentials,
                               CallieClient **client);

// Connects, and keeps connecting after every loss until `callie_client_disconnect` or a refusal. It does not wait:
// events report the progress. On a client that has ended it fails with `CALLIE_STATUS_CLOSED`.
CallieStatus callie_client_start(CallieClient *client);

// Makes one attempt to connect and waits for it; from then on as after `callie_client_start`.
//
// After an error the client is in its previous state, unless the server refused it, as with `AUTH_FAILED`: that ends
// it.
CallieStatus callie_client_connect(CallieClient *client);

// Closes the connection until `callie_client_resume`, as for an app that goes to the background. Payloads that wait go
// on waiting. On a client that has ended it fails with `CALLIE_STATUS_CLOSED`.
CallieStatus callie_client_suspend(CallieClient *client);

// Connects again after `callie_client_suspend` or a failed `callie_client_connect`. On a client that has ended it
// fails with `CALLIE_STATUS_CLOSED`.
CallieStatus callie_client_resume(CallieClient *client);

// Tells the client that the network has changed. A client that is waiting to reconnect tries immediately; a connected
// one checks that its connection is still alive. A client that has ended ignores it.
CallieStatus callie_client_network_changed(CallieClient *client);

// The state of the client's connection.
CallieConnectionState callie_client_state(CallieClient *client);

// The client's user. The caller frees the name.
CallieStatus callie_client_username(CallieClient *client, char **username);

// Ends the client: writes what was handed to the connection and closes it, in at most a few seconds. Payloads in
// progress end; messages are pending if the client has a state. Events that have arrived can still be taken. When it
// returns, another client can use the state file. The handle still has to be freed.
CallieStatus callie_client_disconnect(CallieClient *client);

// Frees a client's handle and ends the client: its connection is closed in the background, and calls that wait for its
// events return at once, with `CALLIE_STATUS_CLOSED` if no events are left. Events that were not taken are lost, and
// the messages among them are not confirmed.
//
// Returns after the last call of its listener and of its token source, unless it is called inside it: then that call
// is the last. NULL is ignored.
CallieStatus callie_client_free(CallieClient *client);

// The client's counters.
CallieStatus callie_client_stats(CallieClient *client, CallieStats *stats);

// The server's limits; the protocol's defaults before the first connection.
CallieStatus callie_client_limits(CallieClient *client, CallieLimits *limits);

// Sets the defaults. `size` is `sizeof(CallieSendOptions)`.
CallieStatus callie_send_options_init(CallieSendOptions *options, size_t size);

// Sends a text in Markdown, with `attachment_count` attachments. The recipient is a username, a group's ID or
// `BROADCAST`.
//
// The message is taken at once, connected or not; `callie_client_wait` and an event of the kind
// `CALLIE_EVENT_KIND_ENDED` report its outcome. `attachments` may be NULL if there are none, `options` for the
// defaults, `sent` if it is not needed.
CallieStatus callie_client_send(CallieClient *client,
                                const char *recipient,
                                const char *message,
                                const CallieAttachment *attachments,
                                size_t attachment_count,
                                const CallieSendOptions *options,
                                CallieSent *sent);

// Waits at most `timeout_ms` milliseconds for the outcome of a message, by the ticket in its `CallieSent`.
//
// `CALLIE_STATUS_TIMED_OUT`: it has none yet. An outcome can be read again until 4,096 later messages were
// sent; after that, and for an unknown ticket, the result is `CALLIE_STATUS_INVALID_ARGUMENT`.
CallieStatus callie_client_wait(CallieClient *client,
                                uint64_t ticket,
                                uint32_t timeout_ms,
                                CallieSendOutcome *outcome);

// Lists the messages without an outcome, in the order in which they were accepted; after the start of a client with a state,
// those that an earlier client accepted. `callie_client_wait` waits for their outcomes.
//
// Writes at most `room` of them to `sent`, which may be NULL if `room` is 0. `count` receives the number of all.
CallieStatus callie_client_pending(CallieClient *client,
                                   CallieSent *sent,
                                   size_t room,
                                   size_t *count);

// Pings the server (`SERVER`) or a user. `round_trip_us` receives the time until the answer, in microseconds; it may
// be NULL.
//
// Refused with `RECIPIENT_OFFLINE` or `RECIPIENT_UNKNOWN` if the user is offline or does not exist.
CallieStatus callie_client_ping(CallieClient *client,
                                const char *recipient,
                                uint64_t *round_trip_us);

// Carries out a command by name, such as `LIST_GROUPS`. Parameters and result are JSON objects; the caller frees the
// result.
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

// A text of the event at `index`, by one of `CallieField`; NULL if it has none. Valid until the batch is freed.
//
// It ends in NUL. `length` receives the number of bytes before the NUL; it may be NULL.
const char *callie_event_string(const CallieEvents *events,
                                size_t index,
                                uint32_t field,
                                size_t *length);

// When the event at `index` was sent, by the sender's clock, in milliseconds since 1970 (UTC); 0 if it has no time.
int64_t callie_event_sent_at_ms(const CallieEvents *events,
                                size_t index);

// The ticket's number of an event of the kind `CALLIE_EVENT_KIND_ENDED`, as returned by `callie_client_send`; 0 for
// other kinds.
uint64_t callie_event_ticket(const CallieEvents *events,
                             size_t index);

// The outcome of an event of the kind `CALLIE_EVENT_KIND_ENDED`.
CallieStatus callie_event_outcome(const CallieEvents *events, size_t index, CallieSendOutcome *outcome);

// The state of the connection since an event of the kind `CALLIE_EVENT_KIND_CONNECTION_CHANGED` or
// `CALLIE_EVENT_KIND_CLOSED`.
CallieConnectionState callie_event_state(const CallieEvents *events, size_t index);

// Whether the connection continues the one before, so that nothing is missing, for an event that reports that the client is
// online. False for a connection before which payloads to this user may be missing, and for other events.
bool callie_event_resumed(const CallieEvents *events,
                          size_t index);

// The delay in milliseconds before the client connects again, for an event with the state in which it waits; 0 for
// others.
uint64_t callie_event_retry_in_ms(const CallieEvents *events,
                                  size_t index);

// The WebSocket close code, for an event that reports that the client waits or has ended: 1000 if the application
// ended it, 1006 if the connection was lost without one or was never open; 0 for other events.
uint16_t callie_event_close_code(const CallieEvents *events,
                                 size_t index);

// The number of attachments of the event at `index`.
size_t callie_event_attachment_count(const CallieEvents *events, size_t index);

// The kind of an attachment's file; `CALLIE_ATTACHMENT_KIND_FILE` if there is no such attachment.
CallieAttachmentKind callie_event_attachment_kind(const CallieEvents *events,
                                                  size_t index,
                                                  size_t attachment);

// An attachment's size in bytes, as stated by its sender; `CALLIE_SIZE_UNKNOWN` if it is not stated.
int64_t callie_event_attachment_size(const CallieEvents *events, size_t index, size_t attachment);

// A text of an attachment, by one of `CallieAttachmentField`; NULL if it has none. Valid until the batch is freed.
//
// It ends in NUL. `length` receives the number of bytes before the NUL; it may be NULL.
const char *callie_event_attachment_string(const CallieEvents *events,
                                           size_t index,
                                           size_t attachment,
                                           uint32_t field,
                                           size_t *length);

// Frees a batch and all its texts. NULL is ignored.
CallieStatus callie_events_free(CallieEvents *events);

// Takes up to `max` events, waiting at most `timeout_ms` milliseconds for the first. Free the batch with
// `callie_events_free`.
//
// The batch is empty if no event came. The last event has the kind `CALLIE_EVENT_KIND_CLOSED`; after it the call
// returns `CALLIE_STATUS_CLOSED`.
CallieStatus callie_client_next_events(CallieClient *client,
                                       size_t max,
                                       uint32_t timeout_ms,
                                       CallieEvents **events);

// A file descriptor that is readable while events wait, for the program's event loop to poll. It belongs to the
// client, which closes it when it is freed: do not read from it or close it.
CallieStatus callie_client_fd(CallieClient *client,
                              int *fd);

// The value at a JSON Pointer (RFC 6901) in a JSON text, such as `/groupID` or `/groups/0/name`: the text of a string,
// or the JSON of any other value, unchanged. The caller frees it.
//
// `value` is NULL if there is no such value, which is not an error: a loop over `/groups/0`, `/groups/1` and so on
// ends there. `CALLIE_STATUS_INVALID_ARGUMENT`: `json` is not JSON, `pointer` is neither empty nor
// starts with `/`, or the string contains a NUL.
CallieStatus callie_json_get(const char *json,
                             const char *pointer,
                             char **value);

// Delivers all further events to `callback`, in batches, on a thread made for it. A client has one listener at most:
// setting another, or calling `callie_client_next_events`, returns `CALLIE_STATUS_INVALID_ARGUMENT`.
CallieStatus callie_client_listen(CallieClient *client,
                                  CallieListener callback,
                                  void *user_data);

// Sets the source of a new token for when the server has ended the login session, in place of any previous one.
// Without one (NULL), the client then ends. Returns after the last call of the previous source.
CallieStatus callie_client_set_token_source(CallieClient *client,
                                            CallieTokenSource source,
                                            void *user_data);

// Sends the library's log, up to `level` (one of `CallieLogLevel`), to `sink` instead of any previous sink. NULL stops
// logging. Returns after the last call of the previous sink.
CallieStatus callie_set_logger(uint32_t level,
                               CallieLogSink sink,
                               void *user_data);

// Adds a record, which is copied, in a call of `CallieStateLoad`.
CallieStatus callie_state_records_add(CallieStateRecords *records,
                                      const char *key,
                                      const uint8_t *value,
                                      size_t value_size);

// A client that is not connected yet, and that continues from the state in a store of the application, which is used instead
// of a `state_file`: to encrypt it, or to use a database. The store belongs to one client. The handle of the credentials may
// be freed afterwards.
//
// `CALLIE_STATUS_STATE`: the state cannot be loaded, or is that of another user or server.
CallieStatus callie_client_new_with_store(CallieCredentials *credentials,
                                          CallieStateLoad load,
                                          CallieStateWrite write,
                                          void *user_data,
                                          CallieClient **client);

// Checks a text of `length` bytes as a server with the protocol's default limits checks it.
CallieStatus callie_check_payload(const char *payload, size_t length, CallieFault *fault);

// Checks a text of `length` bytes as a client checks what a server sends.
CallieStatus callie_check_server_payload(const char *payload, size_t length, CallieFault *fault);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CALLIE_H */
