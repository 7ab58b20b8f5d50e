/* Frees user_data as soon as the header permits it, while events, log lines and token requests keep arriving:
 * callbacks URL NAME PASSWORD ROUNDS. A callback that runs later would read freed memory. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "check.h"

/* Nobody listens there. */
#define NOWHERE "http://127.0.0.1:1"
#define EVENTS 40
#define THREADS 4

/* The user_data of the callbacks. */
typedef struct Data {
    atomic_int calls;
    CallieClient *client;
    struct Data *other;
} Data;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int heard;

static Data *new_data(CallieClient *client)
{
    Data *data = calloc(1, sizeof *data);
    CHECK(data != NULL);
    data->client = client;
    return data;
}

static void hear(void)
{
    pthread_mutex_lock(&lock);
    heard++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void forget(void)
{
    pthread_mutex_lock(&lock);
    heard = 0;
    pthread_mutex_unlock(&lock);
}

static void wait_until_heard(int times)
{
    pthread_mutex_lock(&lock);
    while (heard < times)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void take_time(long microseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = microseconds * 1000}, NULL);
}

/* A client that is not connected, with more events than its listener has taken when it is freed. The events are the outcomes of
 * messages that expire. */
static CallieClient *client_with_events(CallieCredentials *credentials)
{
    CallieClient *client;
    CHECK_OK(callie_client_new(credentials, &client));
    CallieSendOptions at_once = options_with_timeout(1);
    for (int n = 0; n < EVENTS; n++)
        CHECK_OK(callie_client_send(client, "bob", "late", NULL, 0, &at_once, NULL));
    return client;
}

static void slow_listener(CallieEvents *events, void *user_data)
{
    Data *data = user_data;
    CHECK(callie_events_count(events) > 0);
    if (atomic_fetch_add(&data->calls, 1) == 0)
        hear();
    take_time(300);
    atomic_fetch_add(&data->calls, 1);
}

static void listener_is_over_when_free_returns(CallieCredentials *credentials, int round)
{
    forget();
    CallieClient *client = client_with_events(credentials);
    Data *data = new_data(client);
    CHECK_OK(callie_client_listen(client, slow_listener, data));
    if (round % 4 != 0)
        wait_until_heard(1);
    if (round % 3 == 0)
        CHECK_OK(callie_client_disconnect(client));
    CHECK_OK(callie_client_free(client));
    CHECK(atomic_load(&data->calls) % 2 == 0);
    free(data);
}

static void freeing_listener(CallieEvents *events, void *user_data)
{
    Data *data = user_data;
    CHECK(callie_events_count(events) > 0);
    CHECK_OK(callie_client_free(data->client));
    free(data);
    hear();
}

static void listener_may_free_its_client_and_its_data(CallieCredentials *credentials)
{
    forget();
    CallieClient *client = client_with_events(credentials);
    CHECK_OK(callie_client_listen(client, freeing_listener, new_data(client)));
    wait_until_heard(1);
    CHECK_STATUS(CALLIE_STATUS_INVALID_HANDLE, callie_client_free(client));
}

static void *free_client(void *user_data)
{
    Data *data = user_data;
    CallieStatus status = callie_client_free(data->client);
    CHECK(status == CALLIE_STATUS_OK || status == CALLIE_STATUS_INVALID_HANDLE);
    return status == CALLIE_STATUS_OK ? data : NULL;
}

/* The thread whose call frees the client may free the data. */
static void one_of_many_threads_frees(CallieCredentials *credentials)
{
    forget();
    CallieClient *client = client_with_events(credentials);
    /* The threads use a copy, which is not freed before they have ended. */
    Data *data = new_data(client), copy = {.client = client};
    pthread_t threads[THREADS];
    int winners = 0;
    CHECK_OK(callie_client_listen(client, slow_listener, data));
    wait_until_heard(1);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, free_client, &copy) == 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *won;
        CHECK(pthread_join(threads[i], &won) == 0);
        winners += won != NULL;
    }
    CHECK(winners == 1);
    free(data);
}

