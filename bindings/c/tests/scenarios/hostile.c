/* Servers that send garbage or false replies, stay silent, or close: each is survived or results in a status. */
#include "scenarios.h"

/* How long these clients wait for a server that may never answer. */
#define SHORT_MS 300

void garbage_is_survived(void)
{
    const char *expected[] = {"INVALID_JSON", "MISSING_FIELD", "INVALID_JSON"};
    CallieClient *ada = client_of(hostile("garbage", PATIENCE_MS));
    CallieEvents *events;
    CHECK_OK(callie_client_connect(ada));
    for (size_t i = 0; i < 3; i++) {
        events = next_of(ada, CALLIE_EVENT_KIND_UNREADABLE);
        CHECK_TEXT(expected[i], FIELD(events, CALLIE_FIELD_CODE));
        CHECK_OK(callie_events_free(events));
    }
    events = any_event(ada);
    CHECK(callie_event_kind(events, 0) == CALLIE_EVENT_KIND_UNKNOWN);
    CHECK(strstr(FIELD(events, CALLIE_FIELD_PAYLOAD), "FROM_THE_FUTURE") != NULL);
    CHECK_OK(callie_events_free(events));
    expect_text(ada, "still here");
    CHECK_OK(callie_client_ping(ada, "SERVER", NULL));
}

void lying_server_is_survived(void)
{
    CallieClient *ada = client_of(hostile("liar", PATIENCE_MS));
    CallieSent sent;
    CallieStats stats;
    char *result;
    CHECK_OK(callie_client_connect(ada));
    expect_text(ada, "once");
    CHECK_OK(callie_client_ping(ada, "SERVER", NULL));
    CHECK_OK(callie_client_stats(ada, &stats));
    CHECK(stats.messages_received == 1 && stats.duplicates == 1);
    CHECK_STATUS(CALLIE_STATUS_BAD_ANSWER, callie_client_list_groups(ada, 0, NULL, &result));
    sent = send_to(ada, "bob", "hello");
    CallieEvents *lie = next_of(ada, CALLIE_EVENT_KIND_NOTICE);
    CHECK_TEXT("DELIVERED", FIELD(lie, CALLIE_FIELD_CODE));
    CHECK_OK(callie_events_free(lie));
    CHECK_OK(callie_client_ping(ada, "SERVER", NULL));
    /* The false DELIVERED has no effect: the message has no outcome until the end. */
    CHECK_OK(callie_client_stats(ada, &stats));
    CHECK(stats.waiting == 1);
    CHECK_OK(callie_client_disconnect(ada));
    CHECK(outcome_of(ada, sent).kind == CALLIE_OUTCOME_KIND_UNCONFIRMED);
}

void silent_server_times_out(void)
{
    CallieConfig config = config_with_timeouts(SHORT_MS);
    CallieServer *server = server_at(ask("hostile silent"), &config);
    CallieCredentials *credentials;
    CHECK_STATUS(CALLIE_STATUS_TIMED_OUT, callie_server_login(server, "ada", PASSWORD, NULL, &credentials));
    CallieClient *client = client_of(hostile("silent", SHORT_MS));
    CHECK_STATUS(CALLIE_STATUS_TIMED_OUT, callie_client_connect(client));
    CHECK(callie_client_state(client) == CALLIE_CONNECTION_STATE_SUSPENDED);
}

void close_at_every_step_is_an_error(void)
{
    const char *steps[] = {"close-on-accept", "close-in-upgrade", "close-after-upgrade", "close-after-authenticate",
                           "close-in-frame"};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        CallieClient *client = client_of(hostile(steps[i], PATIENCE_MS));
        CallieStatus status = callie_client_connect(client);
        CHECK(status == CALLIE_STATUS_UNREACHABLE || status == CALLIE_STATUS_BAD_ANSWER);
        CHECK(callie_client_state(client) == CALLIE_CONNECTION_STATE_SUSPENDED);
    }
}
