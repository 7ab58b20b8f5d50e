/* Invalid arguments result in a status with a reason, and never in a crash. Needs no server. */
#include "check.h"

static const char *NOT_UTF8 = "\xff\xfe";

static void null_is_a_status(void)
{
    CallieServer *server;
    CallieClient *client;
    CallieSession *session;
    CallieEvents *events;
    CallieEnding ending;
    CallieStats stats;
    CallieLimits limits;
    CalliePayloadFault fault;
    char *text;
    int fd;

    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_server_new(NULL, NULL, &server));
    CHECK(server == NULL);
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_server_new("http://127.0.0.1:1", NULL, NULL));
    CHECK_TEXT("INVALID_ARGUMENT", callie_last_error_code());
    CHECK_TEXT("server is NULL", callie_last_error_reason());
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_server_register(NULL, "a", "b"));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_server_login(NULL, "a", "b", NULL, &session));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_server_register_and_login(NULL, "a", "b", NULL, &session));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_server_logout(NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_session_resume(NULL, "a", "b", &session));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_session_token(NULL, &text));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_new(NULL, &client));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_send(NULL, "ada", "b", NULL, 0, NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_ping(NULL, "SERVER", NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_command(NULL, "A", "{}", &text));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_create_group(NULL, "a", NULL, 0, NULL, &text));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_leave_group(NULL, "a"));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_next_events(NULL, 1, 0, &events));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_disconnect(NULL));
    CHECK(callie_events_count(NULL) == 0);
    CHECK(callie_event_kind(NULL, 0) == CALLIE_EVENT_KIND_NONE);
    CHECK(callie_event_string(NULL, 0, CALLIE_FIELD_TEXT, NULL) == NULL);
    CHECK(callie_event_attachment_string(NULL, 0, 0, CALLIE_ATTACHMENT_FIELD_URL, NULL) == NULL);
    CHECK(callie_event_attachment_count(NULL, 0) == 0);
    CHECK(callie_event_attachment_size(NULL, 0, 0) == CALLIE_SIZE_UNKNOWN);
    CHECK(callie_event_timestamp_ms(NULL, 0) == 0);
    CHECK(callie_event_close_code(NULL, 0) == 0);
    CHECK(callie_event_ticket(NULL, 0) == 0);
    CHECK(callie_event_state(NULL, 0) == CALLIE_STATE_NONE);
    CHECK(callie_event_retry_in_ms(NULL, 0) == 0);
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_event_ending(NULL, 0, &ending));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_start(NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_connect(NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_suspend(NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_resume(NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_network_changed(NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_wait(NULL, 1, 0, &ending));
    CHECK(ending.kind == CALLIE_ENDING_KIND_NONE);
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_fd(NULL, &fd));
    CHECK(fd == -1);
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_stats(NULL, &stats));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_limits(NULL, &limits));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_username(NULL, &text));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_listen(NULL, NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_set_token_source(NULL, NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_set_logger(17, NULL, NULL));
    CHECK_OK(callie_set_logger(CALLIE_LOG_LEVEL_OFF, NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_check_payload(NULL, 1, &fault));
    CHECK(callie_client_state(NULL) == CALLIE_STATE_NONE);
}

static void what_a_failed_call_would_give_is_null(void)
{
    CallieServer *server;
    CallieSession *dead, *session = (CallieSession *)(void *)&server;
    CallieClient *client = (CallieClient *)(void *)&server;
    CallieEvents *events = (CallieEvents *)(void *)&server;
    char *token = (char *)&server, *result = token, *group = token;
    uint64_t microseconds = 1;

    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &server));
    CHECK_OK(callie_session_resume(server, "ada", "token", &dead));
    CHECK_OK(callie_session_free(dead));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_client_new(dead, &client));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_session_token(dead, &token));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_session_resume(NULL, "ada", "token", &session));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_next_events(NULL, 1, 0, &events));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_command(NULL, "A", "{}", &result));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_create_group(NULL, "a", NULL, 0, NULL, &group));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_ping(NULL, "SERVER", &microseconds));
    CHECK(client == NULL && token == NULL && session == NULL && events == NULL && result == NULL && group == NULL);
    CHECK(microseconds == 0);
    CHECK_OK(callie_server_free(server));
}

static void freeing_null_is_nothing(void)
{
    CHECK_OK(callie_server_free(NULL));
    CHECK_OK(callie_session_free(NULL));
    CHECK_OK(callie_client_free(NULL));
    CHECK_OK(callie_events_free(NULL));
    CHECK_OK(callie_string_free(NULL));
}