/* Frees the other client, whose callback does the same. */
static void crossed_listener(CallieEvents *events, void *user_data)
{
    Data *data = user_data;
    CHECK(callie_events_count(events) > 0);
    if (atomic_fetch_add(&data->calls, 1) == 0) {
        CallieStatus status = callie_client_free(data->other->client);
        CHECK(status == CALLIE_STATUS_OK || status == CALLIE_STATUS_INVALID_HANDLE);
        hear();
    }
}

static void listeners_may_free_each_other(CallieCredentials *credentials)
{
    forget();
    Data *one = new_data(client_with_events(credentials)), *two = new_data(client_with_events(credentials));
    one->other = two;
    two->other = one;
    CallieStatus status = callie_client_listen(one->client, crossed_listener, one);
    CHECK_OK(status);
    status = callie_client_listen(two->client, crossed_listener, two);
    /* The first thread may have freed it. */
    CHECK(status == CALLIE_STATUS_OK || status == CALLIE_STATUS_INVALID_HANDLE);
    wait_until_heard(1);
    /* Frees the remaining clients from here, so that no call starts any more. Callbacks that freed the other client report when
     * they are done. */
    callie_client_free(one->client);
    callie_client_free(two->client);
    wait_until_heard((atomic_load(&one->calls) > 0) + (atomic_load(&two->calls) > 0));
    free(one);
    free(two);
}

static void slow_sink(uint32_t level, const char *target, const char *line, void *user_data)
{
    Data *data = user_data;
    CHECK(level <= CALLIE_LOG_LEVEL_TRACE && strlen(target) > 0 && strlen(line) > 0);
    if (atomic_fetch_add(&data->calls, 1) == 0)
        hear();
    take_time(300);
    atomic_fetch_add(&data->calls, 1);
}

/* A client that cannot connect, whose attempts are logged. */
static CallieClient *logging_client(CallieCredentials *credentials)
{
    CallieClient *client;
    CHECK_OK(callie_client_new(credentials, &client));
    for (int n = 0; n < 5; n++)
        CHECK_STATUS(CALLIE_STATUS_UNREACHABLE, callie_client_connect(client));
    return client;
}

static void sink_is_over_when_set_logger_returns(CallieCredentials *credentials)
{
    forget();
    Data *data = new_data(NULL);
    CHECK_OK(callie_set_logger(CALLIE_LOG_LEVEL_TRACE, slow_sink, data));
    CallieClient *client = logging_client(credentials);
    wait_until_heard(1);
    CHECK_OK(callie_set_logger(CALLIE_LOG_LEVEL_OFF, NULL, NULL));
    CHECK(atomic_load(&data->calls) % 2 == 0);
    free(data);
    CHECK_OK(callie_client_free(client));
}

static void leaving_sink(uint32_t level, const char *target, const char *line, void *user_data)
{
    (void)level, (void)target, (void)line;
    CHECK_OK(callie_set_logger(CALLIE_LOG_LEVEL_OFF, NULL, NULL));
    free(user_data);
    hear();
}

static void sink_may_take_itself_away(CallieCredentials *credentials)
{
    forget();
    CHECK_OK(callie_set_logger(CALLIE_LOG_LEVEL_TRACE, leaving_sink, new_data(NULL)));
    CallieClient *client = logging_client(credentials);
    wait_until_heard(1);
    CHECK_OK(callie_client_free(client));
}

static void quiet_sink(uint32_t level, const char *target, const char *line, void *user_data)
{
    Data *data = user_data;
    (void)level, (void)target, (void)line;
    atomic_fetch_add(&data->calls, 1);
    take_time(100);
    atomic_fetch_add(&data->calls, 1);
}

/* Each thread replaces the current sink with its own. When a later call has returned, the thread may free its data, whichever
 * thread replaced the sink. */
static void *swap_sinks(void *unused)
{
    (void)unused;
    for (int n = 0; n < 20; n++) {
        Data *data = new_data(NULL);
        CHECK_OK(callie_set_logger(CALLIE_LOG_LEVEL_TRACE, quiet_sink, data));
        take_time(200);
        CHECK_OK(callie_set_logger(CALLIE_LOG_LEVEL_OFF, NULL, NULL));
        free(data);
    }
    return NULL;
}

