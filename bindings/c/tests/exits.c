/* Exits at any moment, with callbacks running and threads inside calls, with its own exit code: exits URL NAME TOKEN WAY.
 * exits URL NAME PASSWORD prints the token of a new user. */
#include <pthread.h>
#include <time.h>

#include "check.h"

#define CODE 7
#define PATIENCE_MS 60000

static const char *way;
static CallieClient *client, *quiet, *read_one;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int heard;

static void hear(void)
{
    pthread_mutex_lock(&lock);
    heard++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_until_heard(int times)
{
    pthread_mutex_lock(&lock);
    while (heard < times)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void on_events(CallieEvents *events, void *user_data)
{
    (void)user_data;
    CHECK(callie_events_count(events) > 0);
    hear();
    if (strcmp(way, "listener") == 0)
        exit(CODE);
}

static void on_line(uint32_t level, const char *target, const char *line, void *user_data)
{
    (void)level, (void)target, (void)line, (void)user_data;
    hear();
    if (strcmp(way, "sink") == 0)
        exit(CODE);
}

static bool no_token(const char *username, const char *reason, char *token, size_t size, void *user_data)
{
    (void)username, (void)reason, (void)token, (void)size, (void)user_data;
    return false;
}

static void *read_events(void *unused)
{
    CallieEvents *events;
    (void)unused;
    hear();
    while (callie_client_next_events(read_one, 64, PATIENCE_MS, &events) == CALLIE_STATUS_OK)
        callie_events_free(events);
    return NULL;
}

static void *ping_on_and_on(void *unused)
{
    (void)unused;
    hear();
    while (callie_client_ping(client, "SERVER", NULL) != CALLIE_STATUS_CLOSED)
        ;
    return NULL;
}

static void *wait_for_an_end(void *unused)
{
    CallieSent sent;
    CallieSendOutcome outcome;
    (void)unused;
    CHECK_OK(callie_client_send(quiet, "nobody", "x", NULL, 0, NULL, &sent));
    hear();
    callie_client_wait(quiet, sent.ticket, PATIENCE_MS, &outcome);
    return NULL;
}

static void *leave(void *unused)
{
    (void)unused;
    exit(CODE);
}

/* Does what a program with static C++ objects does. */
static void free_at_exit(void)
{
    callie_client_free(client);
    callie_set_logger(CALLIE_LOG_LEVEL_OFF, NULL, NULL);
}

static int print_token(const char *url, const char *name, const char *password)
{
    CallieServer *server;
    CallieCredentials *credentials;
    char *token;
    CHECK_OK(callie_server_new(url, NULL, &server));
    CHECK_OK(callie_server_register_and_login(server, name, password, NULL, &credentials));
    CHECK_OK(callie_credentials_token(credentials, &token));
    puts(token);
    return 0;
}

int main(int argc, char **argv)
{
    CallieServer *server;
    CallieCredentials *credentials;
    pthread_t thread;
    if (argc == 4)
        return print_token(argv[1], argv[2], argv[3]);
    CHECK(argc == 5);
    way = argv[4];
    if (strcmp(way, "at_exit") == 0)
        CHECK(atexit(free_at_exit) == 0);
    CHECK_OK(callie_set_logger(CALLIE_LOG_LEVEL_TRACE, on_line, NULL));
    CHECK_OK(callie_server_new(argv[1], NULL, &server));
    CHECK_OK(callie_credentials_new(server, argv[2], argv[3], &credentials));
    CHECK_OK(callie_client_new(credentials, &client));
    CHECK_OK(callie_client_new(credentials, &quiet));
    CHECK_OK(callie_client_new(credentials, &read_one));
    CHECK_OK(callie_client_set_token_source(client, no_token, NULL));
    CHECK(pthread_create(&thread, NULL, read_events, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, ping_on_and_on, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, wait_for_an_end, NULL) == 0);
    CHECK_OK(callie_client_listen(client, on_events, NULL));
    CHECK_OK(callie_client_start(client));
    CHECK_OK(callie_client_start(read_one));
    wait_until_heard(5);
    if (strcmp(way, "thread") == 0) {
        CHECK(pthread_create(&thread, NULL, leave, NULL) == 0);
        pthread_join(thread, NULL);
    }
    if (strcmp(way, "listener") == 0 || strcmp(way, "sink") == 0)
        for (;;)
            nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    return CODE;
}