static void a_freed_handle_is_a_status(void)
{
    CallieServer *server;
    CallieSession *session;

    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &server));
    CHECK_OK(callie_server_free(server));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_server_free(server));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_server_register(server, "a", "b"));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_server_login(server, "a", "b", NULL, &session));
}

static void what_was_never_a_handle_is_a_status(void)
{
    int on_the_stack = 0;
    char text[] = "not given by the library";
    CallieServer *server;
    CallieClient *client;

    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_server_free((CallieServer *)(void *)&on_the_stack));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_string_free(text));
    CHECK(callie_events_count((const CallieEvents *)(void *)&on_the_stack) == 0);
    /* A handle of another kind. */
    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &server));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_client_new((CallieSession *)(void *)server, &client));
    CHECK(client == NULL);
    CHECK_OK(callie_server_free(server));
}

static void what_is_not_utf8_is_a_status(void)
{
    CallieServer *server;
    CallieSession *session;

    CHECK_STATUS(CALLIE_STATUS_INVALID_UTF8, callie_server_new(NOT_UTF8, NULL, &server));
    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &server));
    CHECK_STATUS(CALLIE_STATUS_INVALID_UTF8, callie_server_register(server, NOT_UTF8, "b"));
    CHECK_TEXT("username is not UTF-8", callie_last_error_reason());
    CHECK_STATUS(CALLIE_STATUS_INVALID_UTF8, callie_server_login(server, "a", "b", NOT_UTF8, &session));
    CHECK(session == NULL);
    CHECK_OK(callie_server_free(server));
}

static void what_has_the_wrong_form_is_a_status(void)
{
    const char *bad[] = {"", "127.0.0.1:8080", "ftp://a", "http://u:p@h", "http://h:0"};
    CallieServer *server;
    CallieSession *session;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_server_new(bad[i], NULL, &server));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT,
                 callie_server_new("https://a", &(CallieOptions){.pins = bad, .pin_count = 1}, &server));
    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &server));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_session_resume(server, "NOT A NAME", "token", &session));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_session_resume(server, "ada", "", &session));
    CHECK_OK(callie_server_free(server));
}

/* Nothing waits for a login or a connection to be refused. */
static void unusable_options_are_refused_by_the_constructor(void)
{
    static const char *const PIN = "0000000000000000000000000000000000000000000000000000000000000000";
    CallieServer *server;

    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT,
                 callie_server_new("https://a", &(CallieOptions){.no_bundled_roots = true}, &server));
    CHECK(server == NULL);
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT,
                 callie_server_new("http://a", &(CallieOptions){.pins = &PIN, .pin_count = 1}, &server));
    CHECK_TEXT("pins need TLS: write https:// in the server's URL", callie_last_error_reason());
}

static void a_server_that_is_not_there_is_a_status(void)
{
    CallieOptions options = {.connect_ms = 5000, .exchange_ms = 5000};
    CallieServer *server;
    CallieSession *session;
    CallieClient *client;
    CallieSent sent;
    CallieEnding ending;

    CHECK_OK(callie_server_new("http://127.0.0.1:1", &options, &server));
    CHECK_STATUS(CALLIE_STATUS_UNREACHABLE, callie_server_login(server, "ada", "password", NULL, &session));
    CHECK_TEXT("UNREACHABLE", callie_last_error_code());
    CHECK_OK(callie_session_resume(server, "ada", "token", &session));
    CHECK_OK(callie_server_free(server));
    CHECK_OK(callie_client_new(session, &client));
    CHECK_OK(callie_session_free(session));
    CHECK(callie_client_state(client) == CALLIE_STATE_SUSPENDED);
    CHECK_STATUS(CALLIE_STATUS_UNREACHABLE, callie_client_connect(client));
    CHECK(callie_client_state(client) == CALLIE_STATE_SUSPENDED);
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_wait(client, 1, 0, &ending));
    CHECK_OK(callie_client_send(client, "bob", "later", NULL, 0, NULL, &sent));
    CHECK_STATUS(CALLIE_STATUS_TIMED_OUT, callie_client_wait(client, sent.ticket, 0, &ending));
    CHECK_OK(callie_client_disconnect(client));
    CHECK_OK(callie_client_wait(client, sent.ticket, 0, &ending));
    CHECK(ending.kind == CALLIE_ENDING_KIND_FAILED);
    CHECK_TEXT("DISCONNECTED", ending.code);
    CHECK(callie_client_state(client) == CALLIE_STATE_CLOSED);
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_connect(client));
    CHECK_OK(callie_client_free(client));
}

