/* Takes messages in batches: receive URL TOKEN COUNT prints "ready", then microseconds of CPU an event. */
#include <time.h>

#include "../tests/check.h"

#define BATCH 64
#define PATIENCE_MS 60000

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    unsigned long count = strtoul(argv[3], NULL, 10);
    CallieConfig config = default_config();
    CallieServer *server;
    CallieCredentials *credentials;
    CallieClient *client;
    CallieEvents *events;
    CallieStats stats;
    config.event_queue = (uint32_t)count + BATCH;
    CHECK_OK(callie_server_new(argv[1], &config, &server));
    CHECK_OK(callie_credentials_new(server, "bob", argv[2], &credentials));
    CHECK_OK(callie_client_new(credentials, &client));
    CHECK_OK(callie_client_connect(client));
    CHECK_OK(callie_client_next_events(client, BATCH, PATIENCE_MS, &events));
    CHECK_OK(callie_events_free(events));
    puts("ready");
    fflush(stdout);
    clock_t began = clock();
    /* The batches are full, as they are under load. */
    do {
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        CHECK_OK(callie_client_stats(client, &stats));
    } while (stats.messages_received < count);
    for (unsigned long seen = 0; seen < count;) {
        CHECK_OK(callie_client_next_events(client, BATCH, PATIENCE_MS, &events));
        for (size_t i = 0; i < callie_events_count(events); i++)
            seen += callie_event_kind(events, i) == CALLIE_EVENT_KIND_MESSAGE;
        CHECK_OK(callie_events_free(events));
    }
    printf("%f\n", (double)(clock() - began) / CLOCKS_PER_SEC * 1e6 / (double)count);
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_credentials_free(credentials));
    CHECK_OK(callie_server_free(server));
    return 0;
}
