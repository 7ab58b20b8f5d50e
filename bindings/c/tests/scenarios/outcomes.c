/* Outcomes are true, and every ticket, call and iteration ends. */
#include "scenarios.h"

#include <pthread.h>

/* More messages than a server with the default rates accepts at once. */
#define EACH 150
/* Long enough for a confirmation to arrive. */
#define A_WHILE_MS 500

static CallieStatus send_number(CallieClient *client, int number, const CallieSendOptions *options, CallieSent *sent)
{
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    return callie_client_send(client, "bob", text, NULL, 0, options, sent);
}

void sent_message_arrives(void)
{
    static CallieSent sent[2][EACH];
    static int arrived[2 * EACH];
    CallieServer *server = server_at(ask("strict"), NULL);
    CallieClient *devices[] = {online(server, "ada"), online(server, "ada")}, *bob = online(server, "bob");
    CallieSendOptions unasked = default_send_options();
    unasked.confirm = false;
    for (int n = 0; n < EACH; n++)
        for (int device = 0; device < 2; device++)
            CHECK_OK(send_number(devices[device], device * EACH + n, &unasked, &sent[device][n]));
    for (int n = 0; n < 2 * EACH; n++) {
        CallieEvents *event = next_of(bob, CALLIE_EVENT_KIND_MESSAGE);
        arrived[atoi(FIELD(event, CALLIE_FIELD_TEXT))]++;
        CHECK_OK(callie_events_free(event));
    }
    for (int n = 0; n < 2 * EACH; n++)
        CHECK(arrived[n] == 1);
    for (int device = 0; device < 2; device++)
        for (int n = 0; n < EACH; n++)
            CHECK(outcome_of(devices[device], sent[device][n]).kind == CALLIE_OUTCOME_KIND_SENT);
}

void untaken_message_is_not_delivered(void)
{
    CallieClient *ada = online(the_server(), "ada"), *bob = online(the_server(), "bob");
    CallieSent sent = send_to(ada, "bob", "hello");
    CallieSendOutcome outcome;
    CHECK_STATUS(CALLIE_STATUS_TIMED_OUT, callie_client_wait(ada, sent.ticket, A_WHILE_MS, &outcome));
    expect_text(bob, "hello");
    CHECK(outcome_of(ada, sent).kind == CALLIE_OUTCOME_KIND_DELIVERED);
}

void sender_may_take_no_events(void)
{
    CallieConfig config = default_config();
    config.event_queue = 32;
    the_server();
    CallieClient *ada = online(server_at(ask("direct"), &config), "ada"), *bob = online(the_server(), "bob");
    for (int n = 0; n < 100; n++) {
        CallieSent sent;
        CHECK_OK(send_number(ada, n, NULL, &sent));
        CHECK_OK(callie_events_free(next_of(bob, CALLIE_EVENT_KIND_MESSAGE)));
        CHECK(outcome_of(ada, sent).kind == CALLIE_OUTCOME_KIND_DELIVERED);
    }
}

static void *connect_in_vain(void *client)
{
    CHECK(callie_client_connect(client) != CALLIE_STATUS_OK);
    return NULL;
}

void suspend_and_connect_in_any_order(void)
{
    CallieClient *quiet = client_of(hostile("silent", PATIENCE_MS)), *ada = online(the_server(), "ada");
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, connect_in_vain, quiet) == 0);
    await_state(quiet, CALLIE_CONNECTION_STATE_CONNECTING);
    CHECK_OK(callie_client_suspend(quiet));
    CHECK(pthread_join(thread, NULL) == 0);
    for (int round = 0; round < 20; round++) {
        CHECK_OK(callie_client_suspend(ada));
        CHECK_OK(callie_client_connect(ada));
        CHECK(callie_client_state(ada) == CALLIE_CONNECTION_STATE_ONLINE);
    }
    CHECK_OK(callie_client_ping(ada, "SERVER", NULL));
    CHECK(callie_client_state(ada) == CALLIE_CONNECTION_STATE_ONLINE);
}

void disconnect_writes_what_was_sent(void)
{
    CallieClient *bob = online(the_server(), "bob");
    int next = 0;
    for (int round = 0; round < 5; round++) {
        CallieClient *ada = online(the_server(), "ada");
        CallieSent sent[20];
        int ended[20] = {0};
        bool goes_on = true;
        for (int n = 0; n < 20; n++)
            CHECK_OK(send_number(ada, round * 20 + n, NULL, &sent[n]));
        CHECK_OK(callie_client_disconnect(ada));
        while (goes_on) {
            CallieEvents *event = any_event(ada);
            goes_on = callie_event_kind(event, 0) != CALLIE_EVENT_KIND_CLOSED;
            for (int n = 0; n < 20; n++)
                ended[n] += callie_event_ticket(event, 0) == sent[n].ticket;
            CHECK_OK(callie_events_free(event));
        }
        for (int n = 0; n < 20; n++) {
            CallieEvents *event = next_of(bob, CALLIE_EVENT_KIND_MESSAGE);
            CHECK(atoi(FIELD(event, CALLIE_FIELD_TEXT)) == next++);
            CHECK_OK(callie_events_free(event));
            CHECK(ended[n] == 1);
        }
    }
}

