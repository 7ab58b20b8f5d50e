/* A client that outlives its process, with a state file or a store of the application. */
#include "scenarios.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* A server that is not there. */
#define NOBODY "http://127.0.0.1:9"

/* The directory of the state file, which is empty at the end of a scenario. */
static char folder[64];
static char file[96];

static void make_folder(void)
{
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/callie-XXXXXX", temporary != NULL ? temporary : "/tmp");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(file, sizeof file, "%s/state", folder);
}

/* Removes the directory and its files. Copies the name of the one that begins with `wanted` to `found`. */
static void remove_folder(const char *wanted, char found[256])
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    CHECK(entries != NULL);
    while ((entry = readdir(entries)) != NULL) {
        char path[400];
        if (entry->d_name[0] == '.')
            continue;
        if (wanted != NULL && strncmp(entry->d_name, wanted, strlen(wanted)) == 0)
            snprintf(found, 256, "%s", entry->d_name);
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        CHECK(unlink(path) == 0);
    }
    closedir(entries);
    CHECK(rmdir(folder) == 0);
}

/* Credentials whose clients keep their state in the file, if it is not NULL. The caller frees them. */
static CallieCredentials *credentials_of(const char *url, const char *name, const char *token, const char *state_file)
{
    CallieConfig config = default_config();
    CallieServer *server;
    CallieCredentials *credentials;
    config.state_file = state_file;
    CHECK_OK(callie_server_new(url, &config, &server));
    CHECK_OK(callie_credentials_new(server, name, token, &credentials));
    CHECK_OK(callie_server_free(server));
    return credentials;
}

static CallieStatus open_state(const char *url, const char *name, const char *token, CallieClient **client)
{
    CallieCredentials *credentials = credentials_of(url, name, token, file);
    CallieStatus status = callie_client_new(credentials, client);
    CHECK_OK(callie_credentials_free(credentials));
    return status;
}

static CallieClient *opened(const char *url, const char *name, const char *token)
{
    CallieClient *client;
    CHECK_OK(open_state(url, name, token, &client));
    return client;
}

static void end(CallieClient *client)
{
    CHECK_OK(callie_client_disconnect(client));
    CHECK_OK(callie_client_free(client));
}

static size_t pending_count(CallieClient *client)
{
    size_t count;
    CHECK_OK(callie_client_pending(client, NULL, 0, &count));
    return count;
}

int accept_and_wait(char **arguments)
{
    snprintf(file, sizeof file, "%s", arguments[2]);
    CallieClient *client = opened(arguments[0], "ada", arguments[1]);
    CHECK_OK(callie_client_start(client));
    puts(send_to(client, "bob", "before the kill").message_id);
    fflush(stdout);
    for (;;)
        pause();
}

/* Starts this program again, which accepts a message, and kills it. */
static void accepted_by_killed_program(const char *url, const char *token, char message_id[CALLIE_ID_SIZE])
{
    int output[2];
    CHECK(pipe(output) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char *arguments[] = {"scenarios", "--killed", (char *)url, (char *)token, file, NULL};
        dup2(output[1], STDOUT_FILENO);
        close(output[0]);
        close(output[1]);
        execv("/proc/self/exe", arguments);
        _exit(1);
    }
    close(output[1]);
    FILE *lines = fdopen(output[0], "r");
    CHECK(fgets(message_id, CALLIE_ID_SIZE, lines) != NULL);
    message_id[strcspn(message_id, "\n")] = '\0';
    fclose(lines);
    CHECK(kill(child, SIGKILL) == 0);
    CHECK(waitpid(child, NULL, 0) == child);
}

