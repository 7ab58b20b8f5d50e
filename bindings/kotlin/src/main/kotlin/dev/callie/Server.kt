package dev.callie

/** A server, for registration, login and the management of sessions. Nothing is sent before the first call. */
public class Server(config: Config) {
    /** The server at a URL: `https://…` with TLS, `http://…` without. */
    public constructor(url: String) : this(Config(url))

    private val native = calling { dev.callie.ffi.Server(config.native()) }

    /** Registers a new user. */
    public suspend fun register(username: String, password: String): Unit =
        calling { native.register(username.checked("username"), password.checked("password")) }

    /** Logs a user in. [device] names the new session in the list of the user's sessions. */
    public suspend fun login(username: String, password: String, device: String? = null): Credentials =
        Credentials(
            calling {
                native.login(
                    username.checked("username"), password.checked("password"), device?.checked("device"),
                )
            },
        )

    /** Registers a user unless the name is taken, then logs in. */
    public suspend fun registerAndLogin(username: String, password: String, device: String? = null): Credentials =
        Credentials(
            calling {
                native.registerAndLogin(
                    username.checked("username"), password.checked("password"), device?.checked("device"),
                )
            },
        )

    /** Ends the session of the credentials: its connections close and the token becomes invalid. */
    public suspend fun logout(credentials: Credentials): Unit = calling { native.logout(credentials.native) }

    /** Changes the password of the user. The user's other sessions end. */
    public suspend fun changePassword(credentials: Credentials, oldPassword: String, newPassword: String): Unit =
        calling {
            native.changePassword(
                credentials.native, oldPassword.checked("oldPassword"), newPassword.checked("newPassword"),
            )
        }

    /** Returns all sessions of the user, newest first. */
    public suspend fun sessions(credentials: Credentials): List<SessionInfo> =
        calling { native.sessions(credentials.native) }

    /** Revokes one of the user's sessions and closes its connections. */
    public suspend fun revokeSession(credentials: Credentials, sessionId: String): Unit =
        calling { native.revokeSession(credentials.native, sessionId.checked("sessionId")) }
}

/** A username and the token of a login on one server: what a client connects with. `toString` hides the token. */
public class Credentials internal constructor(internal val native: dev.callie.ffi.Credentials) {
    /** The credentials of an earlier login. Whether the token is valid is known when a client connects. */
    public constructor(config: Config, username: String, token: String) : this(
        calling {
            dev.callie.ffi.Credentials(config.native(), username.checked("username"), token.checked("token"))
        },
    )

    /** The user. */
    public val username: String get() = calling { native.username() }

    /** The token. Store it safely: it stands for the user. */
    public val token: String get() = calling { native.token() }

    override fun toString(): String = "Credentials(username=$username)"
}
