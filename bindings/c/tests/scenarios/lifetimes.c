/* Waits that time out, callbacks that call back or misbehave, clients that are freed or have ended. */
#include "scenarios.h"

#include <poll.h>
#include <pthread.h>

/* A counter that another thread increments. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int calls;

static void tell(void)
{
    pthread_mutex_lock(&lock);
    calls++;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

/* Waits until the counter has a value. The scenario's alarm limits the wait. */
static void hear(int times)
{
    pthread_mutex_lock(&lock);
    while (calls < times)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

void cancelled_wait_loses_nothing(void)
{
    CallieClient *ada = online(the_server(), "ada"), *bob = online(the_server(), "bob");
    struct pollfd ready = {.events = POLLIN};
    char number[16];
    int received = 0;
    CHECK_OK(callie_client_fd(bob, &ready.fd));
    for (int n = 0; n < 100; n++) {
        snprintf(number, sizeof number, "%d", n);
        send_to(ada, "bob", number);
    }
    while (received < 100) {
        CallieEvents *events;
        /* The descriptor wakes a program. A wait that times out loses nothing. */
        CHECK(poll(&ready, 1, PATIENCE_MS) == 1);
        CHECK_OK(callie_client_next_events(bob, 1, 0, &events));
        if (callie_event_kind(events, 0) == CALLIE_EVENT_KIND_MESSAGE)
            CHECK(atoi(FIELD(events, CALLIE_FIELD_TEXT)) == received++);
        CHECK_OK(callie_events_free(events));
    }
    CHECK(poll(&ready, 1, 0) == 0);
}

/* Replies, and disconnects after the last message. */
static void call_back(CallieEvents *events, void *user_data)
{
    CallieClient *client = user_data;
    CallieStats stats;
    for (size_t i = 0; i < callie_events_count(events); i++) {
        if (callie_event_kind(events, i) == CALLIE_EVENT_KIND_CLOSED)
            tell();
        if (callie_event_kind(events, i) != CALLIE_EVENT_KIND_MESSAGE)
            continue;
        if (strcmp(callie_event_string(events, i, CALLIE_FIELD_TEXT, NULL), "enough") == 0) {
            CHECK_OK(callie_client_disconnect(client));
        } else {
            CHECK_OK(callie_client_send(client, "bob", "hello yourself", NULL, 0, NULL, NULL));
            CHECK_OK(callie_client_stats(client, &stats));
            CHECK(stats.messages_received > 0);
            CHECK_OK(callie_client_ping(client, "SERVER", NULL));
        }
    }
}

void callback_may_call_back(void)
{
    CallieClient *ada = online(the_server(), "ada"), *bob = online(the_server(), "bob");
    CHECK_OK(callie_client_listen(ada, call_back, ada));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_listen(ada, call_back, ada));
    send_to(bob, "ada", "hello");
    expect_text(bob, "hello yourself");
    send_to(bob, "ada", "enough");
    hear(1);
}

/* Does what is forbidden: frees the batch, which belongs to the library, and reads it afterwards. */
static void misbehave(CallieEvents *events, void *user_data)
{
    bool message = callie_event_kind(events, 0) == CALLIE_EVENT_KIND_MESSAGE;
    (void)user_data;
    callie_events_free(events);
    callie_events_free(events);
    CHECK(callie_events_count(events) == 0);
    CHECK(callie_event_kind(events, 0) == CALLIE_EVENT_KIND_NONE);
    CHECK(FIELD(events, CALLIE_FIELD_TEXT) == NULL);
    if (message)
        tell();
}

/* A token source without a token. */
static bool fail(const char *username, const char *reason, char *token, size_t size, void *user_data)
{
    (void)username, (void)reason, (void)token, (void)size, (void)user_data;
    return false;
}

void failing_callback_is_survived(void)
{
    CallieClient *ada = online(the_server(), "ada"), *bob = online(the_server(), "bob");
    await_state(ada, CALLIE_CONNECTION_STATE_ONLINE);
    CHECK_OK(callie_client_listen(ada, misbehave, NULL));
    for (int n = 1; n <= 2; n++) {
        send_to(bob, "ada", "hello");
        hear(n);
    }
    CHECK_OK(callie_client_ping(ada, "SERVER", NULL));
    CHECK_OK(callie_client_set_token_source(bob, fail, NULL));
    ask("revoke bob");
    CallieEvents *end = next_of(bob, CALLIE_EVENT_KIND_CLOSED);
    CHECK_TEXT("SESSION_REVOKED", FIELD(end, CALLIE_FIELD_CODE));
    CHECK_OK(callie_events_free(end));
}

/* Waits until a user is offline: the last connection may still be closing. */
static void has_gone(CallieClient *client, const char *name)
{
    while (callie_client_ping(client, name, NULL) == CALLIE_STATUS_OK)
        ;
    CHECK_TEXT("RECIPIENT_OFFLINE", callie_last_error_code());
}

static void *free_client(void *client)
{
    CHECK_OK(callie_client_free(client));
    return NULL;
}

static void free_inside(CallieEvents *events, void *user_data)
{
    for (size_t i = 0; i < callie_events_count(events); i++)
        if (callie_event_kind(events, i) == CALLIE_EVENT_KIND_MESSAGE)
            callie_client_free(user_data);
}

void client_may_be_dropped_on_another_thread(void)
{
    CallieClient *ada = online(the_server(), "ada"), *bob = online(the_server(), "bob");
    CallieClient *eve = online(the_server(), "eve");
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, free_client, ada) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_client_ping(ada, "SERVER", NULL));
    has_gone(bob, "ada");
    /* And inside its own callback. */
    CHECK_OK(callie_client_listen(eve, free_inside, eve));
    send_to(bob, "eve", "go");
    has_gone(bob, "eve");
}

void use_after_disconnect_is_an_error(void)
{
    CallieClient *ada = online(the_server(), "ada");
    CallieEvents *events;
    char *result;
    CHECK_OK(callie_client_disconnect(ada));
    CHECK_OK(callie_client_disconnect(ada));
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_send(ada, "bob", "hello", NULL, 0, NULL, NULL));
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_ping(ada, "SERVER", NULL));
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_command(ada, "LIST_GROUPS", "{}", &result));
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_connect(ada));
    CHECK_OK(callie_events_free(next_of(ada, CALLIE_EVENT_KIND_CLOSED)));
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_next_events(ada, 1, PATIENCE_MS, &events));
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_start(ada));
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_suspend(ada));
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_resume(ada));
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_listen(ada, free_inside, ada));
    CHECK_OK(callie_client_network_changed(ada));
    CHECK_OK(callie_client_free(ada));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_client_disconnect(ada));
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_client_free(ada));
}
