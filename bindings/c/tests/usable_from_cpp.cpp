// The header is C++17 too.
#include <cstdio>
#include <memory>
#include <string>

#include "callie.h"

struct FreeServer {
    void operator()(CallieServer *server) const { callie_server_free(server); }
};

int main()
{
    CallieServer *made = nullptr;
    if (callie_server_new("http://127.0.0.1:1", nullptr, &made) != CALLIE_STATUS_OK)
        return 1;
    const std::unique_ptr<CallieServer, FreeServer> server(made);
    CallieCredentials *credentials = nullptr;
    if (callie_server_login(server.get(), "ada", nullptr, nullptr, &credentials) != CALLIE_STATUS_NULL_ARGUMENT)
        return 2;
    if (std::string(callie_last_error_reason()) != "password is NULL")
        return 3;
    std::puts("ok");
}
