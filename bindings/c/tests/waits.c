/* Waiting calls end when the client is freed or suspended, and signals are handled only on the program's own threads:
 * waits URL NAME PASSWORD ROUNDS. */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define PATIENCE_MS 60000
/* Far below the timeout of the calls, far above the time that a wake-up takes. */
#define SOON_MS 10000

static CallieServer *server;

static long now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static CallieClient *client_of(const char *name, const char *password)
{
    CallieCredentials *credentials;
    CallieClient *client;
    CHECK_OK(callie_server_register_and_login(server, name, password, NULL, &credentials));
    CHECK_OK(callie_client_new(credentials, &client));
    CHECK_OK(callie_credentials_free(credentials));
    return client;
}

static void take_what_is_there(CallieClient *client)
{
    CallieEvents *events;
    CHECK_OK(callie_client_next_events(client, 64, PATIENCE_MS, &events));
    CHECK_OK(callie_events_free(events));
}

static void *wait_for_events(void *client)
{
    CallieEvents *events;
    CHECK_STATUS(CALLIE_STATUS_CLOSED, callie_client_next_events(client, 64, PATIENCE_MS, &events));
    CHECK_TEXT("CLOSED", callie_last_error_code());
    CHECK(events == NULL);
    return NULL;
}

/* The reader is woken, and the user is offline, long before the reader's timeout. */
static void freeing_wakes_readers(CallieClient *watcher, const char *name, const char *password)
{
    CallieClient *client = client_of(name, password);
    pthread_t readers[3];
    CHECK_OK(callie_client_connect(client));
    take_what_is_there(client);
    for (size_t i = 0; i < 3; i++)
        CHECK(pthread_create(&readers[i], NULL, wait_for_events, client) == 0);
    /* Some threads wait already, others are about to. Both are woken. */
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    long began = now_ms();
    CHECK_OK(callie_client_free(client));
    for (size_t i = 0; i < 3; i++)
        CHECK(pthread_join(readers[i], NULL) == 0);
    while (callie_client_ping(watcher, name, NULL) == CALLIE_STATUS_OK)
        ;
    CHECK_TEXT("RECIPIENT_OFFLINE", callie_last_error_code());
    CHECK(now_ms() - began < SOON_MS);
}

/* Calls with a handle just before it is freed. */
static void *free_late(void *client)
{
    CHECK_OK(callie_client_free(client));
    return NULL;
}

static void freeing_beside_a_reader_loses_no_call(const char *name, int rounds)
{
    CallieServer *nowhere;
    CallieCredentials *credentials;
    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &nowhere));
    CHECK_OK(callie_credentials_new(nowhere, name, "token", &credentials));
    for (int round = 0; round < rounds; round++) {
        CallieClient *client;
        CallieEvents *events;
        pthread_t thread;
        CHECK_OK(callie_client_new(credentials, &client));
        long began = now_ms();
        CHECK(pthread_create(&thread, NULL, free_late, client) == 0);
        CallieStatus status = callie_client_next_events(client, 64, PATIENCE_MS, &events);
        CHECK(now_ms() - began < SOON_MS);
        if (status == CALLIE_STATUS_OK) {
            /* The thread took the last event just before the wake-up. */
            CHECK(callie_event_kind(events, callie_events_count(events) - 1) == CALLIE_EVENT_KIND_CLOSED);
            CHECK_OK(callie_events_free(events));
        } else {
            CHECK(status == CALLIE_STATUS_CLOSED || status == CALLIE_STATUS_INVALID_HANDLE);
            CHECK(events == NULL);
        }
        CHECK(pthread_join(thread, NULL) == 0);
    }
    CHECK_OK(callie_credentials_free(credentials));
    CHECK_OK(callie_server_free(nowhere));
}

static uint64_t ticket;

static void *wait_for_an_ending(void *client)
{
    CallieSendOutcome outcome;
    CallieStatus status = callie_client_wait(client, ticket, PATIENCE_MS, &outcome);
    CHECK(status == CALLIE_STATUS_INVALID_HANDLE || (status == CALLIE_STATUS_OK && outcome.kind != CALLIE_OUTCOME_KIND_NONE));
    return NULL;
}

static void *wait_for_an_answer(void *client)
{
    CHECK(callie_client_ping(client, "SERVER", NULL) != CALLIE_STATUS_OK);
    return NULL;
}

static void *wait_for_the_goodbye(void *client)
{
    CallieStatus status = callie_client_disconnect(client);
    CHECK(status == CALLIE_STATUS_INVALID_HANDLE || status == CALLIE_STATUS_OK);
    return NULL;
}

/* The other waiting calls end with the client, too. */
static void freeing_ends_every_wait(const char *name, int rounds)
{
    void *(*waits[])(void *) = {wait_for_an_ending, wait_for_an_answer, wait_for_the_goodbye};
    CallieServer *nowhere;
    CallieCredentials *credentials;
    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &nowhere));
    CHECK_OK(callie_credentials_new(nowhere, name, "token", &credentials));
    for (int round = 0; round < rounds; round++) {
        CallieClient *client;
        CallieSent sent;
        pthread_t threads[2];
        long began = now_ms();
        CHECK_OK(callie_client_new(credentials, &client));
        CHECK_OK(callie_client_send(client, "bob", "never", NULL, 0, NULL, &sent));
        ticket = sent.ticket;
        for (size_t i = 0; i < 2; i++)
            CHECK(pthread_create(&threads[i], NULL, waits[(size_t)(round + (int)i) % 3], client) == 0);
        CHECK_OK(callie_client_free(client));
        for (size_t i = 0; i < 2; i++)
            CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(now_ms() - began < SOON_MS);
    }
    CHECK_OK(callie_credentials_free(credentials));
    CHECK_OK(callie_server_free(nowhere));
}

