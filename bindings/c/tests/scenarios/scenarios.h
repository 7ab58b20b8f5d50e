/* Helpers for the scenarios: the test bed, users, and waiting for events. A failed step ends the process; each scenario has its
 * own. What the helpers return is freed at the end of the scenario. */
#ifndef SCENARIOS_H
#define SCENARIOS_H

#include <stdarg.h>
#include <stdbool.h>

#include "../check.h"

/* Every name of bindings/scenarios.json, by the file that has it. */
#define SCENARIOS(X)                                                                                          \
    /* accounts.c */                                                                                          \
    X(registers_and_logs_in) X(wrong_password_is_refused) X(taken_name_is_refused)                            \
    /* connection.c */                                                                                        \
    X(connects_and_authenticates) X(invalid_token_is_refused) X(unused_port_is_unreachable)                   \
    X(wrong_certificate_is_refused) X(extra_root_is_trusted) X(unreadable_root_is_refused)                    \
    X(pinned_key_is_required) X(states_are_reported_in_order) X(statistics_count)                             \
    /* messages.c */                                                                                          \
    X(message_arrives) X(attachment_arrives) X(message_is_confirmed) X(offline_recipient_is_reported)         \
    X(unknown_recipient_is_reported) X(group_message_arrives) X(broadcast_arrives) X(events_keep_their_order) \
    X(burst_of_10000_events_arrives) X(invalid_arguments_are_refused)                                         \
    /* commands.c */                                                                                          \
    X(message_is_edited_and_deleted) X(signal_arrives) X(command_result_is_typed)                             \
    X(refused_command_has_its_code) X(ping_is_answered)                                                       \
    /* resilience.c */                                                                                        \
    X(cut_connection_loses_nothing) X(lost_connection_is_resumed) X(client_reconnects_to_restarted_server)    \
    X(message_sent_offline_arrives_later) X(deadline_ends_a_ticket) X(revoked_session_ends_the_client)        \
    X(token_is_refreshed) X(suspended_client_resumes)                                                         \
    /* hostile.c */                                                                                           \
    X(garbage_is_survived) X(lying_server_is_survived) X(silent_server_times_out)                             \
    X(close_at_every_step_is_an_error)                                                                        \
    /* lifetimes.c */                                                                                         \
    X(cancelled_wait_loses_nothing) X(callback_may_call_back) X(failing_callback_is_survived)                 \
    X(client_may_be_dropped_on_another_thread) X(use_after_disconnect_is_an_error)                            \
    /* vectors.c */                                                                                           \
    X(every_vector_is_checked)                                                                                \
    /* outcomes.c */                                                                                          \
    X(sent_message_arrives) X(untaken_message_is_not_delivered) X(sender_may_take_no_events)                  \
    X(suspend_and_connect_in_any_order) X(disconnect_writes_what_was_sent) X(longest_timeout_is_accepted)     \
    X(reply_names_its_message) X(invalid_text_is_refused) X(abandoned_iterator_loses_nothing)                 \
    /* state.c */                                                                                             \
    X(killed_client_sends_what_it_accepted) X(nothing_is_shown_twice_after_a_restart)                         \
    X(damaged_state_is_set_aside) X(state_of_another_user_is_refused) X(state_in_use_is_refused)              \
    X(application_store_keeps_the_state) X(failing_store_ends_the_client)

#define DECLARE(name) void name(void);
SCENARIOS(DECLARE)
#undef DECLARE

/* The program that a scenario starts and kills: accepts a message, prints its ID and waits. The arguments are the URL, the token
 * and the state file. */
int accept_and_wait(char **arguments);

/* The password of every user. */
#define PASSWORD "correct horse battery"
/* The timeout of every step, far longer than a step takes. */
#define PATIENCE_MS 60000

/* The port of the test bed, and the file of the conformance vectors. */
extern const char *bed_port;
extern const char *vectors_file;

/* Sends a request to the test bed and returns the answer, which is valid until the next request. */
const char *ask(const char *format, ...);

/* The test bed's server, started by the first call: through its proxy, and directly. */
CallieServer *the_server(void);
CallieServer *direct_server(void);
/* The server at a URL. */
CallieServer *server_at(const char *url, const CallieConfig *config);
/* The credentials for a hostile server. */
CallieCredentials *hostile(const char *kind, uint32_t patience_ms);
/* A user of that name: logged in; with a client that is not connected; with a connected client. */
CallieCredentials *user(CallieServer *server, const char *name);
CallieClient *client_of(CallieCredentials *credentials);
CallieClient *online(CallieServer *server, const char *name);
/* Frees everything that the helpers returned. */
void free_everything(void);

/* Waits for the next event. The caller frees it. */
CallieEvents *any_event(CallieClient *client);
/* Waits for the next event of a kind and discards others. The caller frees it. */
CallieEvents *next_of(CallieClient *client, CallieEventKind kind);
/* Waits until the client reports a state. */
void await_state(CallieClient *client, CallieConnectionState state);
/* Takes the next message and compares its text. */
void expect_text(CallieClient *client, const char *text);
/* Sends with the default options. */
CallieSent send_to(CallieClient *client, const char *recipient, const char *text);
CallieSendOutcome outcome_of(CallieClient *client, CallieSent sent);

/* A text field of the only event in a batch. */
#define FIELD(events, field) callie_event_string(events, 0, field, NULL)
/* Checks that a call is refused with a status and a code. */
#define CHECK_REFUSED(status, code, call)                                                                     \
    do {                                                                                                      \
        CHECK_STATUS(status, call);                                                                           \
        CHECK_TEXT(code, callie_last_error_code());                                                           \
    } while (0)

#endif