void killed_client_sends_what_it_accepted(void)
{
    char url[256], accepted[CALLIE_ID_SIZE], *token;
    CallieSent pending[2];
    size_t count;
    make_folder();
    snprintf(url, sizeof url, "%s", ask("server"));
    CallieCredentials *credentials = user(server_at(url, NULL), "ada");
    CallieClient *bob = online(server_at(ask("direct"), NULL), "bob");
    CHECK_OK(callie_credentials_token(credentials, &token));
    ask("refuse");
    accepted_by_killed_program(url, token, accepted);
    ask("accept");
    CallieClient *ada = opened(url, "ada", token);
    CHECK_OK(callie_client_pending(ada, pending, 2, &count));
    CHECK(count == 1);
    CHECK_TEXT(accepted, pending[0].message_id);
    CHECK_OK(callie_client_connect(ada));
    CallieEvents *arrived = next_of(bob, CALLIE_EVENT_KIND_MESSAGE);
    CHECK_TEXT("before the kill", FIELD(arrived, CALLIE_FIELD_TEXT));
    CHECK_TEXT(accepted, FIELD(arrived, CALLIE_FIELD_MESSAGE_ID));
    CHECK_OK(callie_events_free(arrived));
    CHECK(outcome_of(ada, pending[0]).kind == CALLIE_OUTCOME_KIND_DELIVERED);
    CHECK(pending_count(ada) == 0);
    end(ada);
    callie_string_free(token);
    remove_folder(NULL, NULL);
}

void nothing_is_shown_twice_after_a_restart(void)
{
    char url[256];
    CallieStats stats;
    make_folder();
    snprintf(url, sizeof url, "%s", ask("hostile liar"));
    CallieClient *ada = opened(url, "ada", "token");
    CHECK_OK(callie_client_connect(ada));
    expect_text(ada, "once");
    end(ada);
    ada = opened(url, "ada", "token");
    CHECK_OK(callie_client_connect(ada));
    CHECK_OK(callie_client_ping(ada, "SERVER", NULL));
    CHECK_OK(callie_client_stats(ada, &stats));
    CHECK(stats.messages_received == 0);
    CHECK(stats.duplicates == 2);
    end(ada);
    remove_folder(NULL, NULL);
}

void damaged_state_is_set_aside(void)
{
    char aside[256] = "";
    make_folder();
    CallieClient *ada = opened(NOBODY, "ada", "token");
    CallieSent kept = send_to(ada, "bob", "kept");
    CHECK_OK(callie_client_disconnect(ada));
    CHECK(outcome_of(ada, kept).kind == CALLIE_OUTCOME_KIND_PENDING);
    CHECK_OK(callie_client_free(ada));
    FILE *state = fopen(file, "r+");
    CHECK(state != NULL);
    CHECK(fseek(state, 40, SEEK_SET) == 0);
    int byte = fgetc(state);
    CHECK(fseek(state, 40, SEEK_SET) == 0);
    CHECK(fputc(byte ^ 1, state) != EOF);
    fclose(state);
    CHECK_REFUSED(CALLIE_STATUS_STATE, "STATE_DAMAGED", open_state(NOBODY, "ada", "token", &ada));
    ada = opened(NOBODY, "ada", "token");
    CHECK(pending_count(ada) == 0);
    end(ada);
    remove_folder("state.damaged-", aside);
    CHECK(aside[0] != '\0');
}

void state_of_another_user_is_refused(void)
{
    CallieClient *client;
    make_folder();
    end(opened(NOBODY, "ada", "token"));
    CHECK_REFUSED(CALLIE_STATUS_STATE, "STATE_OF_OTHER_USER", open_state(NOBODY, "bob", "token", &client));
    CHECK(client == NULL);
    CHECK_REFUSED(CALLIE_STATUS_STATE, "STATE_OF_OTHER_SERVER",
                  open_state("http://127.0.0.1:10", "ada", "token", &client));
    remove_folder(NULL, NULL);
}

void state_in_use_is_refused(void)
{
    CallieClient *other;
    make_folder();
    CallieClient *ada = opened(NOBODY, "ada", "token");
    CHECK_REFUSED(CALLIE_STATUS_STATE, "STATE_IN_USE", open_state(NOBODY, "ada", "token", &other));
    send_to(ada, "bob", "the first client continues");
    end(ada);
    end(opened(NOBODY, "ada", "token"));
    remove_folder(NULL, NULL);
}

