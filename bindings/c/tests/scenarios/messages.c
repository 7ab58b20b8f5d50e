/* Messages: delivery, outcomes, and what is refused before it is sent. */
#include "scenarios.h"

void message_arrives(void)
{
    static const char TEXT[] = "# Gr\xc3\xbc\xc3\x9f" "e\n\n**fett** `code` \"quotes\" \\ \x7f \xe4\xbd\xa0 \xf0\x9f\x91\x8b";
    CallieClient *ada = online(the_server(), "ada"), *bob = online(the_server(), "bob");
    CallieSent sent = send_to(ada, "bob", TEXT);
    CallieEvents *event = next_of(bob, CALLIE_EVENT_KIND_MESSAGE);
    size_t length;
    CHECK_TEXT(TEXT, callie_event_string(event, 0, CALLIE_FIELD_TEXT, &length));
    CHECK(length == sizeof TEXT - 1);
    CHECK_TEXT(sent.message_id, FIELD(event, CALLIE_FIELD_MESSAGE_ID));
    CHECK_TEXT("ada", FIELD(event, CALLIE_FIELD_SENDER));
    CHECK_TEXT("bob", FIELD(event, CALLIE_FIELD_RECIPIENT));
    CHECK(callie_event_sent_at_ms(event, 0) > 0);
    CHECK_OK(callie_events_free(event));
    /* The next event is the next message, so the first one arrived once. */
    send_to(ada, "bob", "next");
    expect_text(bob, "next");
}

void attachment_arrives(void)
{
    CallieClient *ada = online(the_server(), "ada"), *bob = online(the_server(), "bob");
    CallieAttachment image = {
        .kind = CALLIE_ATTACHMENT_KIND_IMAGE,
        .url = "https://example.org/%E2%9C%93.png",
        .filename = "\xe2\x9c\x93.png",
        .filetype = "image/png",
        .size = 9007199254740991,
    };
    CHECK_OK(callie_client_send(ada, "bob", "", &image, 1, NULL, NULL));
    CallieEvents *event = next_of(bob, CALLIE_EVENT_KIND_MESSAGE);
    CHECK_TEXT("", FIELD(event, CALLIE_FIELD_TEXT));
    CHECK(callie_event_attachment_count(event, 0) == 1);
    CHECK(callie_event_attachment_kind(event, 0, 0) == CALLIE_ATTACHMENT_KIND_IMAGE);
    CHECK(callie_event_attachment_size(event, 0, 0) == image.size);
    CHECK_TEXT(image.url, callie_event_attachment_string(event, 0, 0, CALLIE_ATTACHMENT_FIELD_URL, NULL));
    CHECK_TEXT(image.filename, callie_event_attachment_string(event, 0, 0, CALLIE_ATTACHMENT_FIELD_FILENAME, NULL));
    CHECK_TEXT(image.filetype, callie_event_attachment_string(event, 0, 0, CALLIE_ATTACHMENT_FIELD_FILETYPE, NULL));
    CHECK_OK(callie_events_free(event));
}

void message_is_confirmed(void)
{
    CallieClient *ada = online(the_server(), "ada"), *bob = online(the_server(), "bob");
    CallieSent sent = send_to(ada, "bob", "hello");
    expect_text(bob, "hello");
    for (int again = 0; again < 2; again++) {
        CallieSendOutcome outcome = outcome_of(ada, sent);
        CHECK(outcome.kind == CALLIE_OUTCOME_KIND_DELIVERED);
        CHECK(outcome.confirmed == 1 && outcome.unconfirmed == 0 && outcome.offline == 0);
    }
    CallieEvents *event = next_of(ada, CALLIE_EVENT_KIND_ENDED);
    CallieSendOutcome event_outcome;
    CHECK(callie_event_ticket(event, 0) == sent.ticket);
    CHECK_TEXT(sent.message_id, FIELD(event, CALLIE_FIELD_MESSAGE_ID));
    CHECK_OK(callie_event_outcome(event, 0, &event_outcome));
    CHECK(event_outcome.kind == CALLIE_OUTCOME_KIND_DELIVERED && event_outcome.confirmed == 1);
    CHECK_OK(callie_events_free(event));
    CallieSendOptions unasked = default_send_options();
    unasked.confirm = false;
    CHECK_OK(callie_client_send(ada, "bob", "no answer needed", NULL, 0, &unasked, &sent));
    CHECK(outcome_of(ada, sent).kind == CALLIE_OUTCOME_KIND_SENT);
}

void offline_recipient_is_reported(void)
{
    CallieClient *ada = online(the_server(), "ada");
    user(the_server(), "bob");
    CHECK(outcome_of(ada, send_to(ada, "bob", "hello")).kind == CALLIE_OUTCOME_KIND_OFFLINE);
}

void unknown_recipient_is_reported(void)
{
    CallieClient *ada = online(the_server(), "ada");
    CallieSendOutcome outcome = outcome_of(ada, send_to(ada, "nobody", "hello"));
    CHECK(outcome.kind == CALLIE_OUTCOME_KIND_FAILED);
    CHECK_TEXT("RECIPIENT_UNKNOWN", outcome.code);
    CHECK(outcome.reason[0] != '\0');
}

