/* The test bed: one connection, which is a env of servers that end with it. */
#include "scenarios.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

const char *bed_port;
const char *vectors_file;

/* The connection, made with the first question. It ends with the process. */
static FILE *bed(void)
{
    static FILE *env;
    if (env == NULL) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(bed_port))};
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(socket_fd >= 0);
        CHECK(connect(socket_fd, (struct sockaddr *)&address, sizeof address) == 0);
        env = fdopen(socket_fd, "r+");
        CHECK(env != NULL);
        setvbuf(env, NULL, _IONBF, 0);
    }
    return env;
}

const char *ask(const char *format, ...)
{
    static char answer[4096];
    va_list arguments;
    FILE *env = bed();
    va_start(arguments, format);
    CHECK(vsnprintf(answer, sizeof answer - 1, format, arguments) > 0);
    va_end(arguments);
    strcat(answer, "\n");
    CHECK(fputs(answer, env) >= 0);
    CHECK(fflush(env) == 0);
    CHECK(fgets(answer, sizeof answer, env) != NULL);
    answer[strcspn(answer, "\n")] = '\0';
    if (strncmp(answer, "ok", 2) != 0) {
        fprintf(stderr, "the test bed says: %s\n", answer);
        exit(1);
    }
    return answer[2] == ' ' ? answer + 3 : answer + 2;
}
