/* A fork does not affect the parent, and every call in the child returns immediately: forks URL NAME PASSWORD ROUNDS. After a
 * fork before the first call, the child can use the library. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

/* After this time, a child counts as hanging. */
#define CHILD_SECONDS 20
#define AT_ONCE_MS 1000

static CallieServer *server;
static CallieCredentials *credentials;
static CallieClient *client, *listener;
static CallieEvents *batch;
static char *text;
static atomic_bool over;

static long now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void ends_well(pid_t child)
{
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void sink(uint32_t level, const char *target, const char *line, void *user_data)
{
    (void)level, (void)target, (void)line, (void)user_data;
}

static bool source(const char *username, const char *reason, char *token, size_t size, void *user_data)
{
    (void)username, (void)reason, (void)token, (void)size, (void)user_data;
    return false;
}

static void listen_on(CallieEvents *events, void *user_data)
{
    (void)user_data;
    CHECK(callie_events_count(events) > 0);
}

static atomic_int forks_left;
static pid_t forked_in_callback;
static sem_t has_forked;

/* The child ends when it returns from the callback, because it has only this thread. */
static void fork_inside(CallieEvents *events, void *user_data)
{
    (void)user_data;
    CHECK(callie_events_count(events) > 0);
    if (atomic_exchange(&forks_left, 0) == 1) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(CHILD_SECONDS);
            return;
        }
        forked_in_callback = child;
        CHECK(sem_post(&has_forked) == 0);
    }
}

#define CHECK_FORKED(call) CHECK_STATUS(CALLIE_STATUS_FORKED, call)

/* The child can use neither what the parent created nor anything new. */
static void every_call_is_refused(const char *url, const char *name, const char *password)
{
    long began = now_ms();
    CallieServer *another = server;
    CallieCredentials *login = credentials;
    CallieClient *made = client;
    CallieEvents *events = batch;
    CallieSendOutcome outcome;
    CallieSent sent;
    CallieStats stats;
    CallieLimits limits;
    char *result = text;
    int fd;

    CHECK_FORKED(callie_server_new(url, NULL, &another));
    CHECK_TEXT("FORKED", callie_last_error_code());
    CHECK(strstr(callie_last_error_reason(), "fork") != NULL);
    CHECK_FORKED(callie_server_register(server, name, password));
    CHECK_FORKED(callie_server_login(server, name, password, NULL, &login));
    CHECK_FORKED(callie_server_register_and_login(server, name, password, NULL, &login));
    CHECK_FORKED(callie_server_logout(server, credentials));
    CHECK_FORKED(callie_server_sessions(server, credentials, &result));
    CHECK_FORKED(callie_credentials_new(server, name, "token", &login));
    CHECK_FORKED(callie_credentials_token(credentials, &result));
    CHECK_FORKED(callie_client_new(credentials, &made));
    CHECK_FORKED(callie_client_start(client));
    CHECK_FORKED(callie_client_connect(client));
    CHECK_FORKED(callie_client_suspend(client));
    CHECK_FORKED(callie_client_resume(client));
    CHECK_FORKED(callie_client_network_changed(client));
    CHECK_FORKED(callie_client_send(client, name, "x", NULL, 0, NULL, &sent));
    CHECK_FORKED(callie_client_wait(client, 1, 5000, &outcome));
    CHECK_FORKED(callie_client_ping(client, "SERVER", NULL));
    CHECK_FORKED(callie_client_command(client, "LIST_GROUPS", "{}", &result));
    CHECK_FORKED(callie_client_list_groups(client, 0, NULL, &result));
    CHECK_FORKED(callie_client_signal(client, name, "typing", NULL));
    CHECK_FORKED(callie_client_next_events(client, 64, 5000, &events));
    CHECK_FORKED(callie_client_fd(client, &fd));
    CHECK_FORKED(callie_client_stats(client, &stats));
    CHECK_FORKED(callie_client_limits(client, &limits));
    CHECK_FORKED(callie_client_username(client, &result));
    CHECK_FORKED(callie_client_listen(client, listen_on, NULL));
    CHECK_FORKED(callie_client_set_token_source(client, source, NULL));
    CHECK_FORKED(callie_set_logger(CALLIE_LOG_LEVEL_TRACE, sink, NULL));
    CHECK_FORKED(callie_set_logger(CALLIE_LOG_LEVEL_OFF, NULL, NULL));
    CHECK(another == NULL && login == NULL && made == NULL && events == NULL && result == NULL && fd == -1);
    CHECK(callie_client_state(client) == CALLIE_CONNECTION_STATE_NONE);
    CHECK(callie_events_count(batch) == 0);
    CHECK(callie_event_kind(batch, 0) == CALLIE_EVENT_KIND_NONE);
    CHECK(callie_event_string(batch, 0, CALLIE_FIELD_MESSAGE_ID, NULL) == NULL);
    CallieFault fault;
    CHECK_FORKED(callie_check_payload("{}", 2, &fault));
    CHECK_FORKED(callie_json_get("{\"a\":1}", "/a", &result));
    CHECK_FORKED(callie_client_disconnect(client));
    CHECK_FORKED(callie_events_free(batch));
    CHECK_FORKED(callie_string_free(text));
    CHECK_FORKED(callie_client_free(client));
    CHECK_FORKED(callie_client_free(listener));
    CHECK_FORKED(callie_credentials_free(credentials));
    CHECK_FORKED(callie_server_free(server));
    CHECK(now_ms() - began < AT_ONCE_MS);
}

