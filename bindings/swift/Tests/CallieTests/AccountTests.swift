import Callie
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1)))
struct AccountTests {
    @Test func registersAndLogsIn() async throws {
        let env = try TestEnv()
        let server = try env.server()
        try await server.register(username: "ada", password: password)
        let session = try await server.login(username: "ada", password: password, device: "laptop")
        #expect(session.username == "ada")
        #expect(!session.token.isEmpty)
        #expect(!"\(session)".contains(session.token))
        let sessions = try await server.sessions(of: session)
        #expect(sessions.map(\.device) == ["laptop"] && sessions[0].current)
        #expect(try Client(session).credentials.token == session.token)
        try await server.revokeSession(of: session, sessionId: sessions[0].sessionId)
        await refused(.refused, code: "UNAUTHORIZED") { _ = try await server.sessions(of: session) }
    }

    @Test func wrongPasswordIsRefused() async throws {
        let env = try TestEnv()
        let server = try env.server()
        try await server.register(username: "ada", password: password)
        for name in ["ada", "nobody"] {
            await refused(.refused, code: "INVALID_CREDENTIALS") {
                _ = try await server.login(username: name, password: "wrong horse battery")
            }
        }
    }

    @Test func takenNameIsRefused() async throws {
        let env = try TestEnv()
        let server = try env.server()
        try await server.register(username: "ada", password: password)
        await refused(.refused, code: "USERNAME_TAKEN") {
            try await server.register(username: "ada", password: password)
        }
    }

    @Test func connectsAndAuthenticates() async throws {
        let env = try TestEnv()
        let client = try Client(try await env.server().user("ada"))
        #expect(client.state == .suspended)
        try await client.connect()
        guard case .online(let expires, let limits, resumed: false) = client.state else { throw Failure("\(client.state)") }
        #expect(expires != nil && limits == client.limits)
        #expect(client.username == "ada")
        try await client.connect()
    }

    @Test func invalidTokenIsRefused() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let session = try await server.user("ada")
        try await server.logout(session)
        let client = try Client(session)
        await refused(.refused, code: "AUTH_FAILED") { try await client.connect() }
        let end = try await client.closed()
        #expect(end.closeCode == 4501 && end.code == "AUTH_FAILED")
        #expect(client.state == .closed)
    }

    @Test func unusedPortIsUnreachable() async throws {
        let env = try TestEnv()
        let url = try env.ask("nobody")
        await refused(.unreachable, code: "UNREACHABLE") {
            _ = try await Server(url: url).login(username: "ada", password: password)
        }
        let client = try Client(Credentials(config: Config(url: url), username: "ada", token: "token"))
        await refused(.unreachable, code: "UNREACHABLE") { try await client.connect() }
        #expect(client.state == .suspended)
    }

    /// Starts a server with TLS. Returns its configuration without its root, the root in PEM, and the pin of its key.
    private func tls(_ env: TestEnv) throws -> (Config, root: String, pin: String) {
        let parts = try env.ask("tls").split(separator: " ").map(String.init)
        try #require(parts.count == 3)
        return (Config(url: parts[0]), try String(contentsOfFile: parts[1], encoding: .utf8), parts[2])
    }

    /// Logging in and connecting fail with the same error.
    private func isNotTrusted(_ config: Config) async {
        await refused(.unreachable, code: "TLS_FAILED") {
            _ = try await Server(config: config).login(username: "ada", password: password)
        }
        await refused(.unreachable, code: "TLS_FAILED") {
            _ = try await Client.open(Credentials(config: config, username: "ada", token: "token"))
        }
    }

    @Test func wrongCertificateIsRefused() async throws {
        let env = try TestEnv()
        await isNotTrusted(try tls(env).0)
    }

    @Test func extraRootIsTrusted() async throws {
        let env = try TestEnv()
        var (config, root, _) = try tls(env)
        config.extraRoots = [root]
        for bundled in [true, false] {
            config.bundledRoots = bundled
            let client = try await Server(config: config).online("ada")
            #expect(try await client.ping("SERVER") > .zero)
        }
    }

    @Test func unreadableRootIsRefused() async throws {
        let env = try TestEnv()
        var (config, root, _) = try tls(env)
        config.extraRoots = [root, "-----BEGIN CERTIFICATE-----\nAAAA\n"]
        do {
            _ = try Server(config: config)
            Issue.record("not refused")
        } catch let error as CallieError {
            #expect(error.kind == .invalidArgument && error.reason.contains("block 1 of extra root 2"), "\(error)")
        }
    }

    @Test func pinnedKeyIsRequired() async throws {
        let env = try TestEnv()
        let other = String(repeating: "00", count: 32)
        var (config, root, pin) = try tls(env)
        config.extraRoots = [root]
        config.pins = [other, pin]
        _ = try await Server(config: config).online("ada").ping("SERVER")
        config.pins = [other]
        await isNotTrusted(config)
    }

    @Test func statesAreReportedInOrder() async throws {
        let env = try TestEnv()
        let client = try Client(try await env.server().user("ada"))
        try client.start()
        #expect(try await client.next() == .connectionChanged(.connecting))
        guard case .connectionChanged(.online) = try await client.next() else { throw Failure("not online") }
        await client.disconnect()
        guard case .closed(let end) = try await client.next() else { throw Failure("not the end") }
        #expect(end.closeCode == 1000 && end.code == "DISCONNECTED")
        await refused(.closed) { _ = try await client.nextEvents(max: 1, timeout: bound) }
        for try await event in client.events { Issue.record("told after the end: \(event)") }
    }
}
