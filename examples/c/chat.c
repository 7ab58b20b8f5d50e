/*
 * A chat in the terminal: chat http://127.0.0.1:8080 ada PASSWORD bob
 *
 * Registers the user if the name is free. Each line that you type is sent to the peer. Ctrl-D ends the program. With a file as
 * fifth argument, lines that are not delivered yet when the program ends are sent by the next one, even if it is killed. One
 * thread waits for the input and for events, with poll().
 *
 *     cargo build -p callie-ffi
 *     cc -std=c11 -I bindings/c/include examples/c/chat.c -L target/debug -lcallie -o chat
 *     LD_LIBRARY_PATH=target/debug ./chat http://127.0.0.1:8080 ada PASSWORD bob
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "callie.h"

#define READ_BYTES 4096
#define LAST_LINE_MS 5000
#define FAREWELL_MS 5000

/* Input that is not sent yet: an incomplete line. The program does not use stdio, whose buffer hides lines from poll(). */
typedef struct Typed {
    char *text;
    size_t length;
    size_t room;
} Typed;

static int fail(const char *what)
{
    fprintf(stderr, "chat: %s: %s (%s)\n", what, callie_last_error_reason(), callie_last_error_code());
    return 1;
}

static void show_outcome(const CallieSendOutcome *outcome)
{
    switch (outcome->kind) {
    case CALLIE_OUTCOME_KIND_STORED:
        puts("* offline: kept until it can be delivered");
        break;
    case CALLIE_OUTCOME_KIND_OFFLINE:
        puts("* not delivered: offline");
        break;
    case CALLIE_OUTCOME_KIND_UNCONFIRMED:
        puts("* unconfirmed: it may have been delivered");
        break;
    case CALLIE_OUTCOME_KIND_PENDING:
        puts("* not delivered yet: the next chat continues with it");
        break;
    case CALLIE_OUTCOME_KIND_FAILED:
        printf("* not delivered: %s\n", outcome->reason);
        break;
    default:
        break;
    }
}

static void show_state(const CallieEvents *events, size_t i)
{
    static int waited;

    switch (callie_event_state(events, i)) {
    case CALLIE_CONNECTION_STATE_WAITING:
        waited = 1;
        printf("* no connection, again in %.1f s: %s\n", (double)callie_event_retry_in_ms(events, i) / 1000,
               callie_event_string(events, i, CALLIE_FIELD_REASON, NULL));
        break;
    case CALLIE_CONNECTION_STATE_ONLINE:
        if (waited)
            puts(callie_event_resumed(events, i) ? "* connected again" : "* connected again; messages may be missing");
        waited = 0;
        break;
    default:
        break;
    }
}

static void show_event(const CallieEvents *events, size_t i)
{
    CallieSendOutcome outcome;

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
        if (callie_event_outcome(events, i, &outcome) == CALLIE_STATUS_OK)
            show_outcome(&outcome);
        break;
    case CALLIE_EVENT_KIND_DELIVERED_LATE:
        puts("* delivered late");
        break;
    case CALLIE_EVENT_KIND_CONNECTION_CHANGED:
        show_state(events, i);
        break;
    case CALLIE_EVENT_KIND_CLOSED:
        printf("* %s\n", callie_event_string(events, i, CALLIE_FIELD_REASON, NULL));
        break;
    default:
        break;
    }
    fflush(stdout);
}

/* Prints all available events, and waits at most the given time for the first. Returns 0 after the client's last event. */
static int show_events(CallieClient *client, uint32_t timeout_ms)
{
    CallieEvents *events;
    int goes_on = 1;

    if (callie_client_next_events(client, 64, timeout_ms, &events) != CALLIE_STATUS_OK)
        return 0;
    for (size_t i = 0; i < callie_events_count(events); i++) {
        show_event(events, i);
        goes_on = callie_event_kind(events, i) != CALLIE_EVENT_KIND_CLOSED;
    }
    callie_events_free(events);
    return goes_on;
}

/* Reads once from standard input. Returns 0 at its end, and if reading or allocating fails. */
static int read_typed(Typed *typed)
{
    ssize_t got;

    /* Leaves one byte for the end of the last line. */
    if (typed->room < typed->length + READ_BYTES + 1) {
        size_t room = 2 * typed->room + READ_BYTES + 1;
        char *text = realloc(typed->text, room);
        if (text == NULL)
            return 0;
        typed->text = text;
        typed->room = room;
    }
    got = read(STDIN_FILENO, typed->text + typed->length, READ_BYTES);
    if (got < 0)
        return errno == EINTR;
    typed->length += (size_t)got;
    return got > 0;
}

/* Sends all complete lines, and keeps the rest, so that no line and no character is split. */
static CallieStatus send_lines(CallieClient *client, const char *peer, Typed *typed, CallieSent *sent)
{
    CallieStatus status = CALLIE_STATUS_OK;
    char *line = typed->text, *end;

    while (typed->length > 0 && (end = memchr(line, '\n', typed->length)) != NULL) {
        *end = '\0';
        if (line[0] != '\0' && status == CALLIE_STATUS_OK)
            status = callie_client_send(client, peer, line, NULL, 0, NULL, sent);
        typed->length -= (size_t)(end + 1 - line);
        line = end + 1;
    }
    if (typed->length > 0)
        memmove(typed->text, line, typed->length);
    return status;
}

static int chat(CallieClient *client, const char *username, const char *peer)
{
    struct pollfd ready[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN}};
    Typed typed = {0};
    CallieSent sent = {0};
    CallieSendOutcome outcome;
    int typing = 1, goes_on = 1, result = 0;

    if (callie_client_fd(client, &ready[1].fd) != CALLIE_STATUS_OK)
        return fail("no events");
    printf("* %s is connected, write to %s\n", username, peer);
    fflush(stdout);
    /* Runs until the input ends or the client has ended. */
    while (typing && goes_on && result == 0) {
        if (poll(ready, 2, -1) < 0)
            continue;
        if (ready[1].revents != 0)
            goes_on = show_events(client, 0);
        if (goes_on && ready[0].revents != 0) {
            typing = read_typed(&typed);
            if (!typing && typed.length > 0)
                typed.text[typed.length++] = '\n';
            if (send_lines(client, peer, &typed, &sent) != CALLIE_STATUS_OK)
                result = fail("not sent");
        }
    }
    /* Waits for the outcome of the last line. */
    if (sent.ticket != 0)
        callie_client_wait(client, sent.ticket, LAST_LINE_MS, &outcome);
    callie_client_disconnect(client);
    while (goes_on)
        goes_on = show_events(client, FAREWELL_MS);
    free(typed.text);
    return result;
}

int main(int argc, char **argv)
{
    CallieServer *server = NULL;
    CallieCredentials *credentials = NULL;
    CallieClient *client = NULL;
    CallieConfig config;
    int result;

    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: chat URL USERNAME PASSWORD PEER [FILE]\n");
        return 2;
    }
    callie_config_init(&config, sizeof config);
    config.state_file = argc == 6 ? argv[5] : NULL;
    if (callie_server_new(argv[1], &config, &server) != CALLIE_STATUS_OK)
        result = fail("no server");
    else if (callie_server_register_and_login(server, argv[2], argv[3], NULL, &credentials) != CALLIE_STATUS_OK)
        result = fail("no login");
    else if (callie_client_new(credentials, &client) != CALLIE_STATUS_OK ||
             callie_client_connect(client) != CALLIE_STATUS_OK)
        result = fail("no connection");
    else
        result = chat(client, argv[2], argv[4]);
    callie_client_free(client);
    callie_credentials_free(credentials);
    callie_server_free(server);
    return result;
}