/* Takes every lock of the library repeatedly, so that one is probably held when the process forks. */
static void *keep_busy(void *name)
{
    while (!atomic_load(&over)) {
        CallieServer *made;
        CallieCredentials *resumed;
        CallieClient *unused;
        CallieEvents *events;
        char *username;
        CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &made));
        CHECK_OK(callie_credentials_new(made, name, "token", &resumed));
        CHECK_OK(callie_client_new(resumed, &unused));
        CHECK_OK(callie_client_username(unused, &username));
        CHECK_OK(callie_string_free(username));
        CHECK_OK(callie_client_start(unused));
        CHECK_OK(callie_client_next_events(unused, 64, 10, &events));
        callie_event_kind(events, 0);
        CHECK_OK(callie_events_free(events));
        CHECK_OK(callie_set_logger(CALLIE_LOG_LEVEL_TRACE, sink, NULL));
        CHECK_OK(callie_client_free(unused));
        CHECK_OK(callie_credentials_free(resumed));
        CHECK_OK(callie_server_free(made));
    }
    return NULL;
}

/* The child uses the library first. */
static void fork_before_the_first_call(const char *url, const char *name, const char *password)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(CHILD_SECONDS);
        CHECK_OK(callie_server_new(url, NULL, &server));
        CHECK_OK(callie_server_register_and_login(server, name, password, NULL, &credentials));
        CHECK_OK(callie_client_new(credentials, &client));
        CHECK_OK(callie_client_connect(client));
        CHECK_OK(callie_client_ping(client, "SERVER", NULL));
        CHECK_OK(callie_client_disconnect(client));
        CHECK_OK(callie_client_free(client));
        CHECK_OK(callie_credentials_free(credentials));
        CHECK_OK(callie_server_free(server));
        exit(0);
    }
    ends_well(child);
}

/* The listener forks, and its client continues to receive. */
static void fork_in_a_callback(const char *peer)
{
    CallieClient *forking;
    CHECK_OK(callie_client_new(credentials, &forking));
    CHECK(sem_init(&has_forked, 0, 0) == 0);
    atomic_store(&forks_left, 1);
    CHECK_OK(callie_client_listen(forking, fork_inside, NULL));
    CHECK_OK(callie_client_connect(forking));
    while (sem_wait(&has_forked) != 0)
        ;
    CHECK_OK(callie_client_ping(forking, peer, NULL));
    CHECK_OK(callie_client_disconnect(forking));
    CHECK_OK(callie_client_free(forking));
    ends_well(forked_in_callback);
}

static CallieClient *enter(const char *name, const char *password)
{
    CallieClient *entered;
    CHECK_OK(callie_server_register_and_login(server, name, password, NULL, &credentials));
    CHECK_OK(callie_client_new(credentials, &entered));
    CHECK_OK(callie_client_connect(entered));
    return entered;
}

int main(int argc, char **argv)
{
    CHECK(argc == 5);
    const char *url = argv[1], *name = argv[2], *password = argv[3];
    char peer[64];
    pthread_t busy[2];
    CallieSent sent;
    CallieSendOutcome outcome;
    snprintf(peer, sizeof peer, "%sp", name);

    fork_before_the_first_call(url, name, password);
    CHECK_OK(callie_server_new(url, NULL, &server));
    listener = enter(peer, password);
    CHECK_OK(callie_client_listen(listener, listen_on, NULL));
    CHECK_OK(callie_credentials_free(credentials));
    client = enter(name, password);
    fork_in_a_callback(peer);
    CHECK_OK(callie_client_next_events(client, 64, 5000, &batch));
    CHECK(callie_events_count(batch) > 0);
    CHECK_OK(callie_client_username(client, &text));
    for (size_t i = 0; i < 2; i++)
        CHECK(pthread_create(&busy[i], NULL, keep_busy, (void *)(uintptr_t)name) == 0);
    for (int round = 0; round < atoi(argv[4]); round++) {
        fflush(NULL);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(CHILD_SECONDS);
            every_call_is_refused(url, name, password);
            if (round % 2 == 0)
                exit(0);
            _exit(0);
        }
        ends_well(child);
        /* The parent's connection continues. */
        CHECK_OK(callie_client_send(client, peer, "still here", NULL, 0, NULL, &sent));
        CHECK_OK(callie_client_wait(client, sent.ticket, 20000, &outcome));
        CHECK(outcome.kind == CALLIE_OUTCOME_KIND_DELIVERED);
        CHECK(callie_client_state(client) == CALLIE_CONNECTION_STATE_ONLINE);
    }
    CallieStats stats;
    CHECK_OK(callie_client_stats(client, &stats));
    CHECK(stats.connects == 1);
    atomic_store(&over, true);
    for (size_t i = 0; i < 2; i++)
        CHECK(pthread_join(busy[i], NULL) == 0);
    CHECK_OK(callie_set_logger(CALLIE_LOG_LEVEL_OFF, NULL, NULL));
    CHECK_OK(callie_string_free(text));
    CHECK_OK(callie_events_free(batch));
    CHECK_OK(callie_client_free(listener));
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_credentials_free(credentials));
    CHECK_OK(callie_server_free(server));
    puts("ok");
    return 0;
}
