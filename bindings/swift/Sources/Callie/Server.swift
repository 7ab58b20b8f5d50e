import CallieNative

/// A server, for registration, login and the management of sessions. Nothing is sent before the first call.
public final class Server: Sendable {
    private let native: CallieNative.Server

    /// The server that `config` names.
    public init(config: Config) throws {
        native = try calling { try CallieNative.Server(config: try config.native()) }
    }

    /// The server at a URL: `https://…` with TLS, `http://…` without.
    public convenience init(url: String) throws {
        try self.init(config: Config(url: url))
    }

    /// Registers a new user.
    public func register(username: String, password: String) async throws {
        try await calling { try await native.register(username: username, password: password) }
    }

    /// Logs a user in. `device` names the new session in the list of the user's sessions.
    public func login(
        username: String, password: String, device: String? = nil
    ) async throws -> Session {
        Session(
            try await calling { try await native.login(username: username, password: password, device: device) })
    }

    /// Registers a user unless the name is taken, then logs in.
    public func registerAndLogin(
        username: String, password: String, device: String? = nil
    ) async throws -> Session {
        Session(
            try await calling {
                try await native.registerAndLogin(username: username, password: password, device: device)
            })
    }

    /// Ends a session: its connections close and its token becomes invalid.
    public func logout(_ session: Session) async throws {
        try await calling { try await native.logout(session: session.native) }
    }

    /// Changes the password of the session's user. The user's other sessions end.
    public func changePassword(
        of session: Session, from oldPassword: String, to newPassword: String
    ) async throws {
        try await calling {
            try await native.changePassword(
                session: session.native, oldPassword: oldPassword, newPassword: newPassword)
        }
    }

    /// Returns all sessions of the session's user, newest first.
    public func sessions(of session: Session) async throws -> [SessionInfo] {
        try await calling { try await native.sessions(session: session.native) }.map(SessionInfo.init)
    }

    /// Revokes one of the sessions of the session's user and closes its connections.
    public func revokeSession(of session: Session, sessionId: String) async throws {
        try await calling { try await native.endSession(session: session.native, sessionId: sessionId) }
    }
}

/// A user's session on one server, which a client connects with. Its description does not contain the token.
public final class Session: Sendable, CustomStringConvertible {
    let native: CallieNative.Session

    init(_ native: CallieNative.Session) {
        self.native = native
    }

    /// A session from an earlier login. Whether its token is valid is known when a client connects.
    public init(resuming config: Config, username: String, token: String) throws {
        native = try calling {
            try CallieNative.Session.resume(config: try config.native(), username: username, token: token)
        }
    }

    /// The user.
    public var username: String { native.username() }

    /// The token. Store it safely: it stands for the user.
    public var token: String { native.token() }

    public var description: String { "Session(username: \(username))" }
}
