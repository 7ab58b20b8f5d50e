/*
 * A chat in the terminal: chat http://127.0.0.1:8080 ada PASSWORD bob
 *
 * Registers the user where there is none yet. What you type goes to the peer; Ctrl-D ends.
 *
 *     cc -std=c11 -I bindings/c/include examples/c/chat.c -L target/debug -lcallie -pthread -o chat
 *     LD_LIBRARY_PATH=target/debug ./chat http://127.0.0.1:8080 ada PASSWORD bob
 */
#include <stdio.h>
#include <string.h>
#include <threads.h>

#include "callie.h"

#define LONGEST_LINE 4096
#define LAST_LINE_MS 5000

static int fail(const char *what)
{
    fprintf(stderr, "chat: %s: %s (%s)\n", what, callie_last_error_reason(), callie_last_error_code());
    return 1;
}

static void show_event(const CallieEvents *events, size_t i)
{
    CallieEnding ending;

    switch (callie_event_kind(events, i)) {
    case CALLIE_EVENT_KIND_MESSAGE:
        printf("%s: %s\n", callie_event_string(events, i, CALLIE_FIELD_SENDER, NULL),
               callie_event_string(events, i, CALLIE_FIELD_TEXT, NULL));
        for (size_t a = 0; a < callie_event_attachment_count(events, i); a++)
            printf("  [file] %s\n",
                   callie_event_attachment_string(events, i, a, CALLIE_ATTACHMENT_FIELD_URL, NULL));
        break;
    case CALLIE_EVENT_KIND_NOTICE:
        printf("* %s (%s)\n", callie_event_string(events, i, CALLIE_FIELD_DESCRIPTION, NULL),
               callie_event_string(events, i, CALLIE_FIELD_CODE, NULL));
        break;
    case CALLIE_EVENT_KIND_ENDED:
        if (callie_event_ending(events, i, &ending) == CALLIE_STATUS_OK && ending.kind > CALLIE_ENDING_KIND_SENT)
            printf("* not delivered: %s\n", ending.kind == CALLIE_ENDING_KIND_OFFLINE       ? "offline"
                                            : ending.kind == CALLIE_ENDING_KIND_UNCONFIRMED ? "unconfirmed"
                                                                                            : ending.reason);
        break;
    case CALLIE_EVENT_KIND_CONNECTION:
        if (callie_event_state(events, i) == CALLIE_STATE_WAITING)
            printf("* no connection, again in %.1f s: %s\n", (double)callie_event_retry_in_ms(events, i) / 1000,
                   callie_event_string(events, i, CALLIE_FIELD_DESCRIPTION, NULL));
        break;
    case CALLIE_EVENT_KIND_CLOSED:
        printf("* %s\n", callie_event_string(events, i, CALLIE_FIELD_DESCRIPTION, NULL));
        break;
    default:
        break;
    }
    fflush(stdout);
}

/* Runs beside the typing until the connection is gone. */
static int show_events(void *argument)
{
    CallieClient *client = argument;
    CallieEvents *events;

    while (callie_client_next_events(client, 64, 60000, &events) == CALLIE_STATUS_OK) {
        for (size_t i = 0; i < callie_events_count(events); i++)
            show_event(events, i);
        callie_events_free(events);
    }
    return 0;
}

static int chat(CallieClient *client, const char *username, const char *peer)
{
    char line[LONGEST_LINE];
    CallieSent sent = {0};
    CallieEnding ending;
    thrd_t showing;
    int result = 0;

    if (thrd_create(&showing, show_events, client) != thrd_success)
        return fail("no thread");
    printf("* %s is connected, write to %s\n", username, peer);
    fflush(stdout);
    while (result == 0 && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0' && callie_client_send(client, peer, line, NULL, 0, NULL, &sent) != CALLIE_STATUS_OK)
            result = fail("not sent");
    }
    /* The last line may still be on its way. */
    if (sent.ticket != 0)
        callie_client_wait(client, sent.ticket, LAST_LINE_MS, &ending);
    callie_client_disconnect(client);
    thrd_join(showing, NULL);
    return result;
}

int main(int argc, char **argv)
{
    CallieServer *server = NULL;
    CallieSession *session = NULL;
    CallieClient *client = NULL;
    int result;

    if (argc != 5) {
        fprintf(stderr, "usage: chat URL USERNAME PASSWORD PEER\n");
        return 2;
    }
    if (callie_server_new(argv[1], NULL, &server) != CALLIE_STATUS_OK)
        result = fail("no server");
    else if (callie_server_register_and_login(server, argv[2], argv[3], NULL, &session) != CALLIE_STATUS_OK)
        result = fail("no login");
    else if (callie_client_new(session, &client) != CALLIE_STATUS_OK ||
             callie_client_connect(client) != CALLIE_STATUS_OK)
        result = fail("no connection");
    else
        result = chat(client, argv[2], argv[4]);
    callie_client_free(client);
    callie_session_free(session);
    callie_server_free(server);
    return result;
}