void group_message_arrives(void)
{
    CallieClient *ada = online(the_server(), "ada");
    CallieClient *others[] = {online(the_server(), "bob"), online(the_server(), "eve")};
    const char *members[] = {"bob", "eve"};
    char *result, *group;
    CHECK_OK(callie_client_create_group(ada, "Friends", members, 2, NULL, &result));
    CHECK_OK(callie_json_get(result, "/groupID", &group));
    CHECK_OK(callie_string_free(result));
    CallieSent sent = send_to(ada, group, "hello all");
    for (size_t i = 0; i < 2; i++) {
        CallieEvents *event = next_of(others[i], CALLIE_EVENT_KIND_MESSAGE);
        CHECK_TEXT("hello all", FIELD(event, CALLIE_FIELD_TEXT));
        CHECK_TEXT(group, FIELD(event, CALLIE_FIELD_RECIPIENT));
        CHECK_OK(callie_events_free(event));
    }
    CHECK_OK(callie_string_free(group));
    CallieSendOutcome outcome = outcome_of(ada, sent);
    CHECK(outcome.kind == CALLIE_OUTCOME_KIND_DELIVERED && outcome.confirmed == 2);
}

void broadcast_arrives(void)
{
    CallieClient *ada = online(the_server(), "ada");
    CallieClient *others[] = {online(the_server(), "bob"), online(the_server(), "eve")};
    CallieSent sent = send_to(ada, "BROADCAST", "hello world");
    for (size_t i = 0; i < 2; i++) {
        CallieEvents *event = next_of(others[i], CALLIE_EVENT_KIND_MESSAGE);
        CHECK_TEXT("hello world", FIELD(event, CALLIE_FIELD_TEXT));
        CHECK_TEXT("BROADCAST", FIELD(event, CALLIE_FIELD_RECIPIENT));
        CHECK_OK(callie_events_free(event));
    }
    CHECK(outcome_of(ada, sent).kind == CALLIE_OUTCOME_KIND_SENT);
}

/* Takes a batch, and checks its messages, whose texts are numbers from `count` on. */
static int count_on(CallieClient *client, int count)
{
    CallieEvents *events;
    CHECK_OK(callie_client_next_events(client, 64, PATIENCE_MS, &events));
    for (size_t i = 0; i < callie_events_count(events); i++)
        if (callie_event_kind(events, i) == CALLIE_EVENT_KIND_MESSAGE)
            CHECK(atoi(callie_event_string(events, i, CALLIE_FIELD_TEXT, NULL)) == count++);
    CHECK_OK(callie_events_free(events));
    return count;
}

/* Sends the numbers from `from` on while the queue has room. Returns the first number that was not sent. */
static int send_numbers(CallieClient *client, int from, int until)
{
    for (int n = from; n < until; n++) {
        char number[16];
        snprintf(number, sizeof number, "%d", n);
        CallieStatus status = callie_client_send(client, "bob", number, NULL, 0, NULL, NULL);
        if (status == CALLIE_STATUS_QUEUE_FULL)
            return n;
        CHECK_OK(status);
    }
    return until;
}

void events_keep_their_order(void)
{
    CallieClient *ada = online(the_server(), "ada"), *bob = online(the_server(), "bob");
    CHECK(send_numbers(ada, 0, 300) == 300);
    for (int received = 0; received < 300;)
        received = count_on(bob, received);
}

void burst_of_10000_events_arrives(void)
{
    CallieClient *ada = online(the_server(), "ada"), *bob = online(the_server(), "bob");
    int sent = 0, received = 0;
    while (received < 10000) {
        CallieEvents *outcomes;
        sent = send_numbers(ada, sent, 10000);
        if (received < sent)
            received = count_on(bob, received);
        /* Outcomes free room in the queue. */
        CHECK_OK(callie_client_next_events(ada, 1024, 0, &outcomes));
        CHECK_OK(callie_events_free(outcomes));
    }
}

void invalid_arguments_are_refused(void)
{
    static char too_long[32770];
    memset(too_long, 'x', sizeof too_long - 1);
    CallieClient *ada = online(the_server(), "ada");
    CallieStats stats;
    CallieEvents *events;
    CallieServer *server;
    char *result;
    const char *wrong[][2] = {{"", "hello"},        {"Not A Name", "hello"}, {"group:1", "hello"},
                              {"SERVER", "hello"},  {"bob", ""},             {"bob", too_long}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT,
                     callie_client_send(ada, wrong[i][0], wrong[i][1], NULL, 0, NULL, NULL));
    CallieAttachment file = {.kind = CALLIE_ATTACHMENT_KIND_FILE, .url = "ftp://example.org/file", .size = -1};
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_send(ada, "bob", "x", &file, 1, NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_INVALID_UTF8, callie_client_send(ada, "bob", "\xff", NULL, 0, NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_send(ada, NULL, "x", NULL, 0, NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_NULL_ARGUMENT, callie_client_send(NULL, "bob", "x", NULL, 0, NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_command(ada, "lower case", "{}", &result));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_command(ada, "GET_SETTINGS", "[]", &result));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_command(ada, "GET_SETTINGS", "{", &result));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_ping(ada, "No One", NULL));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_next_events(ada, 0, 0, &events));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_server_new("ftp://example.org", NULL, &server));
    CHECK(server == NULL && events == NULL && result == NULL);
    CHECK_OK(callie_client_stats(ada, &stats));
    CHECK(stats.messages_sent == 0 && stats.waiting == 0);
    /* Only the authentication was sent. */
    CHECK(stats.payloads_sent == 1);
}
