/* Calls every function of the header against a running server: live URL ADA BOB PASSWORD */
#include "check.h"

static CallieClient *enter(const char *url, const char *username, const char *password)
{
    CallieServer *server;
    CallieCredentials *credentials;
    CallieClient *client;

    CHECK_OK(callie_server_new(url, NULL, &server));
    CHECK_OK(callie_server_register_and_login(server, username, password, "C test", &credentials));
    CHECK_OK(callie_client_new(credentials, &client));
    CHECK_OK(callie_credentials_free(credentials));
    CHECK_OK(callie_server_free(server));
    CHECK_OK(callie_client_connect(client));
    CHECK(callie_client_state(client) == CALLIE_CONNECTION_STATE_ONLINE);
    return client;
}

static void refusals_carry_the_servers_code(const char *url, const char *taken, const char *password)
{
    CallieServer *server;
    CallieCredentials *credentials;
    CallieClient *client;

    CHECK_OK(callie_server_new(url, NULL, &server));
    CHECK_STATUS(CALLIE_STATUS_REFUSED, callie_server_register(server, taken, password));
    CHECK_TEXT("USERNAME_TAKEN", callie_last_error_code());
    CHECK_STATUS(CALLIE_STATUS_REFUSED, callie_server_register(server, "Not A Name", password));
    CHECK_TEXT("INVALID_USERNAME", callie_last_error_code());
    CHECK_STATUS(CALLIE_STATUS_REFUSED, callie_server_login(server, taken, "wrong password", NULL, &credentials));
    CHECK_TEXT("INVALID_CREDENTIALS", callie_last_error_code());
    CHECK(credentials == NULL);
    CHECK_OK(callie_credentials_new(server, taken, "no-such-token", &credentials));
    CHECK_OK(callie_client_new(credentials, &client));
    CHECK_STATUS(CALLIE_STATUS_REFUSED, callie_client_connect(client));
    CHECK_TEXT("AUTH_FAILED", callie_last_error_code());
    CHECK(callie_client_state(client) == CALLIE_CONNECTION_STATE_CLOSED);
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_credentials_free(credentials));
    CHECK_OK(callie_server_free(server));
}

static void a_session_is_kept_by_its_token(const char *url, const char *username, const char *password)
{
    CallieServer *server;
    CallieCredentials *first, *second;
    CallieClient *client;
    char *token;

    CHECK_OK(callie_server_new(url, NULL, &server));
    CHECK_OK(callie_server_login(server, username, password, NULL, &first));
    CHECK_OK(callie_credentials_token(first, &token));
    CHECK_OK(callie_credentials_new(server, username, token, &second));
    CHECK_OK(callie_string_free(token));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_string_free(token));
    CHECK_OK(callie_client_new(second, &client));
    CHECK_OK(callie_client_connect(client));
    CHECK_OK(callie_client_ping(client, "SERVER", NULL));
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_server_logout(server, first));
    CHECK_OK(callie_client_new(second, &client));
    CHECK_STATUS(CALLIE_STATUS_REFUSED, callie_client_connect(client));
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_credentials_free(first));
    CHECK_OK(callie_credentials_free(second));
    CHECK_OK(callie_server_free(server));
}