static void an_impossible_count_is_a_status(void)
{
    const char *one[] = {"bob"};
    CallieServer *server;
    CallieSession *session;
    CallieClient *client;
    CallieAttachment file = {.url = "https://example.org/a"};
    CallieOptions options = {.pins = one, .pin_count = SIZE_MAX};
    char *result;

    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_server_new("https://a", &options, &server));
    options.pin_count = 1025;
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_server_new("https://a", &options, &server));
    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &server));
    CHECK_OK(callie_session_resume(server, "ada", "token", &session));
    CHECK_OK(callie_client_new(session, &client));
    for (size_t count = SIZE_MAX; count > 100000; count /= 2) {
        CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "bob", "x", &file, count, NULL, NULL));
        CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT,
                     callie_client_create_group(client, "a", one, count, NULL, &result));
        CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_get_presence(client, one, count, &result));
        CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_subscribe_presence(client, one, count, &result));
        CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_unsubscribe_presence(client, one, count));
    }
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_session_free(session));
    CHECK_OK(callie_server_free(server));
}

/* Options that are all zeros mean the defaults, or result in a status. */
static void a_zeroed_struct_is_the_default(void)
{
    CallieOptions options = {0};
    CallieSendOptions send_options = {0};
    CallieAttachment file = {0};
    CallieServer *server;
    CallieSession *session;
    CallieClient *client;

    CHECK_OK(callie_server_new("http://127.0.0.1:1", &options, &server));
    CHECK_OK(callie_session_resume(server, "ada", "token", &session));
    CHECK_OK(callie_client_new(session, &client));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_send(client, "bob", "x", &file, 1, &send_options, NULL));
    file.url = "https://example.org/a";
    CHECK_OK(callie_client_send(client, "bob", "x", &file, 1, &send_options, NULL));
    CHECK(CALLIE_ATTACHMENT_KIND_FILE == 0 && 1 - CALLIE_SIZE_UNKNOWN == 2);
    file.size = -2;
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "bob", "x", &file, 1, NULL, NULL));
    file.size = INT64_MAX;
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "bob", "x", &file, 1, NULL, NULL));
    file.size = 0;
    file.kind = UINT32_MAX;
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "bob", "x", &file, 1, NULL, NULL));
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_session_free(session));
    CHECK_OK(callie_server_free(server));
}

static void the_longest_times_are_taken(void)
{
    CallieOptions options = {.connect_ms = UINT32_MAX, .exchange_ms = UINT32_MAX, .send_ms = UINT32_MAX,
                             .max_waiting = UINT32_MAX, .event_queue = UINT32_MAX};
    CallieSendOptions send_options = {.timeout_ms = UINT32_MAX};
    CallieServer *server;
    CallieSession *session;
    CallieClient *client;
    CallieSent sent;
    CallieEnding ending;
    CallieEvents *events;

    CHECK_OK(callie_server_new("http://127.0.0.1:1", &options, &server));
    CHECK_STATUS(CALLIE_STATUS_UNREACHABLE, callie_server_login(server, "ada", "password", NULL, &session));
    CHECK_OK(callie_session_resume(server, "ada", "token", &session));
    CHECK_OK(callie_client_new(session, &client));
    CHECK_STATUS(CALLIE_STATUS_UNREACHABLE, callie_client_connect(client));
    CHECK_OK(callie_client_send(client, "bob", "x", NULL, 0, &send_options, &sent));
    CHECK_OK(callie_client_send(client, "bob", "x", NULL, 0, NULL, NULL));
    CHECK_OK(callie_client_next_events(client, SIZE_MAX, UINT32_MAX, &events));
    CHECK(callie_events_count(events) > 0);
    CHECK_OK(callie_events_free(events));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_wait(client, UINT64_MAX, UINT32_MAX, &ending));
    CHECK_OK(callie_client_disconnect(client));
    CHECK_OK(callie_client_wait(client, sent.ticket, UINT32_MAX, &ending));
    CHECK(ending.kind == CALLIE_ENDING_KIND_FAILED);
    CHECK_OK(callie_client_next_events(client, SIZE_MAX, UINT32_MAX, &events));
    CHECK(callie_event_kind(events, SIZE_MAX) == CALLIE_EVENT_KIND_NONE);
    CHECK_OK(callie_events_free(events));
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_session_free(session));
    CHECK_OK(callie_server_free(server));
}

