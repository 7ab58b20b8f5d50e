import Callie
import Foundation
import Testing

@Suite(.timeLimit(.minutes(2)))
struct MessageTests {
    let delivered = SendOutcome.delivered(confirmed: 1, unconfirmed: 0, offline: 0, stored: 0)

    @Test func messageArrives() async throws {
        let all = "# Grüße\n\n**fett** `code` \"quotes\" \\ \u{0} \u{7f} 你好 👋 \u{2028}"
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let ticket = try ada.send(recipient: "bob", text: all)
        for try await event in bob.events {
            guard case .message(let message) = event else { continue }
            #expect(message.text == all)
            #expect(message.messageId == ticket.messageId)
            #expect(message.sender == "ada" && message.recipient == "bob")
            break
        }
        // The next event is the next message, so the first one arrived once.
        try ada.send(recipient: "bob", text: "next")
        #expect(try await bob.text() == "next")
    }

    @Test func attachmentArrives() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let image = Attachment(
            kind: .image, url: "https://example.org/%E2%9C%93.png", filename: "✓.png", size: (1 << 53) - 1,
            filetype: "image/png")
        try ada.send(recipient: "bob", text: "", attachments: [image])
        let message = try await bob.message()
        let arrived = try #require(message.attachments.first)
        #expect(message.text == "" && message.attachments.count == 1)
        #expect(arrived.kind == image.kind && arrived.url == image.url && arrived.filename == image.filename)
        #expect(arrived.size == image.size && arrived.filetype == image.filetype)
    }

    @Test func messageIsConfirmed() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let sent = try ada.send(recipient: "bob", text: "hello")
        #expect(try await bob.text() == "hello")
        #expect(await sent.outcome() == delivered)
        #expect(await sent.outcome() == delivered)
        let event = try await ada.first { if case .ended(let ended) = $0 { ended } else { nil } }
        #expect(event.ticket == sent.number && event.messageId == sent.messageId && event.outcome == delivered)
        #expect(await (try ada.send(recipient: "bob", text: "no answer needed", confirm: false)).outcome() == .sent)
        #expect(try await bob.text() == "no answer needed")
    }

    @Test func offlineRecipientIsReported() async throws {
        let env = try TestEnv()
        let server = try env.server()
        _ = try await server.user("bob")
        let ada = try await server.online("ada")
        #expect(await (try ada.send(recipient: "bob", text: "hello")).outcome() == .offline)
    }

    @Test func unknownRecipientIsReported() async throws {
        let env = try TestEnv()
        let ada = try await env.server().online("ada")
        guard case .failed(let code, _, _) = await (try ada.send(recipient: "nobody", text: "hello")).outcome() else {
            throw Failure("not failed")
        }
        #expect(code == "RECIPIENT_UNKNOWN")
    }

    @Test func groupMessageArrives() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob, eve) = (
            try await server.online("ada"), try await server.online("bob"), try await server.online("eve")
        )
        let group = try await ada.createGroup(name: "Friends", members: ["bob", "eve"])
        let ticket = try ada.send(recipient: group.groupId, text: "hello all")
        for other in [bob, eve] {
            let message = try await other.message()
            #expect(message.text == "hello all" && message.recipient == group.groupId)
        }
        #expect(await ticket.outcome() == .delivered(confirmed: 2, unconfirmed: 0, offline: 0, stored: 0))
    }

    @Test func broadcastArrives() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob, eve) = (
            try await server.online("ada"), try await server.online("bob"), try await server.online("eve")
        )
        let ticket = try ada.send(recipient: "BROADCAST", text: "hello world")
        for other in [bob, eve] {
            let message = try await other.message()
            #expect(message.text == "hello world" && message.recipient == "BROADCAST")
        }
        #expect(await ticket.outcome() == .sent)
    }

    @Test func eventsKeepTheirOrder() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        for n in 0..<300 { try ada.send(recipient: "bob", text: "\(n)") }
        for n in 0..<300 { #expect(try await bob.text() == "\(n)") }
    }

    @Test func burstOf10000EventsArrives() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let receiving = Task {
            var count = 0
            while count < 10_000 {
                for case .message(let message) in try await bob.nextEvents(timeout: bound) {
                    guard message.text == "\(count)" else { throw Failure("\(message.text) at \(count)") }
                    count += 1
                }
            }
        }
        for n in 0..<10_000 {
            while try !taken("\(n)", by: ada) {
                // Outcomes free room in the queue.
                _ = try await ada.nextEvents(max: 1_024, timeout: bound)
            }
        }
        let rest = Task { for try await _ in ada.events {} }
        try await receiving.value
        await ada.disconnect()
        try await rest.value
    }

    /// Returns whether the queue had room for a message to bob.
    private func taken(_ text: String, by client: Client) throws -> Bool {
        do {
            try client.send(recipient: "bob", text: text)
            return true
        } catch let error as CallieError {
            guard error.kind == .queueFull else { throw error }
            return false
        }
    }

    @Test func invalidArgumentsAreRefused() async throws {
        let env = try TestEnv()
        let ada = try await env.server().online("ada")
        let long = String(repeating: "x", count: Int(ada.limits.maxTextBytes) + 1)
        for to in ["", "Not A Name", "group:1", "SERVER"] {
            await refused(.invalidArgument) { try ada.send(recipient: to, text: "hello") }
        }
        for text in ["", long] {
            await refused(.invalidArgument) { try ada.send(recipient: "bob", text: text) }
        }
        await refused(.invalidArgument) {
            try ada.send(recipient: "bob", text: "", attachments: [Attachment(kind: .file, url: "ftp://example.org/file")])
        }
        await refused(.invalidArgument, code: "INVALID_ARGUMENT") { _ = try await ada.command("lower case") }
        for count in [0, -1] {
            await refused(.invalidArgument) { _ = try Server(config: Config(url: "http://127.0.0.1:1", maxWaiting: count)) }
            await refused(.invalidArgument) { _ = try Server(config: Config(url: "http://127.0.0.1:1", eventQueue: count)) }
        }
        await refused(.invalidArgument) { _ = try await ada.ping("No One") }
        await refused(.invalidArgument) { _ = try await ada.nextEvents(max: 0, timeout: bound) }
        for url in ["", "no url", "ftp://example.org", "https://user@example.org"] {
            await refused(.invalidArgument, code: "INVALID_ARGUMENT") { _ = try Server(url: url) }
        }
        let counts = ada.stats
        #expect(counts.messagesSent == 0 && counts.waiting == 0 && counts.payloadsSent == 1)
    }

    @Test func sentMessageArrives() async throws {
        let env = try TestEnv()
        let server = try Server(url: env.ask("strict"))
        let session = try await server.user("ada")
        let devices = [try await Client.open(session), try await Client.open(session)]
        let bob = try await server.online("bob")
        let each = 60
        let tickets = try devices.flatMap { device in
            try (0..<each).map { try device.send(recipient: "bob", text: "\($0)", confirm: false) }
        }
        let arrived = Task {
            var count = 0
            while count < 2 * each {
                let events = try await bob.nextEvents(timeout: bound)
                if events.isEmpty { throw Failure("only \(count) messages came") }
                for case .message in events { count += 1 }
            }
            return count
        }
        for ticket in tickets { #expect(await ticket.outcome() == .sent) }
        #expect(try await arrived.value == tickets.count)
    }

    @Test func untakenMessageIsNotDelivered() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let tickets = try (0..<3).map { try ada.send(recipient: "bob", text: "\($0)") }
        // Bob's client has received the messages by now, but bob has not taken them.
        _ = try await ada.ping("bob")
        #expect(ada.stats.waiting == 3)
        // Two messages were taken, and one waits in the inbox of the Swift layer.
        var count = 0
        for try await case .message(let message) in bob.events {
            #expect(message.text == "\(count)")
            count += 1
            if count == 2 { break }
        }
        for ticket in tickets[..<2] { #expect(await ticket.outcome() == delivered) }
        _ = try await ada.ping("bob")
        #expect(ada.stats.waiting == 1)
        #expect(try await bob.text() == "2")
        #expect(await tickets[2].outcome() == delivered)
    }

    @Test func senderMayTakeNoEvents() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let receiving = Task { for try await _ in bob.events {} }
        for _ in 0..<5 {
            let tickets = try (0..<500).map { try ada.send(recipient: "bob", text: "\($0)") }
            for ticket in tickets { #expect(await ticket.outcome() == delivered) }
        }
        receiving.cancel()
    }

    @Test func replyNamesItsMessage() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let tea: [String: JSONValue] = [
            "mood": "good", "list": [1, -2.5, true, nil, [:], []], "text": "\"\\ \n\u{1} \u{7F} é 👋", "big": .number(JSONNumber(UInt64.max)),
        ]
        try ada.send(recipient: "bob", text: "Tea?", metadata: tea)
        let question = try await bob.message()
        try bob.send(recipient: "ada", text: "Yes!", metadata: ["inReplyTo": .string(question.payloadId)])
        #expect(try await ada.message().metadata["inReplyTo"]?.string == question.payloadId)
        // Received metadata can be sent again.
        try bob.send(recipient: "ada", text: "on", metadata: question.metadata)
        let again = try await ada.message().metadata
        for (key, value) in tea { #expect(again[key] == value) }
        #expect(again["big"]?.number?.text == "18446744073709551615" && again["list"]?[1]?.number?.double == -2.5)
    }

    @Test func longestTimeoutIsAccepted() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let endless = Duration(secondsComponent: .max, attosecondsComponent: 999_999_999_999_999_999)
        let config = Config(
            url: try env.ask("direct"), connectTimeout: endless, requestTimeout: endless, sendTimeout: endless)
        let (ada, bob) = (try await Server(config: config).online("ada"), try await server.online("bob"))
        let longest = [
            endless, .seconds(Int64.max), .seconds(18_446_744_073_709_551) + .milliseconds(999), nil,
        ]
        for timeout in longest {
            let ticket = try ada.send(recipient: "bob", text: "x", timeout: timeout)
            while true {
                let events = try await bob.nextEvents(timeout: endless)
                if events.contains(where: { if case .message = $0 { true } else { false } }) { break }
            }
            #expect(await ticket.outcome() == delivered)
        }
        #expect(try await ada.ping("SERVER") > .zero)
        for timeout in [Duration.zero, .seconds(-1), .seconds(Int64.min)] {
            await refused(.invalidArgument) { _ = try ada.send(recipient: "bob", text: "x", timeout: timeout) }
            _ = try await bob.nextEvents(timeout: timeout)
        }
        for until in [Double.infinity, -.infinity, .nan, 1e300, .greatestFiniteMagnitude] {
            await refused(.invalidArgument) {
                try await ada.banUser(username: "bob", until: Date(timeIntervalSince1970: until))
            }
        }
    }

    @Test func invalidTextIsRefused() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        var deep: JSONValue = [:]
        for _ in 0..<1000 { deep = [deep] }
        for value in [.number(JSONNumber(Double.nan)), .number(JSONNumber(-Double.infinity)), deep] {
            await refused(.invalidArgument) { try ada.send(recipient: "bob", text: "x", metadata: ["x": value]) }
            await refused(.invalidArgument) { try ada.signal(recipient: "bob", kind: "typing", data: value) }
            await refused(.invalidArgument) { _ = try await ada.command("GET_SETTINGS", parameters: ["x": value]) }
        }
        // Foundation's texts contain U+FFFD in place of half a surrogate pair.
        let half = NSString(characters: [0x78, 0xD83D], length: 2)
        try ada.send(recipient: "bob", text: half as String)
        #expect(try await bob.text() == "x\u{FFFD}")
        try ada.send(recipient: "bob", text: "👋")
        #expect(try await bob.text() == "👋")
    }
}
