/* Invalid arguments result in a status with a reason, and never in a crash. Needs no server. */
#include "check.h"

static const char *NOT_UTF8 = "\xff\xfe";

static void null_is_a_status(void)
{
    CallieServer *server;
    CallieClient *client;
    CallieCredentials *credentials;
    CallieEvents *events;
    CallieSendOutcome outcome;
    CallieStats stats;
    CallieLimits limits;
    CallieFault fault;
    char *text;
    int fd;

    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_server_new(NULL, NULL, &server));
    CHECK(server == NULL);
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_server_new("http://127.0.0.1:1", NULL, NULL));
    CHECK_TEXT("INVALID_ARGUMENT", callie_last_error_code());
    CHECK_TEXT("server is NULL", callie_last_error_reason());
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_server_register(NULL, "a", "b"));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_server_login(NULL, "a", "b", NULL, &credentials));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_server_register_and_login(NULL, "a", "b", NULL, &credentials));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_server_logout(NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_credentials_new(NULL, "a", "b", &credentials));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_credentials_token(NULL, &text));
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
    CHECK(callie_event_sent_at_ms(NULL, 0) == 0);
    CHECK(callie_event_close_code(NULL, 0) == 0);
    CHECK(callie_event_ticket(NULL, 0) == 0);
    CHECK(callie_event_state(NULL, 0) == CALLIE_CONNECTION_STATE_NONE);
    CHECK(callie_event_retry_in_ms(NULL, 0) == 0);
    CHECK(!callie_event_resumed(NULL, 0));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_event_outcome(NULL, 0, &outcome));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_start(NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_connect(NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_suspend(NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_resume(NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_network_changed(NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_wait(NULL, 1, 0, &outcome));
    CHECK(outcome.kind == CALLIE_OUTCOME_KIND_NONE);
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
    CHECK(callie_client_state(NULL) == CALLIE_CONNECTION_STATE_NONE);
}

static void what_a_failed_call_would_give_is_null(void)
{
    CallieServer *server;
    CallieCredentials *dead, *credentials = (CallieCredentials *)(void *)&server;
    CallieClient *client = (CallieClient *)(void *)&server;
    CallieEvents *events = (CallieEvents *)(void *)&server;
    char *token = (char *)&server, *result = token, *group = token;
    uint64_t microseconds = 1;

    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &server));
    CHECK_OK(callie_credentials_new(server, "ada", "token", &dead));
    CHECK_OK(callie_credentials_free(dead));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_client_new(dead, &client));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_credentials_token(dead, &token));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_credentials_new(NULL, "ada", "token", &credentials));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_next_events(NULL, 1, 0, &events));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_command(NULL, "A", "{}", &result));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_create_group(NULL, "a", NULL, 0, NULL, &group));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_ping(NULL, "SERVER", &microseconds));
    CHECK(client == NULL && token == NULL && credentials == NULL && events == NULL && result == NULL && group == NULL);
    CHECK(microseconds == 0);
    CHECK_OK(callie_server_free(server));
}

static void freeing_null_is_nothing(void)
{
    CHECK_OK(callie_server_free(NULL));
    CHECK_OK(callie_credentials_free(NULL));
    CHECK_OK(callie_client_free(NULL));
    CHECK_OK(callie_events_free(NULL));
    CHECK_OK(callie_string_free(NULL));
}

static void a_freed_handle_is_a_status(void)
{
    CallieServer *server;
    CallieCredentials *credentials;

    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &server));
    CHECK_OK(callie_server_free(server));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_server_free(server));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_server_register(server, "a", "b"));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_server_login(server, "a", "b", NULL, &credentials));
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
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_client_new((CallieCredentials *)(void *)server, &client));
    CHECK(client == NULL);
    CHECK_OK(callie_server_free(server));
}

