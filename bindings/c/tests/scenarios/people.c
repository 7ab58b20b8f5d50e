/* Users, their clients, and their events. */
#include "scenarios.h"

#define MOST 64

static CallieServer *servers[MOST];
static CallieCredentials *all_credentials[MOST];
static CallieClient *clients[MOST];
static size_t server_count, credentials_count, client_count;

#define KEEP(list, count, handle)                                                                             \
    do {                                                                                                      \
        CHECK((count) < MOST);                                                                                \
        (list)[(count)++] = (handle);                                                                         \
    } while (0)

CallieServer *server_at(const char *url, const CallieConfig *config)
{
    CallieServer *server;
    CHECK_OK(callie_server_new(url, config, &server));
    KEEP(servers, server_count, server);
    return server;
}

CallieServer *the_server(void)
{
    static CallieServer *server;
    if (server == NULL)
        server = server_at(ask("server"), NULL);
    return server;
}

CallieServer *direct_server(void)
{
    the_server();
    return server_at(ask("direct"), NULL);
}

CallieCredentials *hostile(const char *kind, uint32_t patience_ms)
{
    CallieConfig config = config_with_timeouts(patience_ms);
    CallieServer *server = server_at(ask("hostile %s", kind), &config);
    CallieCredentials *credentials;
    CHECK_OK(callie_credentials_new(server, "ada", "token", &credentials));
    KEEP(all_credentials, credentials_count, credentials);
    return credentials;
}

CallieCredentials *user(CallieServer *server, const char *name)
{
    CallieCredentials *credentials;
    CHECK_OK(callie_server_register_and_login(server, name, PASSWORD, NULL, &credentials));
    KEEP(all_credentials, credentials_count, credentials);
    return credentials;
}

CallieClient *client_of(CallieCredentials *credentials)
{
    CallieClient *client;
    CHECK_OK(callie_client_new(credentials, &client));
    KEEP(clients, client_count, client);
    return client;
}

CallieClient *online(CallieServer *server, const char *name)
{
    CallieClient *client = client_of(user(server, name));
    CHECK_OK(callie_client_connect(client));
    return client;
}

void free_everything(void)
{
    /* A handle that a scenario has freed results in a status, which is ignored. */
    for (size_t i = 0; i < client_count; i++) {
        callie_client_disconnect(clients[i]);
        callie_client_free(clients[i]);
    }
    for (size_t i = 0; i < credentials_count; i++)
        callie_credentials_free(all_credentials[i]);
    for (size_t i = 0; i < server_count; i++)
        callie_server_free(servers[i]);
}

CallieEvents *any_event(CallieClient *client)
{
    CallieEvents *events;
    CHECK_OK(callie_client_next_events(client, 1, PATIENCE_MS, &events));
    CHECK(callie_events_count(events) == 1);
    return events;
}

CallieEvents *next_of(CallieClient *client, CallieEventKind kind)
{
    for (;;) {
        CallieEvents *events = any_event(client);
        if (callie_event_kind(events, 0) == kind)
            return events;
        CHECK_OK(callie_events_free(events));
    }
}

void await_state(CallieClient *client, CallieConnectionState state)
{
    for (;;) {
        CallieEvents *events = next_of(client, CALLIE_EVENT_KIND_CONNECTION_CHANGED);
        bool found = callie_event_state(events, 0) == state;
        CHECK_OK(callie_events_free(events));
        if (found)
            return;
    }
}

void expect_text(CallieClient *client, const char *text)
{
    CallieEvents *events = next_of(client, CALLIE_EVENT_KIND_MESSAGE);
    CHECK_TEXT(text, FIELD(events, CALLIE_FIELD_TEXT));
    CHECK_OK(callie_events_free(events));
}

CallieSent send_to(CallieClient *client, const char *recipient, const char *text)
{
    CallieSent sent;
    CHECK_OK(callie_client_send(client, recipient, text, NULL, 0, NULL, &sent));
    return sent;
}

CallieSendOutcome outcome_of(CallieClient *client, CallieSent sent)
{
    CallieSendOutcome outcome;
    CHECK_OK(callie_client_wait(client, sent.ticket, PATIENCE_MS, &outcome));
    return outcome;
}
