"""Calls every function of the header with each argument replaced by garbage, one at a time: a status, never a crash."""

import re
import subprocess

from conftest import BUILT, HEADER

HANDLES = {"CallieServer": "server", "CallieCredentials": "credentials", "CallieClient": "client", "CallieEvents": "events"}
#: The valid arguments.
GOOD = {
    "const char *": '"x"',
    "const char *const *": '(const char *[]){"bob"}',
    "size_t": "1",
    "char *": "NULL",
    "void *": "NULL",
    "CallieListener": "listener",
    # Valid only while a callback of the library runs.
    "CallieStateRecords *": "(CallieStateRecords *)(void *)dead",
    **{f"{prefix}{kind} *": name for kind, name in HANDLES.items() for prefix in ("", "const ")},
}
NUMBERS = {"size_t": "SIZE_MAX", "uint64_t": "UINT64_MAX", "uint32_t": "UINT32_MAX", "uint16_t": "UINT16_MAX"}
OPENING = """
#include "check.h"
static CallieServer *server, *dead;
static CallieCredentials *credentials;
static CallieClient *client;
static CallieEvents *events;
static int on_the_stack_of_nobody;
static void listener(CallieEvents *batch, void *user_data)
{
    (void)batch, (void)user_data;
}
static void is_one_of(const char *statuses, CallieStatus got, const char *call)
{
    if (got == CALLIE_STATUS_INTERNAL || (statuses[0] != 0 && strchr(statuses, got + 'a') == NULL)) {
        fprintf(stderr, "%s is %d: %s\\n", call, got, callie_last_error_reason());
        exit(1);
    }
}
int main(void)
{
    CallieConfig config = config_with_timeouts(1000);
    config.send_timeout_ms = 1;
    CHECK_OK(callie_server_new("http://127.0.0.1:1", &config, &server));
    CHECK_OK(callie_server_new("http://127.0.0.1:1", NULL, &dead));
    CHECK_OK(callie_server_free(dead));
    CHECK_OK(callie_credentials_new(server, "ada", "token", &credentials));
    CHECK_OK(callie_client_new(credentials, &client));
    CHECK_OK(callie_client_send(client, "bob", "x", NULL, 0, NULL, NULL));
    CHECK_OK(callie_client_next_events(client, 1, 20000, &events));
"""
CLOSING = """
    CHECK_OK(callie_events_free(events));
    CHECK_OK(callie_client_free(client));
    CHECK_OK(callie_credentials_free(credentials));
    CHECK_OK(callie_server_free(server));
    puts("ok");
    return 0;
}
"""


def functions():
    """Returns the name, the type of the result and the types of the arguments of each function."""
    header = re.sub(r"//[^\n]*|/\*.*?\*/|^#[^\n]*", "", HEADER.read_text(), flags=re.S | re.M)
    for result, name, arguments in re.findall(r"([\w ]+ \**)(callie_\w+)\(([^)]*)\);", header):
        arguments = [" ".join(argument.split()) for argument in arguments.split(",")]
        yield name, result.strip(), [re.sub(r"\w+$", "", a).strip() for a in arguments if a != "void"]


#: Statuses as letters, a for 0. Another malformed argument may be refused first.
OK, NULL, DEAD, UTF8, FORM = "abcde"


def garbage(kind):
    """Returns the garbage for an argument, and the statuses that may result; an empty text means any."""
    if kind in NUMBERS:
        return [(NUMBERS[kind], "")]
    if kind in ("const char *", "const char *const *"):
        text = '"\\xff\\xfe"' if kind == "const char *" else '(const char *[]){"\\xff\\xfe"}'
        # NULL means the default for some arguments.
        return [("NULL", ""), (text, UTF8 + FORM)]
    if kind == "char *":
        # The argument of callie_string_free.
        return [("(char *)&on_the_stack_of_nobody", DEAD)]
    handle = kind.removeprefix("const ").removesuffix(" *")
    if handle in HANDLES or handle == "CallieStateRecords":
        wrong = "credentials" if handle == "CallieServer" else "server"
        dead = [f"({kind})(void *){one}" for one in ("dead", wrong, "&on_the_stack_of_nobody")]
        return [("NULL", NULL + OK + FORM)] + [(one, DEAD + FORM) for one in dead]
    return [("NULL", "")] if kind.endswith("*") else []


def good(kind, at):
    if kind in GOOD:
        return GOOD[kind]
    if kind.startswith("const Callie") or kind in ("CallieTokenSource", "CallieLogSink"):
        return "NULL"
    if kind.endswith("*"):
        return f"&(({kind.removesuffix('*').strip()}[1]){{0}})[0]"
    return "0"


def test_garbage_as_any_argument_is_a_status(tmp_path, under_valgrind):
    calls, count = [], 0
    for name, result, kinds in functions():
        for at, kind in enumerate(kinds):
            for bad, statuses in garbage(kind):
                if (name, at) == ("callie_client_next_events", 2):
                    # The call would wait that long.
                    continue
                values = [bad if i == at else good(kind, i) for i, kind in enumerate(kinds)]
                if name == "callie_client_send":
                    values[4] = "0" if at != 4 else values[4]
                call = f"{name}({', '.join(values)})"
                if result == "CallieStatus":
                    calls.append(f'    is_one_of("{statuses}", {call}, "{name}, argument {at}");')
                else:
                    calls.append(f"    (void){call};")
                count += 1
    assert count > 300, f"only {count} calls were made of the header"
    source = tmp_path / "garbage.c"
    source.write_text(OPENING + "\n".join(calls) + CLOSING)
    for flags in ([], ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]):
        program = tmp_path / "garbage"
        subprocess.run(
            ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-g", *flags, "-I", HEADER.parent]
            + ["-I", __file__.rsplit("/", 1)[0], source, "-o", program]
            + ["-L", BUILT, "-lcallie", f"-Wl,-rpath,{BUILT}"],
            check=True,
            timeout=100,
        )
        command = [program] if flags else under_valgrind([program])
        done = subprocess.run(command, capture_output=True, text=True, timeout=100)
        assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