static void threads_swap_sinks(CallieCredentials *credentials)
{
    pthread_t threads[THREADS];
    CallieClient *client;
    CHECK_OK(callie_client_new(credentials, &client));
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, swap_sinks, NULL) == 0);
    for (int n = 0; n < 50; n++)
        CHECK_STATUS(CALLIE_STATUS_UNREACHABLE, callie_client_connect(client));
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK_OK(callie_client_free(client));
}

static bool slow_source(const char *username, const char *reason, char *token, size_t size, void *user_data)
{
    Data *data = user_data;
    (void)username, (void)reason, (void)token, (void)size;
    atomic_fetch_add(&data->calls, 1);
    hear();
    take_time(100000);
    atomic_fetch_add(&data->calls, 1);
    return false;
}

/* Removes itself, or frees its client. */
static bool leaving_source(const char *username, const char *reason, char *token, size_t size, void *user_data)
{
    Data *data = user_data;
    (void)username, (void)reason, (void)token, (void)size;
    CHECK_OK(data->other == NULL ? callie_client_set_token_source(data->client, NULL, NULL)
                                 : callie_client_free(data->client));
    free(data);
    hear();
    return false;
}

/* A client whose session has ended, so that its token source is called. */
static CallieClient *refused_client(CallieServer *server, const char *name, const char *password,
                                    CallieTokenSource source, Data *data)
{
    CallieCredentials *credentials;
    CHECK_OK(callie_server_login(server, name, password, NULL, &credentials));
    CHECK_OK(callie_client_new(credentials, &data->client));
    CHECK_OK(callie_client_set_token_source(data->client, source, data));
    CHECK_OK(callie_server_logout(server, credentials));
    CHECK_OK(callie_credentials_free(credentials));
    CallieClient *client = data->client;
    CHECK_OK(callie_client_start(client));
    return client;
}

static void source_is_over_when_it_was_taken_away(CallieServer *server, const char *name, const char *password)
{
    for (int way = 0; way < 3; way++) {
        forget();
        Data *data = new_data(NULL), *next = new_data(NULL);
        CallieClient *client = refused_client(server, name, password, slow_source, data);
        wait_until_heard(1);
        if (way == 0) {
            CHECK_OK(callie_client_set_token_source(client, NULL, NULL));
        } else if (way == 1) {
            CHECK_OK(callie_client_set_token_source(client, slow_source, next));
        } else {
            CHECK_OK(callie_client_free(client));
        }
        CHECK(atomic_load(&data->calls) == 2);
        free(data);
        if (way < 2)
            CHECK_OK(callie_client_free(client));
        free(next);
    }
    for (int way = 0; way < 2; way++) {
        forget();
        Data *data = new_data(NULL);
        data->other = way == 0 ? NULL : data;
        CallieClient *client = refused_client(server, name, password, leaving_source, data);
        wait_until_heard(1);
        if (way == 0)
            CHECK_OK(callie_client_free(client));
    }
}

int main(int argc, char **argv)
{
    CHECK(argc == 5);
    const char *url = argv[1], *name = argv[2], *password = argv[3];
    int rounds = atoi(argv[4]);
    CallieServer *server, *nowhere;
    CallieCredentials *credentials;
    CHECK_OK(callie_server_new(url, NULL, &server));
    CHECK_OK(callie_server_register(server, name, password));
    CHECK_OK(callie_server_new(NOWHERE, NULL, &nowhere));
    CHECK_OK(callie_credentials_new(nowhere, name, "token", &credentials));
    for (int round = 0; round < rounds; round++) {
        listener_is_over_when_free_returns(credentials, round);
        listener_may_free_its_client_and_its_data(credentials);
        one_of_many_threads_frees(credentials);
        listeners_may_free_each_other(credentials);
        sink_is_over_when_set_logger_returns(credentials);
        sink_may_take_itself_away(credentials);
    }
    threads_swap_sinks(credentials);
    source_is_over_when_it_was_taken_away(server, name, password);
    CHECK_OK(callie_credentials_free(credentials));
    CHECK_OK(callie_server_free(nowhere));
    CHECK_OK(callie_server_free(server));
    puts("ok");
    return 0;
}