void longest_timeout_is_accepted(void)
{
    CallieConfig config = config_with_timeouts(UINT32_MAX);
    config.send_timeout_ms = UINT32_MAX;
    CallieSendOptions send_options = options_with_timeout(UINT32_MAX);
    the_server();
    CallieServer *patient = server_at(ask("direct"), &config);
    CallieClient *ada = online(patient, "ada"), *bob = online(patient, "bob");
    CallieSent sent;
    CallieSendOutcome outcome;
    CallieEvents *events;
    CHECK_OK(send_number(ada, 1, &send_options, &sent));
    do {
        CHECK_OK(callie_client_next_events(bob, SIZE_MAX, UINT32_MAX, &events));
        bool arrived = callie_event_kind(events, callie_events_count(events) - 1) == CALLIE_EVENT_KIND_MESSAGE;
        CHECK_OK(callie_events_free(events));
        if (arrived)
            break;
    } while (true);
    CHECK_OK(callie_client_wait(ada, sent.ticket, UINT32_MAX, &outcome));
    CHECK(outcome.kind == CALLIE_OUTCOME_KIND_DELIVERED);
    CHECK_OK(callie_client_ping(ada, "SERVER", NULL));
}

void reply_names_its_message(void)
{
    CallieClient *ada = online(the_server(), "ada"), *bob = online(the_server(), "bob");
    char metadata[256], again[4096], *named;
    CallieSent sent;
    send_to(ada, "bob", "a question");
    CallieEvents *question = next_of(bob, CALLIE_EVENT_KIND_MESSAGE);
    const char *id = FIELD(question, CALLIE_FIELD_PAYLOAD_ID);
    snprintf(metadata, sizeof metadata, "{\"inReplyTo\":\"%s\",\"mood\":\"good\"}", id);
    CallieSendOptions reply = default_send_options();
    reply.metadata = metadata;
    CHECK_OK(callie_client_send(bob, "ada", "an answer", NULL, 0, &reply, NULL));
    CallieEvents *answer = next_of(ada, CALLIE_EVENT_KIND_MESSAGE);
    CHECK_OK(callie_json_get(FIELD(answer, CALLIE_FIELD_METADATA), "/inReplyTo", &named));
    CHECK_TEXT(id, named);
    CHECK_OK(callie_string_free(named));
    CHECK_OK(callie_json_get(FIELD(answer, CALLIE_FIELD_METADATA), "/mood", &named));
    CHECK_TEXT("good", named);
    CHECK_OK(callie_string_free(named));
    /* Received metadata can be sent again unchanged. */
    snprintf(again, sizeof again, "%s", FIELD(answer, CALLIE_FIELD_METADATA));
    reply.metadata = again;
    CHECK_OK(callie_client_send(ada, "bob", "again", NULL, 0, &reply, &sent));
    expect_text(bob, "again");
    CHECK(outcome_of(ada, sent).kind == CALLIE_OUTCOME_KIND_DELIVERED);
    /* An invalid name is refused. */
    reply.metadata = "{\"inReplyTo\":7}";
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(ada, "bob", "x", NULL, 0, &reply, NULL));
    CHECK_OK(callie_events_free(question));
    CHECK_OK(callie_events_free(answer));
}

void invalid_text_is_refused(void)
{
    CallieClient *ada = online(the_server(), "ada"), *bob = online(the_server(), "bob");
    /* Not UTF-8: an invalid byte, half a surrogate pair, an overlong slash, a truncated character. */
    const char *no_texts[] = {"\xff", "x \xed\xa0\xbd y", "\xc0\xaf", "\xf0\x9f\x91"};
    const char *no_json[] = {"{\"n\":NaN}", "{\"n\":Infinity}", "{\"n\":01}", "{\"text\":\"\\ud83d\"}", "[]", "", "{"};
    char *result;
    for (size_t i = 0; i < sizeof no_texts / sizeof no_texts[0]; i++) {
        CHECK_STATUS(CALLIE_STATUS_INVALID_UTF8, callie_client_send(ada, "bob", no_texts[i], NULL, 0, NULL, NULL));
        CHECK_STATUS(CALLIE_STATUS_INVALID_UTF8, callie_client_edit_message(ada, "bob", "m1", no_texts[i]));
        CHECK_STATUS(CALLIE_STATUS_INVALID_UTF8, callie_client_command(ada, "GET_SETTINGS", no_texts[i], &result));
    }
    for (size_t i = 0; i < sizeof no_json / sizeof no_json[0]; i++) {
        CallieSendOptions options = default_send_options();
        options.metadata = no_json[i];
        CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(ada, "bob", "x", NULL, 0, &options, NULL));
        CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_command(ada, "GET_SETTINGS", no_json[i], &result));
    }
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_signal(ada, "bob", "typing", "NaN"));
    send_to(ada, "bob", "a text");
    expect_text(bob, "a text");
}

/* Reads a number of events, one at a time or in batches, and stops. */
static int read_some(CallieClient *client, int next, size_t max)
{
    CallieEvents *events;
    CHECK_OK(callie_client_next_events(client, max, PATIENCE_MS, &events));
    for (size_t i = 0; i < callie_events_count(events); i++)
        if (callie_event_kind(events, i) == CALLIE_EVENT_KIND_MESSAGE)
            CHECK(atoi(callie_event_string(events, i, CALLIE_FIELD_TEXT, NULL)) == next++);
    CHECK_OK(callie_events_free(events));
    return next;
}

void abandoned_iterator_loses_nothing(void)
{
    CallieClient *ada = online(the_server(), "ada"), *bob = online(the_server(), "bob");
    CallieEvents *none;
    for (int n = 0; n < 40; n++)
        CHECK_OK(send_number(ada, n, NULL, NULL));
    int next = 0;
    for (size_t max = 1; next < 40; max = max % 4 + 1) {
        int until = next + 3;
        while (next < until && next < 40)
            next = read_some(bob, next, max);
    }
    CHECK_OK(callie_client_next_events(bob, 64, 0, &none));
    CHECK(callie_events_count(none) == 0);
    CHECK_OK(callie_events_free(none));
}
