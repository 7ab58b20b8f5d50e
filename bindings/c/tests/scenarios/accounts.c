/* Registration and login. */
#include "scenarios.h"

void registers_and_logs_in(void)
{
    CallieServer *server = the_server();
    CallieCredentials *credentials;
    char *token, *sessions;
    CHECK_OK(callie_server_register(server, "ada", PASSWORD));
    CHECK_OK(callie_server_login(server, "ada", PASSWORD, "laptop", &credentials));
    CHECK_OK(callie_credentials_token(credentials, &token));
    CHECK(strlen(token) > 20 && strlen(token) < CALLIE_TOKEN_SIZE);
    CHECK_OK(callie_string_free(token));
    CHECK_OK(callie_server_sessions(server, credentials, &sessions));
    CHECK(strstr(sessions, "\"laptop\"") != NULL);
    CHECK_OK(callie_string_free(sessions));
    CHECK_OK(callie_credentials_free(credentials));
}

void wrong_password_is_refused(void)
{
    const char *names[] = {"ada", "nobody"};
    CallieCredentials *credentials;
    CHECK_OK(callie_server_register(the_server(), "ada", PASSWORD));
    for (size_t i = 0; i < 2; i++) {
        CHECK_REFUSED(CALLIE_STATUS_REFUSED, "INVALID_CREDENTIALS",
                      callie_server_login(the_server(), names[i], "wrong horse battery", NULL, &credentials));
        CHECK(credentials == NULL);
    }
}

void taken_name_is_refused(void)
{
    CHECK_OK(callie_server_register(the_server(), "ada", PASSWORD));
    CHECK_REFUSED(CALLIE_STATUS_REFUSED, "USERNAME_TAKEN", callie_server_register(the_server(), "ada", PASSWORD));
}