/* A store in memory, which can be made to fail. */
#define MOST_RECORDS 32
static struct {
    char key[257];
    unsigned char value[4096];
    size_t size;
} records[MOST_RECORDS];
static bool store_fails;
static pthread_t store_thread;

static bool load_records(CallieStateRecords *loaded, void *user_data)
{
    CHECK(user_data == records);
    store_thread = pthread_self();
    for (size_t i = 0; i < MOST_RECORDS; i++)
        if (records[i].key[0] != '\0')
            CHECK_OK(callie_state_records_add(loaded, records[i].key, records[i].value, records[i].size));
    return true;
}

/* Returns the place of a record, or a free one. */
static size_t place_of(const char *key)
{
    size_t free_place = MOST_RECORDS;
    for (size_t i = 0; i < MOST_RECORDS; i++) {
        if (strcmp(records[i].key, key) == 0)
            return i;
        if (records[i].key[0] == '\0')
            free_place = i;
    }
    CHECK(free_place < MOST_RECORDS);
    return free_place;
}

static bool write_records(const CallieStateRecord *puts, size_t put_count, const char *const *deletes,
                          size_t delete_count, void *user_data)
{
    CHECK(user_data == records);
    CHECK(pthread_equal(store_thread, pthread_self()));
    if (store_fails)
        return false;
    for (size_t i = 0; i < put_count; i++) {
        size_t place = place_of(puts[i].key);
        CHECK(puts[i].value_size <= sizeof records[place].value);
        snprintf(records[place].key, sizeof records[place].key, "%s", puts[i].key);
        memcpy(records[place].value, puts[i].value, puts[i].value_size);
        records[place].size = puts[i].value_size;
    }
    for (size_t i = 0; i < delete_count; i++)
        records[place_of(deletes[i])].key[0] = '\0';
    return true;
}

static CallieClient *with_store(CallieCredentials *credentials)
{
    CallieClient *client;
    CHECK_OK(callie_client_new_with_store(credentials, load_records, write_records, records, &client));
    return client;
}

static size_t stored_messages(void)
{
    size_t count = 0;
    for (size_t i = 0; i < MOST_RECORDS; i++)
        count += strncmp(records[i].key, "message/", 8) == 0;
    return count;
}

void application_store_keeps_the_state(void)
{
    CallieCredentials *credentials = user(the_server(), "ada");
    CallieClient *bob = online(the_server(), "bob"), *ada = with_store(credentials);
    CallieSent sent = send_to(ada, "bob", "from the store"), pending;
    size_t count;
    end(ada);
    CHECK(stored_messages() == 1);
    ada = with_store(credentials);
    CHECK_OK(callie_client_pending(ada, &pending, 1, &count));
    CHECK(count == 1);
    CHECK_TEXT(sent.message_id, pending.message_id);
    CHECK_OK(callie_client_connect(ada));
    expect_text(bob, "from the store");
    CHECK(outcome_of(ada, pending).kind == CALLIE_OUTCOME_KIND_DELIVERED);
    end(ada);
    CHECK(stored_messages() == 0);
}

void failing_store_ends_the_client(void)
{
    CallieCredentials *credentials = credentials_of(NOBODY, "ada", "token", NULL);
    CallieClient *ada = with_store(credentials);
    CallieSent stored = send_to(ada, "bob", "stored"), sent;
    CHECK_OK(callie_credentials_free(credentials));
    store_fails = true;
    CHECK_REFUSED(CALLIE_STATUS_STATE, "STATE_UNAVAILABLE",
                  callie_client_send(ada, "bob", "not stored", NULL, 0, NULL, &sent));
    CHECK(sent.ticket == 0);
    CHECK(outcome_of(ada, stored).kind == CALLIE_OUTCOME_KIND_PENDING);
    CallieEvents *closed = next_of(ada, CALLIE_EVENT_KIND_CLOSED);
    CHECK_TEXT("STATE_UNAVAILABLE", FIELD(closed, CALLIE_FIELD_CODE));
    CHECK_OK(callie_events_free(closed));
    end(ada);
    CHECK(stored_messages() == 1);
}
