package dev.callie

/** A server to register with and to log in to. Nothing is sent before the first call. */
public class Server(config: Config) {
    /** The server at this address: `https://…` for TLS, `http://…` without. */
    public constructor(url: String) : this(Config(url))

    private val native = calling { dev.callie.ffi.Server(config.checked()) }

    /** Makes a new user. */
    public suspend fun register(username: String, password: String): Unit =
        calling { native.register(username.checked("the username"), password.checked("the password")) }

    /** Logs a user in; [device] is what the list of the user's sessions calls this one. */
    public suspend fun login(username: String, password: String, device: String? = null): Session =
        Session(
            calling {
                native.login(
                    username.checked("the username"), password.checked("the password"), device?.checked("the device"),
                )
            },
        )

    /** Makes a new user unless the name is taken, then logs in. */
    public suspend fun registerAndLogin(username: String, password: String, device: String? = null): Session =
        Session(
            calling {
                native.registerAndLogin(
                    username.checked("the username"), password.checked("the password"), device?.checked("the device"),
                )
            },
        )

    /** Ends a session: its connections close and its token is dead. */
    public suspend fun logout(session: Session): Unit = calling { native.logout(session.native) }

    /** Gives the user of a session another password; the user's other sessions end. */
    public suspend fun changePassword(session: Session, oldPassword: String, newPassword: String): Unit =
        calling {
            native.changePassword(
                session.native, oldPassword.checked("the old password"), newPassword.checked("the new password"),
            )
        }

    /** All sessions of a session's user, the newest first. */
    public suspend fun sessions(session: Session): List<SessionInfo> = calling { native.sessions(session.native) }

    /** Ends one of the user's sessions, by its ID. */
    public suspend fun endSession(session: Session, sessionId: String): Unit =
        calling { native.endSession(session.native, sessionId.checked("the session ID")) }
}

/** A user's session on one server: what a client connects with. Its text form never shows the token. */
public class Session internal constructor(internal val native: dev.callie.ffi.Session) {
    /** The user. */
    public val username: String get() = calling { native.username() }

    /** The token, to keep in a safe place: who has it is the user. */
    public val token: String get() = calling { native.token() }

    override fun toString(): String = "Session(username=$username)"

    public companion object {
        /** A session kept from an earlier login. Whether its token is alive shows when connecting. */
        public fun resume(config: Config, username: String, token: String): Session =
            Session(
                calling {
                    dev.callie.ffi.Session.resume(
                        config.checked(), username.checked("the username"), token.checked("the token"),
                    )
                },
            )
    }
}
