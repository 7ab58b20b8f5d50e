/* Registration and login. */
#include "scenarios.h"

void registers_and_logs_in(void)
{
    CallieServer *server = the_server();
    CallieSession *session;
    char *token, *sessions;
    CHECK_OK(callie_server_register(server, "ada", PASSWORD));
    CHECK_OK(callie_server_login(server, "ada", PASSWORD, "laptop", &session));
    CHECK_OK(callie_session_token(session, &token));
    CHECK(strlen(token) > 20 && strlen(token) < CALLIE_TOKEN_SIZE);
    CHECK_OK(callie_string_free(token));
    CHECK_OK(callie_server_sessions(server, session, &sessions));
    CHECK(strstr(sessions, "\"laptop\"") != NULL);
    CHECK_OK(callie_string_free(sessions));
    CHECK_OK(callie_session_free(session));
}

void wrong_password_is_refused(void)
{
    const char *names[] = {"ada", "nobody"};
    CallieSession *session;
    CHECK_OK(callie_server_register(the_server(), "ada", PASSWORD));
    for (size_t i = 0; i < 2; i++) {
        CHECK_REFUSED(CALLIE_STATUS_REFUSED, "INVALID_CREDENTIALS",
                      callie_server_login(the_server(), names[i], "wrong horse battery", NULL, &session));
        CHECK(session == NULL);
    }
}

void taken_name_is_refused(void)
{
    CHECK_OK(callie_server_register(the_server(), "ada", PASSWORD));
    CHECK_REFUSED(CALLIE_STATUS_REFUSED, "USERNAME_TAKEN", callie_server_register(the_server(), "ada", PASSWORD));
}
