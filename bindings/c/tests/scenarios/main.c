/* The scenarios of bindings/scenarios.json in C: scenarios PORT VECTORS [NAME...]. Without names it runs all of them; with
 * --list it prints the names. Each runs in its own process, and prints `name ok` or `name failed: why`. */
#include "scenarios.h"

#include <sys/wait.h>
#include <unistd.h>

/* After this time, a scenario counts as hanging. */
#define BOUND_SECONDS 100

static const struct {
    const char *name;
    void (*run)(void);
} ALL[] = {
#define ROW(name) {#name, name},
    SCENARIOS(ROW)
#undef ROW
};

#define COUNT (sizeof ALL / sizeof ALL[0])

/* Runs a scenario in a child, whose stderr is a pipe. */
static bool passes(size_t at)
{
    int complaints[2], status;
    char why[512] = "";
    size_t length = 0;
    fflush(NULL);
    CHECK(pipe(complaints) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(complaints[0]);
        dup2(complaints[1], STDERR_FILENO);
        close(complaints[1]);
        alarm(BOUND_SECONDS);
        ALL[at].run();
        free_everything();
        exit(0);
    }
    close(complaints[1]);
    for (;;) {
        char chunk[512];
        ssize_t got = read(complaints[0], chunk, sizeof chunk);
        if (got <= 0)
            break;
        fwrite(chunk, 1, (size_t)got, stderr);
        size_t room = sizeof why - 1 - length;
        size_t kept = (size_t)got < room ? (size_t)got : room;
        memcpy(why + length, chunk, kept);
        length += kept;
    }
    close(complaints[0]);
    CHECK(waitpid(child, &status, 0) == child);
    why[strcspn(why, "\n")] = '\0';
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        printf("%s ok\n", ALL[at].name);
        return true;
    }
    if (WIFSIGNALED(status))
        printf("%s failed: signal %d %s\n", ALL[at].name, WTERMSIG(status), why);
    else
        printf("%s failed: %s\n", ALL[at].name, why);
    return false;
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 3; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc == 3;
}

int main(int argc, char **argv)
{
    bool good = true;
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t at = 0; at < COUNT; at++)
            puts(ALL[at].name);
        return 0;
    }
    if (argc == 5 && strcmp(argv[1], "--killed") == 0)
        return accept_and_wait(argv + 2);
    if (argc < 3) {
        fprintf(stderr, "usage: %s PORT VECTORS [NAME...]\n", argv[0]);
        return 2;
    }
    bed_port = argv[1];
    vectors_file = argv[2];
    for (size_t at = 0; at < COUNT; at++)
        if (is_wanted(ALL[at].name, argc, argv))
            good = passes(at) && good;
    return good ? 0 : 1;
}
