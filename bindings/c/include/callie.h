/*
 * Callie: real-time messaging. The client for C11 and C++17.
 *
 * A program that logs in, sends a message and prints what arrives:
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
 *         CallieSession *session;
 *         CallieClient *client;
 *         CallieEvents *events;
 *
 *         if (argc != 5) {
 *             fprintf(stderr, "usage: %s URL USERNAME PASSWORD PEER\n", argv[0]);
 *             return 2;
 *         }
 *         if (callie_server_new(argv[1], NULL, &server) != CALLIE_STATUS_OK)
 *             return fail("server");
 *         if (callie_server_login(server, argv[2], argv[3], NULL, &session) != CALLIE_STATUS_OK)
 *             return fail("login");
 *         if (callie_client_connect(session, &client) != CALLIE_STATUS_OK)
 *             return fail("connect");
 *         if (callie_client_send(client, argv[4], "Hello, **you**", NULL, 0, NULL) != CALLIE_STATUS_OK)
 *             return fail("send");
 *         if (callie_client_next_events(client, 64, 5000, &events) != CALLIE_STATUS_OK)
 *             return fail("events");
 *         for (size_t i = 0; i < callie_events_count(events); i++) {
 *             if (callie_event_kind(events, i) == CALLIE_EVENT_KIND_MESSAGE)
 *                 printf("%s: %s\n", callie_event_string(events, i, CALLIE_FIELD_SENDER, NULL),
 *                        callie_event_string(events, i, CALLIE_FIELD_TEXT, NULL));
 *         }
 *         callie_events_free(events);
 *         callie_client_disconnect(client);
 *         callie_client_free(client);
 *         callie_session_free(session);
 *         callie_server_free(server);
 *         return 0;
 *     }
 *
 *     cc -I include hello.c -L lib -lcallie -o hello
 *
 * What every function asks of its caller, and promises:
 *
 * - Texts are UTF-8 and end in NUL. A text that is not UTF-8 is CALLIE_STATUS_INVALID_UTF8. A pointer that is not NULL points
 *   to what its type says until the call returns; nothing given is kept or freed.
 * - Handles are never followed as pointers: NULL where a handle must be given, a handle that was freed, and a handle of
 *   another kind are each a status. Whatever was freed on another thread meanwhile stays alive for the call.
 * - Where a call gives a handle or a text, it is NULL when the call did not work. Who gets a handle or a text frees it, with
 *   the function that its description names.
 * - Calls block, within the times of CallieTimeouts. Everything may be called from any thread.
 * - No call ends the process: a fault of the library is CALLIE_STATUS_INTERNAL.
 */


#ifndef CALLIE_H
#define CALLIE_H