/* No value is a field of both kinds. */
static void a_field_of_the_other_kind_is_a_status(void)
{
    CallieServer *server;
    CallieSession *session;
    CallieClient *client;
    CallieEvents *events;

    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &server));
    CHECK_OK(callie_session_resume(server, "ada", "token", &session));
    CHECK_OK(callie_client_new(session, &client));
    CHECK_OK(callie_client_send(client, "bob", "x", NULL, 0, &(CallieSendOptions){.timeout_ms = 1}, NULL));
    CHECK_OK(callie_client_next_events(client, 1, 20000, &events));
    CHECK(callie_event_string(events, 0, CALLIE_FIELD_MESSAGE_ID, NULL) != NULL);
    for (uint32_t field = CALLIE_ATTACHMENT_FIELD_URL; field <= CALLIE_ATTACHMENT_FIELD_METADATA; field++)
        CHECK(callie_event_string(events, 0, field, NULL) == NULL);
    for (uint32_t field = CALLIE_FIELD_SENDER; field <= CALLIE_FIELD_PATH; field++)
        CHECK(field < CALLIE_ATTACHMENT_FIELD_URL && callie_event_attachment_string(events, 0, 0, field, NULL) == NULL);
    CHECK(callie_event_string(events, 0, UINT32_MAX, NULL) == NULL);
    CHECK_OK(callie_events_free(events));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_events_free(events));
    CHECK_TEXT("the batch of events was freed already or was never a handle", callie_last_error_reason());
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_session_free(session));
    CHECK_OK(callie_server_free(server));
}

static void bad_json_is_a_status(void)
{
    char *value = (char *)&value;

    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_json_get(NULL, "", &value));
    CHECK(value == NULL);
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_json_get("{}", NULL, &value));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_json_get("{}", "", NULL));
    CHECK_STATUS(CALLIE_STATUS_INVALID_UTF8, callie_json_get(NOT_UTF8, "", &value));
    CHECK_STATUS(CALLIE_STATUS_INVALID_UTF8, callie_json_get("{}", NOT_UTF8, &value));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_json_get("{", "", &value));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_json_get("{\"a\":1}", "a", &value));
    CHECK_OK(callie_json_get("{\"a\":1}", "/b", &value));
    CHECK(value == NULL);
    CHECK_OK(callie_json_get("{\"a\":[\"x\"]}", "/a/0", &value));
    CHECK_TEXT("x", value);
    CHECK_OK(callie_string_free(value));
}

/* An argument that is not a JSON object is named once, in one sentence. */
static void a_reason_reads_as_a_sentence(void)
{
    CallieServer *server;
    CallieSession *session;
    CallieClient *client;
    CallieSendOptions options = {.metadata = "[]"};
    CallieAttachment file = {.url = "https://example.org/a", .metadata = "[]"};
    char *result;

    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &server));
    CHECK_OK(callie_session_resume(server, "ada", "token", &session));
    CHECK_OK(callie_client_new(session, &client));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "bob", "x", NULL, 0, &options, NULL));
    CHECK_TEXT("the metadata must be one JSON object", callie_last_error_reason());
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "bob", "x", &file, 1, NULL, NULL));
    CHECK_TEXT("attachment 0: the metadata must be one JSON object",
               callie_last_error_reason());
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_command(client, "LIST_GROUPS", "[]", &result));
    CHECK_TEXT("the parameters must be one JSON object", callie_last_error_reason());
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_session_free(session));
    CHECK_OK(callie_server_free(server));
}

int main(void)
{
    CHECK_TEXT("", callie_last_error_code());
    CHECK_TEXT("", callie_last_error_reason());
    CHECK(strlen(callie_version()) > 0);
    null_is_a_status();
    what_a_failed_call_would_give_is_null();
    freeing_null_is_nothing();
    a_freed_handle_is_a_status();
    what_was_never_a_handle_is_a_status();
    what_is_not_utf8_is_a_status();
    what_has_the_wrong_form_is_a_status();
    unusable_options_are_refused_by_the_constructor();
    a_server_that_is_not_there_is_a_status();
    an_impossible_count_is_a_status();
    a_zeroed_struct_is_the_default();
    the_longest_times_are_taken();
    a_field_of_the_other_kind_is_a_status();
    bad_json_is_a_status();
    a_reason_reads_as_a_sentence();
    puts("ok");
    return 0;
}
