/* Commands, their effect on other users, and pings. */
#include "scenarios.h"

void message_is_edited_and_deleted(void)
{
    CallieClient *ada = online(the_server(), "ada"), *bob = online(the_server(), "bob");
    CallieSent sent = send_to(ada, "bob", "helo");
    expect_text(bob, "helo");
    CHECK_OK(callie_client_edit_message(ada, "bob", sent.message_id, "hello"));
    CallieEvents *edited = next_of(bob, CALLIE_EVENT_KIND_EDITED);
    CHECK_TEXT(sent.message_id, FIELD(edited, CALLIE_FIELD_MESSAGE_ID));
    CHECK_TEXT("ada", FIELD(edited, CALLIE_FIELD_SENDER));
    CHECK_TEXT("bob", FIELD(edited, CALLIE_FIELD_RECIPIENT));
    CHECK_TEXT("hello", FIELD(edited, CALLIE_FIELD_TEXT));
    CHECK_OK(callie_events_free(edited));
    CHECK_OK(callie_client_delete_message(ada, "bob", sent.message_id, NULL));
    CallieEvents *deleted = next_of(bob, CALLIE_EVENT_KIND_DELETED);
    CHECK_TEXT(sent.message_id, FIELD(deleted, CALLIE_FIELD_MESSAGE_ID));
    CHECK_TEXT("ada", FIELD(deleted, CALLIE_FIELD_SENDER));
    CHECK_TEXT("ada", FIELD(deleted, CALLIE_FIELD_DELETED_BY));
    CHECK_OK(callie_events_free(deleted));
}

void signal_arrives(void)
{
    CallieClient *ada = online(the_server(), "ada"), *bob = online(the_server(), "bob");
    CHECK_OK(callie_client_signal(ada, "bob", "typing", "{\"on\":true}"));
    CallieEvents *event = next_of(bob, CALLIE_EVENT_KIND_SIGNAL);
    CHECK_TEXT("ada", FIELD(event, CALLIE_FIELD_SENDER));
    CHECK_TEXT("typing", FIELD(event, CALLIE_FIELD_KIND));
    CHECK_TEXT("{\"on\":true}", FIELD(event, CALLIE_FIELD_DATA));
    CHECK_OK(callie_events_free(event));
}

void command_result_is_typed(void)
{
    CallieClient *ada = online(the_server(), "ada");
    char *result, *again, *value;
    CHECK_OK(callie_client_create_group(ada, "Friends", NULL, 0, "public", &result));
    const char *expected[][2] = {{"/name", "Friends"}, {"/visibility", "public"}};
    for (size_t i = 0; i < 2; i++) {
        CHECK_OK(callie_json_get(result, expected[i][0], &value));
        CHECK_TEXT(expected[i][1], value);
        CHECK_OK(callie_string_free(value));
    }
    CHECK_OK(callie_json_get(result, "/groupID", &value));
    CHECK(strncmp(value, "group:", 6) == 0);
    CHECK_OK(callie_string_free(value));
    CHECK_OK(callie_string_free(result));
    CHECK_OK(callie_client_list_groups(ada, 0, NULL, &result));
    const char *listed[][2] = {{"/groups/0/name", "Friends"}, {"/groups/0/role", "owner"}, {"/groups/0/memberCount", "1"}};
    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(callie_json_get(result, listed[i][0], &value));
        CHECK_TEXT(listed[i][1], value);
        CHECK_OK(callie_string_free(value));
    }
    CHECK_OK(callie_json_get(result, "/groups/1", &value));
    CHECK(value == NULL);
    /* The command by name has the same result. */
    CHECK_OK(callie_client_command(ada, "LIST_GROUPS", "{}", &again));
    CHECK_TEXT(result, again);
    CHECK_OK(callie_string_free(result));
    CHECK_OK(callie_string_free(again));
}

void refused_command_has_its_code(void)
{
    CallieClient *ada = online(the_server(), "ada");
    char *result;
    CHECK_REFUSED(CALLIE_STATUS_REFUSED, "GROUP_NOT_FOUND",
                  callie_client_join_group(ada, "group:018f0000-0000-7000-8000-000000000000"));
    CHECK_REFUSED(CALLIE_STATUS_REFUSED, "UNKNOWN_COMMAND", callie_client_command(ada, "MAKE_COFFEE", "{}", &result));
    CHECK_REFUSED(CALLIE_STATUS_REFUSED, "INVALID_PARAMETERS",
                  callie_client_command(ada, "GET_SETTINGS", "{\"sugar\":2}", &result));
    CHECK_REFUSED(CALLIE_STATUS_REFUSED, "FORBIDDEN", callie_client_server_stats(ada, &result));
    CHECK(result == NULL);
}

void ping_is_answered(void)
{
    CallieClient *ada = online(the_server(), "ada");
    uint64_t microseconds = 0;
    online(the_server(), "bob");
    CHECK_OK(callie_client_ping(ada, "SERVER", &microseconds));
    CHECK(microseconds > 0);
    CHECK_OK(callie_client_ping(ada, "bob", NULL));
    CHECK_REFUSED(CALLIE_STATUS_REFUSED, "RECIPIENT_UNKNOWN", callie_client_ping(ada, "nobody", NULL));
}