static void *wait_for_a_connection(void *client)
{
    CHECK(callie_client_connect(client) != CALLIE_STATUS_OK);
    return NULL;
}

/* A server that accepts TCP and stays silent: the backlog of a socket that is never accepted from. */
static void suspending_ends_a_pending_connect(const char *name)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int silent = socket(AF_INET, SOCK_STREAM, 0);
    char url[64];
    CHECK(silent >= 0 && bind(silent, (struct sockaddr *)&address, size) == 0 && listen(silent, 16) == 0);
    CHECK(getsockname(silent, (struct sockaddr *)&address, &size) == 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    CallieServer *quiet;
    CallieCredentials *credentials;
    CallieClient *client;
    pthread_t thread;
    CHECK_OK(callie_server_new(url, NULL, &quiet));
    CHECK_OK(callie_credentials_new(quiet, name, "token", &credentials));
    CHECK_OK(callie_client_new(credentials, &client));
    long began = now_ms();
    CHECK(pthread_create(&thread, NULL, wait_for_a_connection, client) == 0);
    while (callie_client_state(client) != CALLIE_CONNECTION_STATE_CONNECTING)
        take_what_is_there(client);
    CHECK_OK(callie_client_suspend(client));
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(now_ms() - began < SOON_MS);
    /* Freeing the client ends the call. */
    CHECK(pthread_create(&thread, NULL, wait_for_a_connection, client) == 0);
    while (callie_client_state(client) != CALLIE_CONNECTION_STATE_CONNECTING)
        take_what_is_there(client);
    CHECK_OK(callie_client_free(client));
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(now_ms() - began < 2 * SOON_MS);
    CHECK_OK(callie_credentials_free(credentials));
    CHECK_OK(callie_server_free(quiet));
    close(silent);
}

static void nothing(CallieEvents *events, void *user_data)
{
    (void)events, (void)user_data;
}

static void no_line(uint32_t level, const char *target, const char *line, void *user_data)
{
    (void)level, (void)target, (void)line, (void)user_data;
}

static volatile sig_atomic_t handled, handled_elsewhere;
static pthread_t main_thread;

static void handle(int number)
{
    (void)number;
    handled++;
    handled_elsewhere += !pthread_equal(pthread_self(), main_thread);
}

/* A signal that is blocked on the program's only thread stays pending, because the library's threads block it too. */
static void signals_stay_with_the_program(CallieClient *client)
{
    sigset_t blocked, pending;
    struct sigaction action = {.sa_handler = handle};
    CallieEvents *events;
    main_thread = pthread_self();
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK_OK(callie_set_logger(CALLIE_LOG_LEVEL_TRACE, no_line, NULL));
    CHECK(sigemptyset(&blocked) == 0 && sigaddset(&blocked, SIGUSR1) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &blocked, NULL) == 0);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK_OK(callie_client_ping(client, "SERVER", NULL));
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) == 1 && handled == 0);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &blocked, NULL) == 0);
    CHECK(handled == 1 && handled_elsewhere == 0);
    /* A waiting call continues to wait after a handler has run. */
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec once = {.it_value.tv_nsec = 50000000};
    while (callie_client_next_events(client, 64, 0, &events) == CALLIE_STATUS_OK && callie_events_count(events) > 0)
        CHECK_OK(callie_events_free(events));
    CHECK_OK(callie_events_free(events));
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &once, NULL) == 0);
    long began = now_ms();
    CHECK_OK(callie_client_next_events(client, 64, 300, &events));
    CHECK(callie_events_count(events) == 0 && now_ms() - began >= 300 && handled == 2 && handled_elsewhere == 0);
    CHECK_OK(callie_events_free(events));
    CHECK(timer_delete(timer) == 0);
    CHECK_OK(callie_set_logger(CALLIE_LOG_LEVEL_OFF, NULL, NULL));
}

static void reading_beside_a_listener_is_a_status(const char *name, const char *password)
{
    CallieClient *client = client_of(name, password);
    CallieEvents *events;
    CHECK_OK(callie_client_listen(client, nothing, NULL));
    CHECK_STATUS(CALLIE_STATUS_INVALID_ARGUMENT, callie_client_next_events(client, 64, PATIENCE_MS, &events));
    CHECK(events == NULL);
    CHECK_OK(callie_client_free(client));
}

int main(int argc, char **argv)
{
    CHECK(argc == 5);
    const char *name = argv[2], *password = argv[3];
    char other[64];
    snprintf(other, sizeof other, "%so", name);
    CHECK_OK(callie_server_new(argv[1], NULL, &server));
    CallieClient *watcher = client_of(other, password);
    CHECK_OK(callie_client_connect(watcher));
    signals_stay_with_the_program(watcher);
    freeing_wakes_readers(watcher, name, password);
    freeing_beside_a_reader_loses_no_call(name, atoi(argv[4]));
    freeing_ends_every_wait(name, atoi(argv[4]));
    suspending_ends_a_pending_connect(name);
    reading_beside_a_listener_is_a_status(name, password);
    CHECK_OK(callie_client_free(watcher));
    CHECK_OK(callie_server_free(server));
    puts("ok");
    return 0;
}
