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
    ) async throws -> Credentials {
        Credentials(
            try await calling { try await native.login(username: username, password: password, device: device) })
    }

    /// Registers a user unless the name is taken, then logs in.
    public func registerAndLogin(
        username: String, password: String, device: String? = nil
    ) async throws -> Credentials {
        Credentials(
            try await calling {
                try await native.registerAndLogin(username: username, password: password, device: device)
            })
    }

    /// Ends the session of the credentials: its connections close and the token becomes invalid.
    public func logout(_ credentials: Credentials) async throws {
        try await calling { try await native.logout(credentials: credentials.native) }
    }

    /// Changes the password of the user. The user's other sessions end.
    public func changePassword(
        of credentials: Credentials, from oldPassword: String, to newPassword: String
    ) async throws {
        try await calling {
            try await native.changePassword(
                credentials: credentials.native, oldPassword: oldPassword, newPassword: newPassword)
        }
    }

    /// Returns all sessions of the user, newest first.
    public func sessions(of credentials: Credentials) async throws -> [SessionInfo] {
        try await calling { try await native.sessions(credentials: credentials.native) }
    }

    /// Revokes one of the user's sessions and closes its connections.
    public func revokeSession(of credentials: Credentials, sessionId: String) async throws {
        try await calling { try await native.revokeSession(credentials: credentials.native, sessionId: sessionId) }
    }
}

/// A username and the token of a login on one server: what a client connects with. Its description hides the token.
public final class Credentials: Sendable, CustomStringConvertible {
    let native: CallieNative.Credentials

    init(_ native: CallieNative.Credentials) {
        self.native = native
    }

    /// The credentials of an earlier login. Whether the token is valid is known when a client connects.
    public init(config: Config, username: String, token: String) throws {
        native = try calling {
            try CallieNative.Credentials(config: try config.native(), username: username, token: token)
        }
    }

    /// The user.
    public var username: String { native.username() }

    /// The token. Store it safely: it stands for the user.
    public var token: String { native.token() }

    public var description: String { "Credentials(username: \(username))" }
}
