/* What the tests share: a check that says what failed and ends the program. */
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

/* The next event, alone in its batch; the test ends when none comes in time. */
static inline CallieEvents *next_event(CallieClient *client)
{
    CallieEvents *events;
    CHECK_OK(callie_client_next_events(client, 1, 20000, &events));
    CHECK(callie_events_count(events) == 1);
    return events;
}

#endif