static void what_is_not_utf8_is_a_status(void)
{
    CallieServer *server;
    CallieCredentials *credentials;

    CHECK_STATUS(CALLIE_STATUS_INVALID_UTF8, callie_server_new(NOT_UTF8, NULL, &server));
    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &server));
    CHECK_STATUS(CALLIE_STATUS_INVALID_UTF8, callie_server_register(server, NOT_UTF8, "b"));
    CHECK_TEXT("username is not UTF-8", callie_last_error_reason());
    CHECK_STATUS(CALLIE_STATUS_INVALID_UTF8, callie_server_login(server, "a", "b", NOT_UTF8, &credentials));
    CHECK(credentials == NULL);
    CHECK_OK(callie_server_free(server));
}

static void what_has_the_wrong_form_is_a_status(void)
{
    const char *bad[] = {"", "127.0.0.1:8080", "ftp://a", "http://u:p@h", "http://h:0"};
    CallieServer *server;
    CallieCredentials *credentials;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_server_new(bad[i], NULL, &server));
    CallieConfig config = default_config();
    config.pins = bad;
    config.pin_count = 1;
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_server_new("https://a", &config, &server));
    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &server));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_credentials_new(server, "NOT A NAME", "token", &credentials));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_credentials_new(server, "ada", "", &credentials));
    CHECK_OK(callie_server_free(server));
}

/* Nothing waits for a login or a connection to be refused. */
static void unusable_config_is_refused_by_the_constructor(void)
{
    static const char *const PIN = "0000000000000000000000000000000000000000000000000000000000000000";
    CallieConfig no_roots = default_config(), pinned = default_config();
    CallieServer *server;

    no_roots.bundled_roots = false;
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_server_new("https://a", &no_roots, &server));
    CHECK(server == NULL);
    pinned.pins = &PIN;
    pinned.pin_count = 1;
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_server_new("http://a", &pinned, &server));
    CHECK_TEXT("pins need TLS: write https:// in the server's URL", callie_last_error_reason());
}

static void a_server_that_is_not_there_is_a_status(void)
{
    CallieConfig config = config_with_timeouts(5000);
    CallieServer *server;
    CallieCredentials *credentials;
    CallieClient *client;
    CallieSent sent;
    CallieSendOutcome outcome;

    CHECK_OK(callie_server_new("http://127.0.0.1:1", &config, &server));
    CHECK_STATUS(CALLIE_STATUS_UNREACHABLE, callie_server_login(server, "ada", "password", NULL, &credentials));
    CHECK_TEXT("UNREACHABLE", callie_last_error_code());
    CHECK_OK(callie_credentials_new(server, "ada", "token", &credentials));
    CHECK_OK(callie_server_free(server));
    CHECK_OK(callie_client_new(credentials, &client));
    CHECK_OK(callie_credentials_free(credentials));
    CHECK(callie_client_state(client) == CALLIE_CONNECTION_STATE_SUSPENDED);
    CHECK_STATUS(CALLIE_STATUS_UNREACHABLE, callie_client_connect(client));
    CHECK(callie_client_state(client) == CALLIE_CONNECTION_STATE_SUSPENDED);
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_wait(client, 1, 0, &outcome));
    CHECK_OK(callie_client_send(client, "bob", "later", NULL, 0, NULL, &sent));
    CHECK_STATUS(CALLIE_STATUS_TIMED_OUT, callie_client_wait(client, sent.ticket, 0, &outcome));
    CHECK_OK(callie_client_disconnect(client));
    CHECK_OK(callie_client_wait(client, sent.ticket, 0, &outcome));
    CHECK(outcome.kind == CALLIE_OUTCOME_KIND_FAILED);
    CHECK_TEXT("DISCONNECTED", outcome.code);
    CHECK(callie_client_state(client) == CALLIE_CONNECTION_STATE_CLOSED);
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_connect(client));
    CHECK_OK(callie_client_free(client));
}

