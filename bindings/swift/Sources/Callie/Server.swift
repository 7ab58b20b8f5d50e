import CallieNative

/// A server to register with and to log in to. Nothing is sent before the first call.
public final class Server: Sendable {
    private let native: CallieNative.Server

    /// The server that `config` names.
    public init(config: Config) throws {
        native = try calling { try CallieNative.Server(config: config) }
    }

    /// The server at this address: `https://…` for TLS, `http://…` without.
    public convenience init(url: String) throws {
        try self.init(config: Config(url: url))
    }

    /// Makes a new user.
    public func register(username: String, password: String) async throws {
        try await calling { try await native.register(username: username, password: password) }
    }

    /// Logs a user in; `device` is what the list of the user's sessions calls this one.
    public func login(
        username: String, password: String, device: String? = nil
    ) async throws -> Session {
        Session(
            try await calling { try await native.login(username: username, password: password, device: device) })
    }

    /// Makes a new user unless the name is taken, then logs in.
    public func registerAndLogin(
        username: String, password: String, device: String? = nil
    ) async throws -> Session {
        Session(
            try await calling {
                try await native.registerAndLogin(username: username, password: password, device: device)
            })
    }

    /// Ends a session: its connections close and its token is dead.
    public func logout(_ session: Session) async throws {
        try await calling { try await native.logout(session: session.native) }
    }

    /// Gives the user of a session another password; the user's other sessions end.
    public func changePassword(
        of session: Session, from oldPassword: String, to newPassword: String
    ) async throws {
        try await calling {
            try await native.changePassword(
                session: session.native, oldPassword: oldPassword, newPassword: newPassword)
        }
    }

    /// All sessions of a session's user, the newest first.
    public func sessions(of session: Session) async throws -> [SessionInfo] {
        try await calling { try await native.sessions(session: session.native) }
    }

    /// Ends one of the user's sessions, by its ID.
    public func endSession(of session: Session, sessionId: String) async throws {
        try await calling { try await native.endSession(session: session.native, sessionId: sessionId) }
    }
}

/// A user's session on one server: what a client connects with. Its text form never shows the token.
public final class Session: Sendable, CustomStringConvertible {
    let native: CallieNative.Session

    init(_ native: CallieNative.Session) {
        self.native = native
    }

    /// A session kept from an earlier login. Whether its token is alive shows when connecting.
    public init(resuming config: Config, username: String, token: String) throws {
        native = try calling { try CallieNative.Session.resume(config: config, username: username, token: token) }
    }

    /// The user.
    public var username: String { native.username() }

    /// The token, to keep in a safe place: who has it is the user.
    public var token: String { native.token() }

    public var description: String { "Session(username: \(username))" }
}
