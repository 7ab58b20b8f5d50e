import Callie
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ResilienceTests {
    let delivered = SendOutcome.delivered(confirmed: 1, unconfirmed: 0, offline: 0, stored: 0)

    @Test func cutConnectionLosesNothing() async throws {
        let env = try TestEnv()
        let ada = try await env.server().online("ada")
        let bob = try await env.direct().online("bob")
        let first = try ada.send(recipient: "bob", text: "before")
        #expect(try await bob.text() == "before")
        #expect(await first.outcome() == delivered)
        try env.ask("hold")
        let tickets = try ["one", "two", "three"].map { try ada.send(recipient: "bob", text: $0) }
        try env.ask("cut")
        #expect(try await ada.isWaiting() == 1006)
        try env.ask("release")
        try await ada.isOnline()
        let last = try ada.send(recipient: "bob", text: "after")
        for expected in ["one", "two", "three", "after"] { #expect(try await bob.text() == expected) }
        for ticket in tickets + [last] { #expect(await ticket.outcome() == delivered) }
        #expect(ada.stats.reconnects >= 1)
    }

    @Test func lostConnectionIsResumed() async throws {
        let env = try TestEnv()
        let ada = try await env.server().online("ada")
        let bob = try await env.direct().online("bob")
        try env.ask("refuse")
        try env.ask("cut")
        _ = try await ada.isWaiting()
        let texts = ["one", "two", "three"]
        let tickets = try texts.map { try bob.send(recipient: "ada", text: $0) }
        try env.ask("accept")
        #expect(try await ada.isOnline())
        for expected in texts { #expect(try await ada.text() == expected) }
        for ticket in tickets { #expect(await ticket.outcome() == delivered) }
        try ada.suspend()
        try ada.resume()
        #expect(try await !ada.isOnline())
        #expect(ada.stats.reconnects == 2 && ada.stats.resumed == 1)
    }

    @Test func clientReconnectsToRestartedServer() async throws {
        let env = try TestEnv()
        let ada = try await env.server().online("ada")
        try env.ask("kill")
        _ = try await ada.isWaiting()
        try env.ask("start")
        try await ada.isOnline()
        _ = try await ada.ping("SERVER")
    }

    @Test func messageSentOfflineArrivesLater() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let ada = try Client(try await server.user("ada"))
        let bob = try await server.online("bob")
        let early = try ada.send(recipient: "bob", text: "before the first connection")
        try ada.start()
        #expect(try await bob.text() == "before the first connection")
        #expect(await early.outcome() == delivered)
        try env.ask("kill")
        _ = try await ada.isWaiting()
        // Sent to oneself, so that no other user must reconnect first.
        let late = try ada.send(recipient: "ada", text: "while the server is away")
        try env.ask("start")
        #expect(try await ada.text() == "while the server is away")
        #expect(await late.outcome() == delivered)
    }

    @Test func deadlineEndsATicket() async throws {
        let env = try TestEnv()
        let ada = try Client(try await env.server().user("ada"))
        let ticket = try ada.send(recipient: "bob", text: "too late", timeout: .milliseconds(50))
        guard case .failed(let code, _, _) = await ticket.outcome() else { throw Failure("not failed") }
        #expect(code == "EXPIRED" && ada.stats.waiting == 0)
    }

    @Test func revokedSessionEndsTheClient() async throws {
        let env = try TestEnv()
        let ada = try await env.server().online("ada")
        try env.ask("revoke ada")
        try await ada.notice("SESSION_REVOKED")
        let end = try await ada.closed()
        #expect(end.closeCode == 4501 && end.code == "SESSION_REVOKED")
        await refused(.closed) { _ = try await ada.nextEvents(max: 1, timeout: bound) }
        #expect(ada.state == .closed)
    }

    @Test func tokenIsRefreshed() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let ada = try await server.online("ada")
        try await ada.isOnline()
        let asked = Box<[String]>([])
        ada.setTokenSource { username, reasonCode in
            asked.change { $0 += ["\(username) \(reasonCode)"] }
            return try waiting { try await server.login(username: username, password: password).token }
        }
        try env.ask("revoke ada")
        try await ada.isOnline()
        _ = try await ada.ping("SERVER")
        #expect(asked.value == ["ada SESSION_REVOKED"])
    }

    @Test func suspendedClientResumes() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        try ada.suspend()
        try await ada.first { if case .connectionChanged(.suspended) = $0 { () } else { nil } }
        let kept = try ada.send(recipient: "bob", text: "for later")
        try ada.resume()
        try await ada.isOnline()
        #expect(try await bob.text() == "for later")
        #expect(await kept.outcome() == delivered)
        #expect(ada.stats.reconnects == 1)
    }

    @Test func suspendAndConnectInAnyOrder() async throws {
        let env = try TestEnv()
        let ada = try await env.server().online("ada")
        for n in 0..<20 {
            try ada.suspend()
            try await ada.connect()
            guard case .online = ada.state else { throw Failure("\(n): \(ada.state)") }
        }
        _ = try await ada.ping("SERVER")
        let silent = try Client(env.hostile("silent"))
        let connecting = Task { try await silent.connect() }
        try await silent.first { if case .connectionChanged(.connecting) = $0 { () } else { nil } }
        try silent.suspend()
        do {
            try await connecting.value
            Issue.record("connected to a silent server")
        } catch let error as CallieError {
            #expect(error.code == "SUSPENDED")
        }
        #expect(silent.state == .suspended)
    }

    @Test func disconnectWritesWhatWasSent() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let tickets = try (0..<200).map { try ada.send(recipient: "bob", text: "\($0)") }
        await ada.disconnect()
        for n in 0..<200 { #expect(try await bob.text() == "\(n)") }
        var ended: [UInt64: SendOutcome] = [:]
        for try await case .ended(let end) in ada.events {
            #expect(ended.updateValue(end.outcome, forKey: end.ticket) == nil)
        }
        #expect(ended.count == tickets.count)
        for ticket in tickets {
            let ending = await ticket.outcome()
            #expect(ended[ticket.number] == ending && (ending == delivered || ending == .unconfirmed))
        }
    }

    @Test func garbageIsSurvived() async throws {
        let env = try TestEnv()
        let ada = try await Client.open(env.hostile("garbage"))
        var reported = [String]()
        loop: while true {
            switch try await ada.next() {
            case .connectionChanged: break
            case .unreadable(let fault): reported.append(fault.code)
            case .unknown: reported.append("unknown")
            case .message(let message):
                #expect(message.text == "still here")
                break loop
            case let other: throw Failure("\(other)")
            }
        }
        #expect(reported == ["INVALID_JSON", "MISSING_FIELD", "INVALID_JSON", "unknown"])
        _ = try await ada.ping("SERVER")
    }

    @Test func lyingServerIsSurvived() async throws {
        let env = try TestEnv()
        let ada = try await Client.open(env.hostile("liar"))
        #expect(try await ada.text() == "once")
        _ = try await ada.ping("SERVER")
        #expect(ada.stats.messagesReceived == 1 && ada.stats.duplicates == 1)
        await refused(.badAnswer) { _ = try await ada.listGroups() }
        let sent = try ada.send(recipient: "bob", text: "hello")
        try await ada.notice("DELIVERED")
        _ = try await ada.ping("SERVER")
        // The false DELIVERED has no effect: the message has no outcome until the end.
        #expect(ada.stats.waiting == 1)
        await ada.disconnect()
        #expect(await sent.outcome() == .unconfirmed)
    }

    @Test func silentServerTimesOut() async throws {
        let env = try TestEnv()
        let config = try configWithTimeouts(env.ask("hostile silent"), .milliseconds(300))
        await refused(.timedOut) {
            _ = try await Server(config: config).login(username: "ada", password: password)
        }
        let client = try Client(Credentials(config: config, username: "ada", token: "token"))
        await refused(.timedOut) { try await client.connect() }
        #expect(client.state == .suspended)
    }

    @Test func closeAtEveryStepIsAnError() async throws {
        let env = try TestEnv()
        for step in ["on-accept", "in-upgrade", "after-upgrade", "after-authenticate", "in-frame"] {
            let client = try Client(env.hostile("close-\(step)"))
            await refused(.unreachable, .badAnswer) { try await client.connect() }
            #expect(client.state == .suspended, "\(step)")
        }
    }
}
