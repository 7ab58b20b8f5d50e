/* Exchanges messages with a client in another language: peer URL USERNAME PASSWORD OTHER ABSENT */
#include "check.h"

static const char *EXPECTED = "# Gr\xc3\xbc\xc3\x9f" "e aus Python\n\n**fett**, `code`, \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x91\x8b";
static const char *ANSWER = "> Gr\xc3\xbc\xc3\x9f" "e\n\n_zur\xc3\xbc" "ck_ aus C: [link](https://example.org) \xf0\x9f\x8e\x89";

int main(int argc, char **argv)
{
    CHECK(argc == 6);
    const char *url = argv[1], *username = argv[2], *password = argv[3], *other = argv[4], *absent = argv[5];
    CallieAttachment film = {
        .kind = CALLIE_ATTACHMENT_KIND_VIDEO,
        .url = "https://example.org/film.mp4",
        .filename = "film \xc3\xa9t\xc3\xa9.mp4",
        .filetype = "video/mp4",
        .size = 9007199254740991,
    };
    CallieServer *server;
    CallieCredentials *credentials;
    CallieClient *client;
    CallieEvents *events;
    CallieSent sent;
    CallieSendOutcome outcome;

    CHECK_OK(callie_server_new(url, NULL, &server));
    CHECK_OK(callie_server_register_and_login(server, username, password, NULL, &credentials));
    CHECK_OK(callie_client_new(credentials, &client));
    CHECK_OK(callie_client_connect(client));
    puts("ready");
    fflush(stdout);

    events = next_event(client);
    CHECK(callie_event_kind(events, 0) == CALLIE_EVENT_KIND_MESSAGE);
    CHECK_TEXT(other, callie_event_string(events, 0, CALLIE_FIELD_SENDER, NULL));
    CHECK_TEXT(EXPECTED, callie_event_string(events, 0, CALLIE_FIELD_TEXT, NULL));
    CHECK(callie_event_attachment_count(events, 0) == 1);
    CHECK(callie_event_attachment_kind(events, 0, 0) == CALLIE_ATTACHMENT_KIND_IMAGE);
    CHECK_TEXT("https://example.org/%E2%9C%93.png",
               callie_event_attachment_string(events, 0, 0, CALLIE_ATTACHMENT_FIELD_URL, NULL));
    CHECK_TEXT("\xe2\x9c\x93.png",
               callie_event_attachment_string(events, 0, 0, CALLIE_ATTACHMENT_FIELD_FILENAME, NULL));
    CHECK_TEXT("image/png", callie_event_attachment_string(events, 0, 0, CALLIE_ATTACHMENT_FIELD_FILETYPE, NULL));
    CHECK(callie_event_attachment_size(events, 0, 0) == 204800);
    CHECK_OK(callie_events_free(events));

    CHECK_OK(callie_client_send(client, other, ANSWER, &film, 1, NULL, &sent));
    CHECK_OK(callie_client_wait(client, sent.ticket, 20000, &outcome));
    CHECK(outcome.kind == CALLIE_OUTCOME_KIND_DELIVERED);
    CHECK(outcome.confirmed == 1);

    CHECK_OK(callie_client_send(client, absent, "are you there?", NULL, 0, NULL, &sent));
    CHECK_OK(callie_client_wait(client, sent.ticket, 20000, &outcome));
    CHECK(outcome.kind == CALLIE_OUTCOME_KIND_OFFLINE);

    CHECK_OK(callie_client_disconnect(client));
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_credentials_free(credentials));
    CHECK_OK(callie_server_free(server));
    puts("ok");
    return 0;
}