static void a_message_arrives_as_it_was_sent(CallieClient *from, CallieClient *to, const char *sender,
                                             const char *recipient)
{
    const char *text = "# Gr\xc3\xbc\xc3\x9f" "e\n`code` \xf0\x9f\x91\x8b";
    CallieAttachment files[] = {
        {.kind = CALLIE_ATTACHMENT_KIND_IMAGE,
         .url = "https://example.org/a.png",
         .filename = "a \xe2\x9c\x93.png",
         .filetype = "image/png",
         .size = 204800,
         .metadata = "{\"width\":640}"},
        {.kind = CALLIE_ATTACHMENT_KIND_FILE, .url = "http://example.org/b", .size = CALLIE_SIZE_UNKNOWN},
    };
    CallieSent sent;
    CallieEvents *events;
    size_t length;

    CHECK_OK(callie_client_send(from, recipient, text, files, 2, NULL, &sent));
    events = next_event(to);
    CHECK(callie_event_kind(events, 0) == CALLIE_EVENT_KIND_MESSAGE);
    CHECK_TEXT(text, callie_event_string(events, 0, CALLIE_FIELD_TEXT, &length));
    CHECK(length == strlen(text));
    CHECK_TEXT(sender, callie_event_string(events, 0, CALLIE_FIELD_SENDER, NULL));
    CHECK_TEXT(recipient, callie_event_string(events, 0, CALLIE_FIELD_RECIPIENT, NULL));
    CHECK(callie_event_string(events, 0, CALLIE_FIELD_PAYLOAD_ID, NULL) != NULL);
    CHECK_TEXT(sent.message_id, callie_event_string(events, 0, CALLIE_FIELD_MESSAGE_ID, NULL));
    CHECK(callie_event_string(events, 0, CALLIE_FIELD_IN_REPLY_TO, &length) == NULL);
    CHECK(length == 0);
    CHECK(callie_event_string(events, 0, 4711, NULL) == NULL);
    CHECK(callie_event_string(events, 1, CALLIE_FIELD_TEXT, NULL) == NULL);
    CHECK(callie_event_sent_at_ms(events, 0) > 0);
    CHECK(callie_event_attachment_count(events, 0) == 2);
    CHECK(callie_event_attachment_kind(events, 0, 0) == CALLIE_ATTACHMENT_KIND_IMAGE);
    CHECK_TEXT(files[0].url, callie_event_attachment_string(events, 0, 0, CALLIE_ATTACHMENT_FIELD_URL, NULL));
    CHECK_TEXT(files[0].filename,
               callie_event_attachment_string(events, 0, 0, CALLIE_ATTACHMENT_FIELD_FILENAME, NULL));
    CHECK_TEXT(files[0].filetype,
               callie_event_attachment_string(events, 0, 0, CALLIE_ATTACHMENT_FIELD_FILETYPE, NULL));
    CHECK(strstr(callie_event_attachment_string(events, 0, 0, CALLIE_ATTACHMENT_FIELD_METADATA, NULL), "640"));
    CHECK(callie_event_attachment_size(events, 0, 0) == 204800);
    CHECK(callie_event_attachment_kind(events, 0, 1) == CALLIE_ATTACHMENT_KIND_FILE);
    CHECK(callie_event_attachment_string(events, 0, 1, CALLIE_ATTACHMENT_FIELD_FILENAME, NULL) == NULL);
    CHECK(callie_event_attachment_size(events, 0, 1) == CALLIE_SIZE_UNKNOWN);
    CHECK(callie_event_attachment_string(events, 0, 2, CALLIE_ATTACHMENT_FIELD_URL, NULL) == NULL);
    CHECK_OK(callie_events_free(events));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_events_free(events));
    CHECK(callie_event_string(events, 0, CALLIE_FIELD_TEXT, NULL) == NULL);
}

static void what_cannot_be_sent_is_refused_here(CallieClient *client)
{
    CallieAttachment file = {.kind = 7, .url = "https://example.org/a", .size = CALLIE_SIZE_UNKNOWN};
    char *result;

    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "Not A Name", "x", NULL, 0, NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "BROADCAST", "", NULL, 0, NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_send(client, "BROADCAST", NULL, NULL, 0, NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_send(client, "BROADCAST", "x", NULL, 1, NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_INVALID_UTF8, callie_client_send(client, "BROADCAST", "\xc3", NULL, 0, NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "BROADCAST", "x", &file, 1, NULL, NULL));
    file.kind = CALLIE_ATTACHMENT_KIND_FILE;
    file.size = -2;
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "BROADCAST", "x", &file, 1, NULL, NULL));
    file.size = 0;
    file.url = "javascript:alert(1)";
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "BROADCAST", "x", &file, 1, NULL, NULL));
    file.url = NULL;
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_send(client, "BROADCAST", "x", &file, 1, NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_command(client, "lower", "{}", &result));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_command(client, "LIST_GROUPS", "[]", &result));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_next_events(client, 0, 0, &(CallieEvents *){NULL}));
}

static void a_group_is_made_used_and_left(CallieClient *ada, CallieClient *bob, const char *bobs_name)
{
    char group[64], *result;
    CallieEvents *events;

    CHECK_OK(callie_client_create_group(ada, "Tea", &bobs_name, 1, NULL, &result));
    CHECK_OK(callie_string_free(result));
    events = next_event(bob);
    snprintf(group, sizeof group, "%s", callie_event_string(events, 0, CALLIE_FIELD_GROUP_ID, NULL));
    CHECK_TEXT("USER_JOINED", callie_event_string(events, 0, CALLIE_FIELD_CODE, NULL));
    CHECK_OK(callie_events_free(events));
    CHECK_OK(callie_client_send(ada, group, "to all", NULL, 0, NULL, NULL));
    events = next_event(bob);
    CHECK_TEXT("to all", callie_event_string(events, 0, CALLIE_FIELD_TEXT, NULL));
    CHECK_TEXT(group, callie_event_string(events, 0, CALLIE_FIELD_RECIPIENT, NULL));
    CHECK_OK(callie_events_free(events));
    CHECK_OK(callie_client_command(ada, "LIST_GROUPS", "{}", &result));
    CHECK(strstr(result, group) != NULL);
    CHECK_OK(callie_string_free(result));
    CHECK_OK(callie_client_leave_group(bob, group));
    CHECK_STATUS(CALLIE_STATUS_REFUSED, callie_client_leave_group(bob, group));
    CHECK_TEXT("GROUP_NOT_FOUND", callie_last_error_code());
}

