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
    public suspend fun login(username: String, password: String, device: String? = null): Session =
        Session(
            calling {
                native.login(
                    username.checked("username"), password.checked("password"), device?.checked("device"),
                )
            },
        )

    /** Registers a user unless the name is taken, then logs in. */
    public suspend fun registerAndLogin(username: String, password: String, device: String? = null): Session =
        Session(
            calling {
                native.registerAndLogin(
                    username.checked("username"), password.checked("password"), device?.checked("device"),
                )
            },
        )

    /** Ends a session: its connections close and its token becomes invalid. */
    public suspend fun logout(session: Session): Unit = calling { native.logout(session.native) }

    /** Changes the password of the session's user. The user's other sessions end. */
    public suspend fun changePassword(session: Session, oldPassword: String, newPassword: String): Unit =
        calling {
            native.changePassword(
                session.native, oldPassword.checked("oldPassword"), newPassword.checked("newPassword"),
            )
        }

    /** Returns all sessions of the session's user, newest first. */
    public suspend fun sessions(session: Session): List<SessionInfo> =
        calling { native.sessions(session.native) }.map { it.own() }

    /** Revokes one of the sessions of the session's user and closes its connections. */
    public suspend fun revokeSession(session: Session, sessionId: String): Unit =
        calling { native.endSession(session.native, sessionId.checked("sessionId")) }
}

/** A user's session on one server, which a client connects with. Its `toString` does not contain the token. */
public class Session internal constructor(internal val native: dev.callie.ffi.Session) {
    /** The user. */
    public val username: String get() = calling { native.username() }

    /** The token. Store it safely: it stands for the user. */
    public val token: String get() = calling { native.token() }

    override fun toString(): String = "Session(username=$username)"

    public companion object {
        /** A session from an earlier login. Whether its token is valid is known when a client connects. */
        public fun resume(config: Config, username: String, token: String): Session =
            Session(
                calling {
                    dev.callie.ffi.Session.resume(
                        config.native(), username.checked("username"), token.checked("token"),
                    )
                },
            )
    }
}
