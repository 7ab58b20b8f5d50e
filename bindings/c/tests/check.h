/* A check for all tests, which reports what failed and ends the program. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "callie.h"

#define CHECK(condition)                                                                                      \
    do {                                                                                                      \
        if (!(condition)) {                                                                                   \
            fprintf(stderr, "%s:%d: %s (last error: %s: %s)\n", __FILE__, __LINE__, #condition,               \
                    callie_last_error_code(), callie_last_error_reason());                                    \
            exit(1);                                                                                          \
        }                                                                                                     \
    } while (0)

#define CHECK_STATUS(status, call) CHECK((call) == (status))
#define CHECK_OK(call) CHECK_STATUS(CALLIE_STATUS_OK, call)
#define CHECK_TEXT(expected, text) CHECK((text) != NULL && strcmp((expected), (text)) == 0)

/* The default configuration. */
static inline CallieConfig default_config(void)
{
    CallieConfig config;
    CHECK_OK(callie_config_init(&config, sizeof config));
    return config;
}

/* The defaults, but for the time until the server answers. */
static inline CallieConfig config_with_timeouts(uint32_t timeout_ms)
{
    CallieConfig config = default_config();
    config.connect_timeout_ms = config.request_timeout_ms = timeout_ms;
    return config;
}

/* The default options of a send. */
static inline CallieSendOptions default_send_options(void)
{
    CallieSendOptions options;
    CHECK_OK(callie_send_options_init(&options, sizeof options));
    return options;
}

/* The defaults, but for the time until the outcome. */
static inline CallieSendOptions options_with_timeout(uint32_t timeout_ms)
{
    CallieSendOptions options = default_send_options();
    options.timeout_ms = timeout_ms;
    return options;
}

/* Returns whether an event is about the connection or an own message. */
static inline bool is_own(const CallieEvents *events, size_t index)
{
    CallieEventKind kind = callie_event_kind(events, index);
    return kind == CALLIE_EVENT_KIND_CONNECTION_CHANGED || kind == CALLIE_EVENT_KIND_ENDED;
}

/* Waits for the next other event, alone in its batch. The test fails after a timeout. */
static inline CallieEvents *next_event(CallieClient *client)
{
    for (;;) {
        CallieEvents *events;
        CHECK_OK(callie_client_next_events(client, 1, 20000, &events));
        CHECK(callie_events_count(events) == 1);
        if (!is_own(events, 0))
            return events;
        CHECK_OK(callie_events_free(events));
    }
}

#endif
