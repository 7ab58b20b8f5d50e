import Callie
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1)))
struct LifetimeTests {
    @Test func cancelledWaitLosesNothing() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let messages = 100
        for n in 0..<messages { try ada.send(recipient: "bob", text: "\(n)") }
        var received = 0
        while received < messages {
            // A wait cancelled at once and a wait that times out at once lose nothing.
            let givenUp = Task { try await bob.nextEvents(max: 1, timeout: bound) }
            givenUp.cancel()
            var events: [Event] = []
            do {
                events += try await givenUp.value
            } catch is CancellationError {
            }
            events += try await bob.nextEvents(max: 1, timeout: .zero)
            for case .message(let message) in events {
                #expect(message.text == "\(received)")
                received += 1
            }
        }
    }

    @Test func abandonedIteratorLosesNothing() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let messages = 150
        for n in 0..<messages { try ada.send(recipient: "bob", text: "\(n)") }
        let taken = Box<[String]>([])
        let take = { @Sendable (event: Event) in
            if case .message(let message) = event { taken.change { $0.append(message.text) } }
        }
        var round = 0
        while taken.value.count < messages {
            switch round % 5 {
            case 0:
                for try await event in bob.events {
                    take(event)
                    break
                }
            case 1:
                do {
                    for try await event in bob.events {
                        take(event)
                        throw Failure("this scenario's loop fails here")
                    }
                } catch is Failure {
                }
            case 2:
                // An iterator that is released in the middle.
                let iterator = bob.events.makeAsyncIterator()
                for _ in 0..<2 where taken.value.count < messages { take(try #require(try await iterator.next())) }
            case 3:
                // Cancelled by its own task, then by another task at any point.
                let loop = Task {
                    for try await event in bob.events {
                        take(event)
                        withUnsafeCurrentTask { $0?.cancel() }
                    }
                }
                _ = await loop.result
            default:
                let loop = Task { for try await event in bob.events { take(event) } }
                try await Task.sleep(for: .microseconds(200))
                loop.cancel()
                _ = await loop.result
            }
            round += 1
        }
        #expect(taken.value == (0..<messages).map(String.init))
    }

    @Test func clientIsFreeAfterItsLoop() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let bob = try await server.online("bob")
        // Only the loop refers to the client.
        let ada = Box<Client?>(try await server.online("ada"))
        let events = Box<Events?>(try #require(ada.value).events)
        ada.change { $0 = nil }
        let loop = Task { [taken = events.taken()] in for try await _ in try #require(taken) {} }
        #expect(try await sees("ada", from: bob))
        loop.cancel()
        _ = await loop.result
        try await gone("ada", seenBy: bob)
    }

    /// Ten messages from `ada` that wait at `bob`: their tickets.
    private func queued(_ ada: Client, _ bob: Client) async throws -> [Ticket] {
        let tickets = try (0..<10).map { try ada.send(recipient: "bob", text: "\($0)") }
        while bob.stats.messagesReceived < 10 { _ = try await ada.ping("SERVER") }
        return tickets
    }

    /// Takes as many messages, one by one.
    private func take(_ count: Int, from client: Client) async throws {
        var left = count
        for try await event in client.events {
            if case .message = event { left -= 1 }
            if left == 0 { break }
        }
    }

    @Test func listenerReceivesWhatAnIterationFetched() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        var tickets = try await queued(ada, bob)
        try await take(1, from: bob)
        let texts = Box<[String]>([])
        try bob.listen { events in
            for case .message(let message) in events { texts.change { $0.append(message.text) } }
        }
        tickets += try (10..<20).map { try ada.send(recipient: "bob", text: "\($0)") }
        for ticket in tickets {
            guard case .delivered = await ticket.outcome() else { throw Failure("a message was not delivered") }
        }
        #expect(texts.value == (1..<20).map(String.init))
    }

    @Test func disconnectConfirmsWhatWasTaken() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let tickets = try await queued(ada, bob)
        try await take(5, from: bob)
        await bob.disconnect()
        var delivered: [Bool] = []
        for ticket in tickets {
            if case .delivered = await ticket.outcome() { delivered.append(true) } else { delivered.append(false) }
        }
        #expect(delivered == (0..<10).map { $0 < 5 })
    }

    @Test func callbackMayCallBack() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let (values, continuation) = AsyncStream.makeStream(of: UInt16.self)
        try ada.listen { [weak ada] events in
            for event in events {
                switch event {
                case .message(let message) where message.text == "enough":
                    if let ada { try waiting { await ada.disconnect() } }
                case .message(let message):
                    guard let ada else { continue }
                    try ada.send(recipient: "bob", text: "\(message.text), \(ada.username)")
                    _ = try waiting { try await ada.ping("SERVER") }
                case .closed(let end):
                    continuation.yield(end.closeCode)
                default:
                    break
                }
            }
        }
        await refused(.invalidArgument) { try ada.listen { _ in } }
        await refused(.invalidArgument) { _ = try await ada.nextEvents(max: 1, timeout: bound) }
        await refused(.invalidArgument) { for try await _ in ada.events {} }
        try bob.send(recipient: "ada", text: "hello")
        #expect(try await bob.text() == "hello, ada")
        #expect(ada.stats.messagesReceived == 1)
        try bob.send(recipient: "ada", text: "enough")
        #expect(await values.first { _ in true } == 1000)
    }

    @Test func failingCallbackIsSurvived() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let (values, continuation) = AsyncStream.makeStream(of: String.self)
        try ada.listen { events in
            for case .message(let message) in events {
                continuation.yield(message.text)
                if message.text == "bad" { throw Failure("this scenario's callback fails here") }
            }
        }
        for text in ["bad", "good"] {
            try bob.send(recipient: "ada", text: text)
            #expect(await values.first { _ in true } == text)
        }
        _ = try await ada.ping("SERVER")
    }

    /// Whether a user is online.
    private func sees(_ name: String, from client: Client) async throws -> Bool {
        do {
            _ = try await client.ping(name)
            return true
        } catch let error as CallieError where error.code == "RECIPIENT_OFFLINE" {
            return false
        }
    }

    /// Waits until a user is offline.
    private func gone(_ name: String, seenBy client: Client) async throws {
        while try await sees(name, from: client) { try await Task.sleep(for: .milliseconds(5)) }
    }

    @Test func clientMayBeDroppedOnAnotherThread() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let bob = try await server.online("bob")
        let ada = Box<Client?>(try await server.online("ada"))
        Thread { ada.change { $0 = nil } }.start()
        try await gone("ada", seenBy: bob)
        // Also inside its own callback.
        let eve = Box<Client?>(try await server.online("eve"))
        try eve.value?.listen { events in
            for case .message in events { eve.change { $0 = nil } }
        }
        try bob.send(recipient: "eve", text: "go")
        try await gone("eve", seenBy: bob)
    }

    @Test func useAfterDisconnectIsAnError() async throws {
        let env = try TestEnv()
        let ada = try await env.server().online("ada")
        await ada.disconnect()
        await ada.disconnect()
        await refused(.closed) { try ada.send(recipient: "bob", text: "hello") }
        await refused(.closed) { _ = try await ada.ping("SERVER") }
        await refused(.closed) { _ = try await ada.command("LIST_GROUPS") }
        await refused(.closed) { try await ada.connect() }
        _ = try await ada.closed()
        await refused(.closed) { _ = try await ada.nextEvents(max: 1, timeout: bound) }
        await refused(.closed) { try ada.start() }
        await refused(.closed) { try ada.suspend() }
        await refused(.closed) { try ada.resume() }
        await refused(.closed) { try ada.listen { _ in } }
        ada.networkChanged()
        #expect(ada.state == .closed)
    }
}