static void an_impossible_count_is_a_status(void)
{
    const char *one[] = {"bob"};
    CallieServer *server;
    CallieCredentials *credentials;
    CallieClient *client;
    CallieAttachment file = {.url = "https://example.org/a"};
    CallieConfig config = default_config();
    char *result;

    config.pins = one;
    config.pin_count = SIZE_MAX;
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_server_new("https://a", &config, &server));
    config.pin_count = 1025;
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_server_new("https://a", &config, &server));
    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &server));
    CHECK_OK(callie_credentials_new(server, "ada", "token", &credentials));
    CHECK_OK(callie_client_new(credentials, &client));
    for (size_t count = SIZE_MAX; count > 100000; count /= 2) {
        CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "bob", "x", &file, count, NULL, NULL));
        CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT,
                     callie_client_create_group(client, "a", one, count, NULL, &result));
        CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_get_presence(client, one, count, &result));
        CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_subscribe_presence(client, one, count, &result));
        CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_unsubscribe_presence(client, one, count));
    }
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_credentials_free(credentials));
    CHECK_OK(callie_server_free(server));
}

/* A struct with a size must be initialised. Its size tells which version of the header it is from. */
static void a_struct_that_was_not_initialised_is_a_status(void)
{
    CallieConfig config = {0};
    CallieSendOptions options = {0};
    CallieServer *server;
    CallieCredentials *credentials;
    CallieClient *client;

    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_server_new("http://127.0.0.1:1", &config, &server));
    CHECK_TEXT("config must be initialised with callie_config_init", callie_last_error_reason());
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_config_init(&config, sizeof config + 8));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_config_init(NULL, sizeof config));
    CHECK_OK(callie_config_init(&config, sizeof config));
    CHECK(config.connect_timeout_ms == 15000 && config.request_timeout_ms == 30000 && config.send_timeout_ms == 60000);
    CHECK(config.max_waiting == 1000 && config.event_queue == 1024 && config.bundled_roots && config.use_proxy);
    CHECK_OK(callie_server_new("http://127.0.0.1:1", &config, &server));
    CHECK_OK(callie_credentials_new(server, "ada", "token", &credentials));
    CHECK_OK(callie_client_new(credentials, &client));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "bob", "x", NULL, 0, &options, NULL));
    CHECK_TEXT("send_options must be initialised with callie_send_options_init", callie_last_error_reason());
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_send_options_init(&options, 0));
    CHECK_OK(callie_send_options_init(&options, sizeof options));
    CHECK(options.confirm && options.metadata == NULL && options.timeout_ms == 0);
    CHECK_OK(callie_client_send(client, "bob", "x", NULL, 0, &options, NULL));
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_credentials_free(credentials));
    CHECK_OK(callie_server_free(server));
}

/* An attachment that is all zeros but for its URL is a file. */
static void a_zeroed_attachment_is_a_file(void)
{
    CallieAttachment file = {0};
    CallieServer *server;
    CallieCredentials *credentials;
    CallieClient *client;

    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &server));
    CHECK_OK(callie_credentials_new(server, "ada", "token", &credentials));
    CHECK_OK(callie_client_new(credentials, &client));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_send(client, "bob", "x", &file, 1, NULL, NULL));
    file.url = "https://example.org/a";
    CHECK_OK(callie_client_send(client, "bob", "x", &file, 1, NULL, NULL));
    CHECK(CALLIE_ATTACHMENT_KIND_FILE == 0 && 1 - CALLIE_SIZE_UNKNOWN == 2);
    file.size = -2;
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "bob", "x", &file, 1, NULL, NULL));
    file.size = INT64_MAX;
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "bob", "x", &file, 1, NULL, NULL));
    file.size = 0;
    file.kind = UINT32_MAX;
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "bob", "x", &file, 1, NULL, NULL));
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_credentials_free(credentials));
    CHECK_OK(callie_server_free(server));
}