/* Written by cbindgen from callie-ffi/src/capi; `make header` writes it anew. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The size of an identifier with its NUL.
#define CALLIE_ID_SIZE 129

// The `size` of an attachment that tells none.
#define CALLIE_SIZE_UNKNOWN -1

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
  // The connection is gone.
  CALLIE_STATUS_CLOSED = 9,
  // A fault of this library, or of the system under it.
  CALLIE_STATUS_INTERNAL = 10,
} CallieStatus;

// What an event is.
typedef enum {
  // There is no such event.
  CALLIE_EVENT_KIND_NONE = 0,
  // A chat message: `SENDER`, `RECIPIENT`, `TEXT`, `MESSAGE_ID`, `PAYLOAD_ID`, `METADATA`, and attachments.
  CALLIE_EVENT_KIND_MESSAGE = 1,
  // A notice of the server: `CODE`, `DESCRIPTION`, `METADATA`, and `IN_REPLY_TO` where it is about a payload.
  CALLIE_EVENT_KIND_NOTICE = 2,
  // A command of the server, such as `EDIT_MESSAGE`: `CODE` and `PARAMETERS`.
  CALLIE_EVENT_KIND_COMMAND = 3,
  // The server sent what is not a valid payload; nothing acted on it: `CODE` and `DESCRIPTION`.
  CALLIE_EVENT_KIND_UNREADABLE = 4,
  // The last event, the connection is gone: `DESCRIPTION`, `callie_event_close_code`, `callie_event_comes_back`.
  CALLIE_EVENT_KIND_CLOSED = 5,
} CallieEventKind;

// What kind of file an attachment is.
typedef enum {
  // An image.
  CALLIE_ATTACHMENT_KIND_IMAGE = 0,
  // A video.
  CALLIE_ATTACHMENT_KIND_VIDEO = 1,
  // Any other file.
  CALLIE_ATTACHMENT_KIND_FILE = 2,
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
  // For programs: a notice's code, such as `RECIPIENT_OFFLINE`, or a command's name.
  CALLIE_FIELD_CODE = 6,
  // For people.
  CALLIE_FIELD_DESCRIPTION = 7,
  // A command's parameters, a JSON object.
  CALLIE_FIELD_PARAMETERS = 8,
  // Extensions of a message's sender, or the members of a notice, a JSON object.
  CALLIE_FIELD_METADATA = 9,
} CallieField;

// A text of an attachment.
typedef enum {
  // Where it stands.
  CALLIE_ATTACHMENT_FIELD_URL = 0,
  // Its name.
  CALLIE_ATTACHMENT_FIELD_FILENAME = 1,
  // Its MIME type.
  CALLIE_ATTACHMENT_FIELD_FILETYPE = 2,
  // All of its metadata, a JSON object.
  CALLIE_ATTACHMENT_FIELD_METADATA = 3,
} CallieAttachmentField;

// An authenticated connection. Free it with `callie_client_free`. It may be used by several threads at once.
typedef struct CallieClient CallieClient;

// A batch of events. Free it with `callie_events_free`; texts that it showed are valid until then.
typedef struct CallieEvents CallieEvents;

// A server to register with and to log in to. Free it with `callie_server_free`.
typedef struct CallieServer CallieServer;

// A user's session on one server: what a client connects with. Free it with `callie_session_free`.
typedef struct CallieSession CallieSession;

// How long to wait for a server, in milliseconds; 0 stands for the default.
typedef struct {
  // Finding the host, TCP and TLS: 15,000.
  uint32_t connect_ms;
  // One HTTP call, or the WebSocket's upgrade and authentication: 30,000.
  uint32_t exchange_ms;
  // The answer to a ping or a command: 15,000.
  uint32_t answer_ms;
} CallieTimeouts;

// A file to go with a message, by its URL: servers of Callie neither take nor give files.
typedef struct {
  // One of `CallieAttachmentKind`.
  uint32_t kind;
  // Where it stands; http or https.
  const char *url;
  // Its name, or NULL.
  const char *filename;
  // Its MIME type, such as `image/png`, or NULL.
  const char *filetype;
  // Its size in bytes, or `CALLIE_SIZE_UNKNOWN`.
  int64_t size;
  // More metadata as a JSON object, or NULL. The three fields above go on top of it.
  const char *metadata;
} CallieAttachment;

// The identifiers of a message that was sent; texts that end in NUL.
typedef struct {
  // The payload's: notices about it name it as what they reply to.
  char payload_id[CALLIE_ID_SIZE];
  // The message's: edits and deletions name it.
  char message_id[CALLIE_ID_SIZE];
} CallieSent;

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

// The server at `url`: `https://` for TLS, `http://` without. Nothing is sent yet.
//
// `timeouts` may be NULL for the defaults. They go for everything that comes of this server.
CallieStatus callie_server_new(const char *url, const CallieTimeouts *timeouts, CallieServer **server);

// Makes a new user. Refused with `USERNAME_TAKEN`, `INVALID_USERNAME`, `WEAK_PASSWORD` or `REGISTRATION_CLOSED`, among others.
CallieStatus callie_server_register(CallieServer *server,
                                    const char *username,
                                    const char *password);

// Logs a user in. `device` is what the list of the user's sessions calls this one; it may be NULL.
//
// Refused with `INVALID_CREDENTIALS`, `BANNED` or `RATE_LIMITED`, among others.
CallieStatus callie_server_login(CallieServer *server,
                                 const char *username,
                                 const char *password,
                                 const char *device,
                                 CallieSession **session);

// Makes a new user unless the name is taken, then logs in: for programs that must not care whether they ran before.
CallieStatus callie_server_register_and_login(CallieServer *server,
                                              const char *username,
                                              const char *password,
                                              const char *device,
                                              CallieSession **session);

// Ends a session on the server: its connections close and its token is dead. The handle still has to be freed.
CallieStatus callie_server_logout(CallieServer *server,
                                  CallieSession *session);

// Frees a server's handle. What came of it lives on. NULL is nothing to free.
CallieStatus callie_server_free(CallieServer *server);

// The session of an earlier login, by the token that `callie_session_token` gave. Whether it is alive shows when connecting.
CallieStatus callie_session_resume(CallieServer *server,
                                   const char *username,
                                   const char *token,
                                   CallieSession **session);

// The session's token, to keep in a safe place: who has it is the user. The caller frees it.
CallieStatus callie_session_token(CallieSession *session, char **token);

// Frees a session's handle; the session itself goes on. NULL is nothing to free.
CallieStatus callie_session_free(CallieSession *session);

// Connects and authenticates. The session's handle may be freed afterwards.
//
// Refused with `AUTH_FAILED` when the session has ended, among others.
CallieStatus callie_client_connect(CallieSession *session, CallieClient **client);

// Sends a text in Markdown, with `attachment_count` attachments. The recipient is a username, a group's ID or `BROADCAST`.
//
// Returns when the message is in the connection's queue; an event of the kind `CALLIE_EVENT_KIND_NOTICE` tells if it could not be
// delivered. `attachments` may be NULL where there are none, `sent` where nobody asks.
CallieStatus callie_client_send(CallieClient *client,
                                const char *recipient,
                                const char *message,
                                const CallieAttachment *attachments,
                                size_t attachment_count,
                                CallieSent *sent);

// Asks the server (`SERVER`) or a user for a sign of life. `microseconds` says how long it took; it may be NULL.
//
// Refused with `RECIPIENT_OFFLINE` or `RECIPIENT_UNKNOWN` when the user is not there.
CallieStatus callie_client_ping(CallieClient *client,
                                const char *recipient,
                                uint64_t *microseconds);

// Carries out a command by name, such as `LIST_GROUPS`. Parameters and result are JSON objects; the caller frees the result.
//
// Refused with the server's code, such as `FORBIDDEN` or `INVALID_PARAMETERS`.
CallieStatus callie_client_command(CallieClient *client,
                                   const char *name,
                                   const char *parameters,
                                   char **result);

// Makes a group of this user and the `member_count` users in `members` (NULL where there are none). A public one can be
// joined by anyone. The caller frees the group's ID, which messages to the group are sent to.
CallieStatus callie_client_create_group(CallieClient *client,
                                        const char *name,
                                        const char *const *members,
                                        size_t member_count,
                                        bool is_public,
                                        char **group_id);

// Leaves a group. The last to leave deletes it.
CallieStatus callie_client_leave_group(CallieClient *client, const char *group_id);

// Takes up to `max` events, waiting at most `timeout_ms` milliseconds for the first. Free the batch with `callie_events_free`.
//
// The batch is empty when nothing came. The last event is of the kind `CALLIE_EVENT_KIND_CLOSED`; after it the call returns
// `CALLIE_STATUS_CLOSED`.
CallieStatus callie_client_next_events(CallieClient *client,
                                       size_t max,
                                       uint32_t timeout_ms,
                                       CallieEvents **events);

// Writes what was sent, says goodbye and ends the connection, in at most a few seconds. What has arrived can still be
// taken. The handle still has to be freed.
CallieStatus callie_client_disconnect(CallieClient *client);

// Frees a client's handle; a connection that still stands says goodbye in the background. NULL is nothing to free.
CallieStatus callie_client_free(CallieClient *client);

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

// When the sender of the event at `index` says it was sent, in milliseconds since 1970 (UTC); 0 where it has no time.
int64_t callie_event_timestamp_ms(const CallieEvents *events,
                                  size_t index);

// The WebSocket close code of an event of the kind `CALLIE_EVENT_KIND_CLOSED`: 1000 when the application asked for it, 1006
// when the link was lost without a close; 0 for other kinds.
uint16_t callie_event_close_code(const CallieEvents *events,
                                 size_t index);

// Whether, after an event of the kind `CALLIE_EVENT_KIND_CLOSED`, it is worth to connect again after a while without asking anybody.
bool callie_event_comes_back(const CallieEvents *events,
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

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CALLIE_H */
