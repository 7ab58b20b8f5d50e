/* Broken connections, killed servers, ended sessions, suspended clients. */
#include "scenarios.h"

static void is_delivered(CallieClient *client, CallieSent sent)
{
    CHECK(outcome_of(client, sent).kind == CALLIE_OUTCOME_KIND_DELIVERED);
}

void cut_connection_loses_nothing(void)
{
    const char *texts[] = {"one", "two", "three"};
    CallieClient *ada = online(the_server(), "ada"), *bob = online(direct_server(), "bob");
    CallieSent sent[3];
    CallieStats stats;
    sent[0] = send_to(ada, "bob", "before");
    expect_text(bob, "before");
    is_delivered(ada, sent[0]);
    ask("hold");
    for (size_t i = 0; i < 3; i++)
        sent[i] = send_to(ada, "bob", texts[i]);
    ask("cut");
    await_state(ada, CALLIE_CONNECTION_STATE_WAITING);
    ask("release");
    await_state(ada, CALLIE_CONNECTION_STATE_ONLINE);
    for (size_t i = 0; i < 3; i++) {
        expect_text(bob, texts[i]);
        is_delivered(ada, sent[i]);
    }
    sent[0] = send_to(ada, "bob", "after");
    expect_text(bob, "after");
    is_delivered(ada, sent[0]);
    CHECK_OK(callie_client_stats(ada, &stats));
    CHECK(stats.reconnects >= 1);
}

/* Waits until it is online, and returns whether the connection continues the one before. */
static bool comes_back_resumed(CallieClient *client)
{
    for (;;) {
        CallieEvents *events = next_of(client, CALLIE_EVENT_KIND_CONNECTION_CHANGED);
        bool found = callie_event_state(events, 0) == CALLIE_CONNECTION_STATE_ONLINE;
        bool resumed = callie_event_resumed(events, 0);
        CHECK_OK(callie_events_free(events));
        if (found)
            return resumed;
    }
}

void lost_connection_is_resumed(void)
{
    const char *texts[] = {"one", "two", "three"};
    CallieClient *ada = online(the_server(), "ada"), *bob = online(direct_server(), "bob");
    CallieSent sent[3];
    CallieStats stats;
    ask("refuse");
    ask("cut");
    await_state(ada, CALLIE_CONNECTION_STATE_WAITING);
    for (size_t i = 0; i < 3; i++)
        sent[i] = send_to(bob, "ada", texts[i]);
    ask("accept");
    CHECK(comes_back_resumed(ada));
    for (size_t i = 0; i < 3; i++) {
        expect_text(ada, texts[i]);
        is_delivered(bob, sent[i]);
    }
    CHECK_OK(callie_client_suspend(ada));
    CHECK_OK(callie_client_resume(ada));
    CHECK(!comes_back_resumed(ada));
    CHECK_OK(callie_client_stats(ada, &stats));
    CHECK(stats.reconnects == 2 && stats.resumed == 1);
}

void client_reconnects_to_restarted_server(void)
{
    CallieClient *ada = online(the_server(), "ada");
    ask("kill");
    await_state(ada, CALLIE_CONNECTION_STATE_WAITING);
    ask("start");
    await_state(ada, CALLIE_CONNECTION_STATE_ONLINE);
    CHECK_OK(callie_client_ping(ada, "SERVER", NULL));
}

void message_sent_offline_arrives_later(void)
{
    CallieClient *ada = client_of(user(the_server(), "ada")), *bob = online(the_server(), "bob");
    CallieSent early = send_to(ada, "bob", "before the first connection");
    CHECK_OK(callie_client_start(ada));
    expect_text(bob, "before the first connection");
    is_delivered(ada, early);
    ask("kill");
    await_state(ada, CALLIE_CONNECTION_STATE_WAITING);
    /* Sent to oneself, so that no other user must reconnect first. */
    CallieSent late = send_to(ada, "ada", "while the server is away");
    ask("start");
    expect_text(ada, "while the server is away");
    is_delivered(ada, late);
}

void deadline_ends_a_ticket(void)
{
    CallieClient *ada = client_of(user(the_server(), "ada"));
    CallieSendOptions options = options_with_timeout(50);
    CallieSent sent;
    CallieStats stats;
    CHECK_OK(callie_client_send(ada, "bob", "too late", NULL, 0, &options, &sent));
    CallieSendOutcome outcome = outcome_of(ada, sent);
    CHECK(outcome.kind == CALLIE_OUTCOME_KIND_FAILED);
    CHECK_TEXT("EXPIRED", outcome.code);
    CHECK_OK(callie_client_stats(ada, &stats));
    CHECK(stats.waiting == 0);
}

void revoked_session_ends_the_client(void)
{
    CallieClient *ada = online(the_server(), "ada");
    CallieEvents *events;
    ask("revoke ada");
    events = next_of(ada, CALLIE_EVENT_KIND_NOTICE);
    CHECK_TEXT("SESSION_REVOKED", FIELD(events, CALLIE_FIELD_CODE));
    CHECK_OK(callie_events_free(events));
    events = next_of(ada, CALLIE_EVENT_KIND_CLOSED);
    CHECK_TEXT("SESSION_REVOKED", FIELD(events, CALLIE_FIELD_CODE));
    CHECK(callie_event_close_code(events, 0) == 4501);
    CHECK_OK(callie_events_free(events));
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_next_events(ada, 1, PATIENCE_MS, &events));
    CHECK(callie_client_state(ada) == CALLIE_CONNECTION_STATE_CLOSED);
}

/* Logs in again, and counts the calls. */
static bool log_in_again(const char *username, const char *reason, char *token, size_t size, void *user_data)
{
    CallieCredentials *credentials;
    char *given;
    ++*(int *)user_data;
    CHECK_TEXT("SESSION_REVOKED", reason);
    CHECK_OK(callie_server_login(the_server(), username, PASSWORD, NULL, &credentials));
    CHECK_OK(callie_credentials_token(credentials, &given));
    CHECK(strlen(given) < size);
    strcpy(token, given);
    CHECK_OK(callie_string_free(given));
    CHECK_OK(callie_credentials_free(credentials));
    return true;
}

void token_is_refreshed(void)
{
    CallieClient *ada = online(the_server(), "ada");
    int asked = 0;
    await_state(ada, CALLIE_CONNECTION_STATE_ONLINE);
    CHECK_OK(callie_client_set_token_source(ada, log_in_again, &asked));
    ask("revoke ada");
    await_state(ada, CALLIE_CONNECTION_STATE_ONLINE);
    CHECK_OK(callie_client_ping(ada, "SERVER", NULL));
    CHECK(asked == 1);
    CHECK_OK(callie_client_set_token_source(ada, NULL, NULL));
}

void suspended_client_resumes(void)
{
    CallieClient *ada = online(the_server(), "ada"), *bob = online(the_server(), "bob");
    CallieStats stats;
    CHECK_OK(callie_client_suspend(ada));
    await_state(ada, CALLIE_CONNECTION_STATE_SUSPENDED);
    CallieSent kept = send_to(ada, "bob", "for later");
    CHECK_OK(callie_client_resume(ada));
    await_state(ada, CALLIE_CONNECTION_STATE_ONLINE);
    expect_text(bob, "for later");
    is_delivered(ada, kept);
    CHECK_OK(callie_client_stats(ada, &stats));
    CHECK(stats.reconnects == 1);
}