static void the_longest_times_are_taken(void)
{
    CallieConfig config = config_with_timeouts(UINT32_MAX);
    CallieSendOptions send_options = options_with_timeout(UINT32_MAX);
    CallieServer *server;
    CallieCredentials *credentials;
    CallieClient *client;
    CallieSent sent;
    CallieSendOutcome outcome;
    CallieEvents *events;

    config.send_timeout_ms = config.max_waiting = config.event_queue = UINT32_MAX;
    CHECK_OK(callie_server_new("http://127.0.0.1:1", &config, &server));
    CHECK_STATUS(CALLIE_STATUS_UNREACHABLE, callie_server_login(server, "ada", "password", NULL, &credentials));
    CHECK_OK(callie_credentials_new(server, "ada", "token", &credentials));
    CHECK_OK(callie_client_new(credentials, &client));
    CHECK_STATUS(CALLIE_STATUS_UNREACHABLE, callie_client_connect(client));
    CHECK_OK(callie_client_send(client, "bob", "x", NULL, 0, &send_options, &sent));
    CHECK_OK(callie_client_send(client, "bob", "x", NULL, 0, NULL, NULL));
    CHECK_OK(callie_client_next_events(client, SIZE_MAX, UINT32_MAX, &events));
    CHECK(callie_events_count(events) > 0);
    CHECK_OK(callie_events_free(events));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_wait(client, UINT64_MAX, UINT32_MAX, &outcome));
    CHECK_OK(callie_client_disconnect(client));
    CHECK_OK(callie_client_wait(client, sent.ticket, UINT32_MAX, &outcome));
    CHECK(outcome.kind == CALLIE_OUTCOME_KIND_FAILED);
    CHECK_OK(callie_client_next_events(client, SIZE_MAX, UINT32_MAX, &events));
    CHECK(callie_event_kind(events, SIZE_MAX) == CALLIE_EVENT_KIND_NONE);
    CHECK_OK(callie_events_free(events));
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_credentials_free(credentials));
    CHECK_OK(callie_server_free(server));
}

/* No value is a field of both kinds. */
static void a_field_of_the_other_kind_is_a_status(void)
{
    CallieServer *server;
    CallieCredentials *credentials;
    CallieClient *client;
    CallieEvents *events;

    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &server));
    CHECK_OK(callie_credentials_new(server, "ada", "token", &credentials));
    CHECK_OK(callie_client_new(credentials, &client));
    CallieSendOptions at_once = options_with_timeout(1);
    CHECK_OK(callie_client_send(client, "bob", "x", NULL, 0, &at_once, NULL));
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
    CHECK_OK(callie_credentials_free(credentials));
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
    CallieCredentials *credentials;
    CallieClient *client;
    CallieSendOptions options = default_send_options();
    CallieAttachment file = {.url = "https://example.org/a", .metadata = "[]"};
    char *result;

    options.metadata = "[]";
    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &server));
    CHECK_OK(callie_credentials_new(server, "ada", "token", &credentials));
    CHECK_OK(callie_client_new(credentials, &client));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "bob", "x", NULL, 0, &options, NULL));
    CHECK_TEXT("the metadata must be one JSON object", callie_last_error_reason());
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(client, "bob", "x", &file, 1, NULL, NULL));
    CHECK_TEXT("attachment 0: the metadata must be one JSON object",
               callie_last_error_reason());
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_command(client, "LIST_GROUPS", "[]", &result));
    CHECK_TEXT("the parameters must be one JSON object", callie_last_error_reason());
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_credentials_free(credentials));
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
    unusable_config_is_refused_by_the_constructor();
    a_server_that_is_not_there_is_a_status();
    an_impossible_count_is_a_status();
    a_struct_that_was_not_initialised_is_a_status();
    a_zeroed_attachment_is_a_file();
    the_longest_times_are_taken();
    a_field_of_the_other_kind_is_a_status();
    bad_json_is_a_status();
    a_reason_reads_as_a_sentence();
    puts("ok");
    return 0;
}