static void a_name_that_is_not_there_is_told(CallieClient *client)
{
    CallieSent sent;
    CallieSendOutcome outcome;
    CallieEvents *events;
    bool found;

    CHECK_STATUS(CALLIE_STATUS_REFUSED, callie_client_ping(client, "nobody.of.that.name", NULL));
    CHECK_TEXT("RECIPIENT_UNKNOWN", callie_last_error_code());
    CHECK_OK(callie_client_send(client, "nobody.of.that.name", "hello?", NULL, 0, NULL, &sent));
    CHECK_OK(callie_client_wait(client, sent.ticket, 20000, &outcome));
    CHECK(outcome.kind == CALLIE_OUTCOME_KIND_FAILED);
    CHECK_TEXT("RECIPIENT_UNKNOWN", outcome.code);
    CHECK(strlen(outcome.reason) > 0);
    do {
        CHECK_OK(callie_client_next_events(client, 1, 20000, &events));
        found = callie_event_ticket(events, 0) == sent.ticket;
        if (found) {
            CHECK(callie_event_kind(events, 0) == CALLIE_EVENT_KIND_ENDED);
            CHECK_TEXT(sent.message_id, callie_event_string(events, 0, CALLIE_FIELD_MESSAGE_ID, NULL));
            CHECK_OK(callie_event_outcome(events, 0, &outcome));
            CHECK_TEXT("RECIPIENT_UNKNOWN", outcome.code);
        }
        CHECK_OK(callie_events_free(events));
    } while (!found);
}

static void the_last_event_tells_the_end(CallieClient *client)
{
    CallieEvents *events;

    CHECK_OK(callie_client_next_events(client, 64, 0, &events));
    CHECK_OK(callie_events_free(events));
    CHECK_OK(callie_client_disconnect(client));
    CHECK_OK(callie_client_disconnect(client));
    do
        events = next_event(client);
    while (callie_event_kind(events, 0) != CALLIE_EVENT_KIND_CLOSED && callie_events_free(events) == CALLIE_STATUS_OK);
    CHECK(callie_event_close_code(events, 0) == 1000);
    CHECK_TEXT("DISCONNECTED", callie_event_string(events, 0, CALLIE_FIELD_CODE, NULL));
    CHECK_OK(callie_events_free(events));
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_next_events(client, 1, 0, &events));
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_send(client, "BROADCAST", "x", NULL, 0, NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_ping(client, "SERVER", NULL));
    CHECK_TEXT("CLOSED", callie_last_error_code());
}

int main(int argc, char **argv)
{
    CHECK(argc == 5);
    const char *url = argv[1], *ada_name = argv[2], *bob_name = argv[3], *password = argv[4];
    CallieClient *ada = enter(url, ada_name, password);
    CallieClient *bob = enter(url, bob_name, password);
    uint64_t microseconds = 0;

    refusals_carry_the_servers_code(url, ada_name, password);
    a_session_is_kept_by_its_token(url, ada_name, password);
    CHECK_OK(callie_client_ping(ada, "SERVER", &microseconds));
    CHECK(microseconds > 0);
    CHECK_OK(callie_client_ping(ada, bob_name, &microseconds));
    a_message_arrives_as_it_was_sent(ada, bob, ada_name, bob_name);
    a_message_arrives_as_it_was_sent(bob, ada, bob_name, ada_name);
    what_cannot_be_sent_is_refused_here(ada);
    a_group_is_made_used_and_left(ada, bob, bob_name);
    a_name_that_is_not_there_is_told(ada);
    the_last_event_tells_the_end(ada);
    CHECK_OK(callie_client_free(ada));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_client_ping(ada, "SERVER", NULL));
    /* Freed without a disconnect: the library closes the connection in the background. */
    CHECK_OK(callie_client_free(bob));
    puts("ok");
    return 0;
}
