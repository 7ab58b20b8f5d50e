/* The test bed: one connection, with which its servers end. */
#include "scenarios.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

const char *bed_port;
const char *vectors_file;

/* Returns the connection, which the first call opens. It ends with the process. */
static FILE *bed(void)
{
    static FILE *connection;
    if (connection == NULL) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(bed_port))};
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(socket_fd >= 0);
        CHECK(connect(socket_fd, (struct sockaddr *)&address, sizeof address) == 0);
        connection = fdopen(socket_fd, "r+");
        CHECK(connection != NULL);
        setvbuf(connection, NULL, _IONBF, 0);
    }
    return connection;
}

const char *ask(const char *format, ...)
{
    static char answer[4096];
    va_list arguments;
    FILE *connection = bed();
    va_start(arguments, format);
    CHECK(vsnprintf(answer, sizeof answer - 1, format, arguments) > 0);
    va_end(arguments);
    strcat(answer, "\n");
    CHECK(fputs(answer, connection) >= 0);
    CHECK(fflush(connection) == 0);
    CHECK(fgets(answer, sizeof answer, connection) != NULL);
    answer[strcspn(answer, "\n")] = '\0';
    if (strncmp(answer, "ok", 2) != 0) {
        fprintf(stderr, "the test bed answers: %s\n", answer);
        exit(1);
    }
    return answer[2] == ' ' ? answer + 3 : answer + 2;
}
