/* The conformance vectors. They are records, because C has no JSON parser: a line `from code path-length payload-length`, the
 * path and the payload. The code is `-` for a valid payload. The path's length is -1 if the path is not checked. */
#include "scenarios.h"

/* Reads a number of bytes. The caller frees them. */
static char *take(FILE *file, size_t length)
{
    char *bytes = malloc(length + 1);
    CHECK(bytes != NULL && fread(bytes, 1, length, file) == length);
    bytes[length] = '\0';
    return bytes;
}

void every_vector_is_checked(void)
{
    FILE *file = fopen(vectors_file, "rb");
    char from[16], code[CALLIE_CODE_SIZE];
    long path_length;
    size_t length, checked = 0;
    CHECK(file != NULL);
    while (fscanf(file, "%15s %64s %ld %zu", from, code, &path_length, &length) == 4) {
        CallieStatus (*check)(const char *, size_t, CallieFault *) =
            strcmp(from, "client") == 0 ? callie_check_payload : callie_check_server_payload;
        CHECK(fgetc(file) == '\n');
        char *path = take(file, path_length < 0 ? 0 : (size_t)path_length);
        char *payload = take(file, length);
        CallieFault fault;
        CHECK_OK(check(payload, length, &fault));
        if (strcmp(code, fault.code[0] == '\0' ? "-" : fault.code) != 0 || (path_length >= 0 && strcmp(path, fault.path) != 0)) {
            fprintf(stderr, "not %s at \"%s\" but %s at \"%s\": %.200s\n", code, path, fault.code, fault.path, payload);
            exit(1);
        }
        free(path);
        free(payload);
        checked++;
    }
    CHECK(feof(file) && checked >= 300);
    fclose(file);
}
