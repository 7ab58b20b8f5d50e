/* Connecting: trust, states and statistics. */
#include "scenarios.h"

void connects_and_authenticates(void)
{
    CallieClient *client = client_of(user(the_server(), "ada"));
    CallieLimits limits;
    char *username;
    CHECK(callie_client_state(client) == CALLIE_CONNECTION_STATE_SUSPENDED);
    CHECK_OK(callie_client_connect(client));
    CHECK(callie_client_state(client) == CALLIE_CONNECTION_STATE_ONLINE);
    CHECK_OK(callie_client_limits(client, &limits));
    CHECK(limits.max_text_bytes == 32768 && limits.max_attachments == 10);
    CHECK(limits.messages_per_second > 0 && limits.burst > 0);
    CHECK(limits.broadcasts_per_minute > 0 && limits.broadcast_burst > 0);
    CHECK_OK(callie_client_username(client, &username));
    CHECK_TEXT("ada", username);
    CHECK_OK(callie_string_free(username));
    CHECK_OK(callie_client_connect(client));
}

void invalid_token_is_refused(void)
{
    CallieCredentials *credentials = user(the_server(), "ada");
    CallieClient *client = client_of(credentials);
    CHECK_OK(callie_server_logout(the_server(), credentials));
    CHECK_REFUSED(CALLIE_STATUS_REFUSED, "AUTH_FAILED", callie_client_connect(client));
    CallieEvents *end = next_of(client, CALLIE_EVENT_KIND_CLOSED);
    CHECK_TEXT("AUTH_FAILED", FIELD(end, CALLIE_FIELD_CODE));
    CHECK(callie_event_close_code(end, 0) == 4501);
    CHECK_OK(callie_events_free(end));
    CHECK(callie_client_state(client) == CALLIE_CONNECTION_STATE_CLOSED);
}

/* Logging in and connecting fail with the same error. */
static void is_refused(CallieServer *server, const char *code)
{
    CallieCredentials *credentials;
    CHECK_REFUSED(CALLIE_STATUS_UNREACHABLE, code, callie_server_login(server, "ada", PASSWORD, NULL, &credentials));
    CHECK_OK(callie_credentials_new(server, "ada", "token", &credentials));
    CallieClient *client = client_of(credentials);
    CHECK_OK(callie_credentials_free(credentials));
    CHECK_REFUSED(CALLIE_STATUS_UNREACHABLE, code, callie_client_connect(client));
    CHECK(callie_client_state(client) == CALLIE_CONNECTION_STATE_SUSPENDED);
}

void unused_port_is_unreachable(void)
{
    is_refused(server_at(ask("nobody"), NULL), "UNREACHABLE");
}

/* Starts a server with TLS. Returns its URL, its root in PEM and the pin of its key. */
static struct {
    char url[64], root[65536], pin[65];
} tls;

static void start_tls(void)
{
    char path[1024];
    CHECK(sscanf(ask("tls"), "%63s %1023s %64s", tls.url, path, tls.pin) == 3);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    size_t length = fread(tls.root, 1, sizeof tls.root - 1, file);
    CHECK(length > 0 && feof(file));
    fclose(file);
}

static void is_trusted(CallieServer *server)
{
    CHECK_OK(callie_client_ping(online(server, "ada"), "SERVER", NULL));
}

void wrong_certificate_is_refused(void)
{
    start_tls();
    is_refused(server_at(tls.url, NULL), "TLS_FAILED");
}

void extra_root_is_trusted(void)
{
    start_tls();
    CallieConfig config = default_config();
    config.extra_roots = tls.root;
    is_trusted(server_at(tls.url, &config));
    config.bundled_roots = false;
    is_trusted(server_at(tls.url, &config));
}

void unreadable_root_is_refused(void)
{
    start_tls();
    CallieServer *server;
    CallieConfig config = default_config();
    config.extra_roots = strcat(tls.root, "-----BEGIN CERTIFICATE-----\nAAAA\n");
    CHECK_REFUSED(CALLIE_STATUS_INVALID_ARGUMENT, "INVALID_ARGUMENT", callie_server_new(tls.url, &config, &server));
    CHECK_TEXT("PEM block 2 of extra root 1 cannot be read: its END line is missing", callie_last_error_reason());
}

void pinned_key_is_required(void)
{
    static const char *const OTHER = "0000000000000000000000000000000000000000000000000000000000000000";
    start_tls();
    const char *pins[] = {OTHER, tls.pin};
    CallieConfig config = default_config();
    config.extra_roots = tls.root;
    config.pins = pins;
    config.pin_count = 2;
    is_trusted(server_at(tls.url, &config));
    config.pin_count = 1;
    is_refused(server_at(tls.url, &config), "TLS_FAILED");
}

void states_are_reported_in_order(void)
{
    const CallieConnectionState expected[] = {CALLIE_CONNECTION_STATE_CONNECTING, CALLIE_CONNECTION_STATE_ONLINE, CALLIE_CONNECTION_STATE_CLOSED};
    CallieClient *client = client_of(user(the_server(), "ada"));
    CallieEvents *events;
    CHECK_OK(callie_client_start(client));
    for (size_t i = 0; i < 3; i++) {
        if (i == 2)
            CHECK_OK(callie_client_disconnect(client));
        events = any_event(client);
        CHECK(callie_event_kind(events, 0) == (i < 2 ? CALLIE_EVENT_KIND_CONNECTION_CHANGED : CALLIE_EVENT_KIND_CLOSED));
        CHECK(callie_event_state(events, 0) == expected[i]);
        if (i == 2) {
            CHECK(callie_event_close_code(events, 0) == 1000);
            CHECK_TEXT("DISCONNECTED", FIELD(events, CALLIE_FIELD_CODE));
        }
        CHECK_OK(callie_events_free(events));
    }
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_next_events(client, 1, PATIENCE_MS, &events));
}

void statistics_count(void)
{
    CallieClient *ada = online(the_server(), "ada"), *bob = online(direct_server(), "bob");
    CallieStats sent, received;
    for (int n = 0; n < 3; n++) {
        CallieSent message = send_to(ada, "bob", "hello");
        expect_text(bob, "hello");
        outcome_of(ada, message);
    }
    CHECK_OK(callie_client_stats(ada, &sent));
    CHECK_OK(callie_client_stats(bob, &received));
    CHECK(sent.messages_sent == 3 && sent.messages_received == 0);
    CHECK(received.messages_sent == 0 && received.messages_received == 3 && received.duplicates == 0);
    CHECK(sent.connects == 1 && sent.reconnects == 0 && sent.waiting == 0);
    CHECK(sent.payloads_sent >= 4 && sent.payloads_received >= 4);
    CHECK(sent.bytes_sent > 600 && sent.bytes_received > 600);
    await_state(ada, CALLIE_CONNECTION_STATE_ONLINE);
    ask("cut");
    await_state(ada, CALLIE_CONNECTION_STATE_ONLINE);
    CHECK_OK(callie_client_stats(ada, &sent));
    CHECK(sent.connects == 2 && sent.reconnects == 1);
}
