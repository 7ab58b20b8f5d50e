import Callie
import Foundation
import Testing

@Suite(.timeLimit(.minutes(2)))
struct MessageTests {
    let delivered = Ending.delivered(confirmed: 1, unconfirmed: 0, offline: 0)

    @Test func messageArrives() async throws {
        let all = "# Grüße\n\n**fett** `code` \"quotes\" \\ \u{0} \u{7f} 你好 👋 \u{2028}"
        let world = try World()
        let server = try world.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let ticket = try ada.send(all, to: "bob")
        for try await event in bob.events {
            guard case .message(let message) = event else { continue }
            #expect(message.text == all)
            #expect(message.messageId == ticket.messageId)
            #expect(message.sender == "ada" && message.recipient == "bob")
            break
        }
        // What comes next is the next message, so the first came once.
        try ada.send("next", to: "bob")
        #expect(try await bob.text() == "next")
    }

    @Test func attachmentArrives() async throws {
        let world = try World()
        let server = try world.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let image = Attachment(
            kind: .image, url: "https://example.org/%E2%9C%93.png", filename: "✓.png", size: (1 << 53) - 1,
            filetype: "image/png")
        try ada.send("", to: "bob", attachments: [image])
        let message = try await bob.message()
        let arrived = try #require(message.attachments.first)
        #expect(message.text == "" && message.attachments.count == 1)
        #expect(arrived.kind == image.kind && arrived.url == image.url && arrived.filename == image.filename)
        #expect(arrived.size == image.size && arrived.filetype == image.filetype)
    }

    @Test func messageIsConfirmed() async throws {
        let world = try World()
        let server = try world.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let sent = try ada.send("hello", to: "bob")
        #expect(try await bob.text() == "hello")
        #expect(await sent.ending == delivered)
        #expect(await sent.ending == delivered)
        let told = try await ada.first { if case .ended(let ended) = $0 { ended } else { nil } }
        #expect(told.ticket == sent.number && told.messageId == sent.messageId && told.ending == delivered)
        #expect(await (try ada.send("no answer needed", to: "bob", confirm: false)).ending == .sent)
        #expect(try await bob.text() == "no answer needed")
    }

    @Test func offlineRecipientIsTold() async throws {
        let world = try World()
        let server = try world.server()
        _ = try await server.user("bob")
        let ada = try await server.online("ada")
        #expect(await (try ada.send("hello", to: "bob")).ending == .offline)
    }

    @Test func unknownRecipientIsTold() async throws {
        let world = try World()
        let ada = try await world.server().online("ada")
        guard case .failed(let code, _, _) = await (try ada.send("hello", to: "nobody")).ending else {
            throw Failure("not failed")
        }
        #expect(code == "RECIPIENT_UNKNOWN")
    }

    @Test func groupMessageArrives() async throws {
        let world = try World()
        let server = try world.server()
        let (ada, bob, eve) = (
            try await server.online("ada"), try await server.online("bob"), try await server.online("eve")
        )
        let group = try await ada.createGroup(name: "Friends", members: ["bob", "eve"])
        let ticket = try ada.send("hello all", to: group.groupId)
        for other in [bob, eve] {
            let message = try await other.message()
            #expect(message.text == "hello all" && message.recipient == group.groupId)
        }
        #expect(await ticket.ending == .delivered(confirmed: 2, unconfirmed: 0, offline: 0))
    }

    @Test func broadcastArrives() async throws {
        let world = try World()
        let server = try world.server()
        let (ada, bob, eve) = (
            try await server.online("ada"), try await server.online("bob"), try await server.online("eve")
        )
        let ticket = try ada.send("hello world", to: "BROADCAST")
        for other in [bob, eve] {
            let message = try await other.message()
            #expect(message.text == "hello world" && message.recipient == "BROADCAST")
        }
        #expect(await ticket.ending == .sent)
    }

    @Test func eventsKeepTheirOrder() async throws {
        let world = try World()
        let server = try world.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        for n in 0..<300 { try ada.send("\(n)", to: "bob") }
        for n in 0..<300 { #expect(try await bob.text() == "\(n)") }
    }

    @Test func burstOf10000EventsArrives() async throws {
        let world = try World()
        let server = try world.server()
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
                // The endings make room.
                _ = try await ada.nextEvents(max: 1_024, timeout: bound)
            }
        }
        let rest = Task { for try await _ in ada.events {} }
        try await receiving.value
        await ada.disconnect()
        try await rest.value
    }

    /// Whether a message to bob found room in the queue.
    private func taken(_ text: String, by client: Client) throws -> Bool {
        do {
            try client.send(text, to: "bob")
            return true
        } catch let error as CallieError {
            guard error.kind == .queueFull else { throw error }
            return false
        }
    }

    @Test func invalidArgumentsAreRefused() async throws {
        let world = try World()
        let ada = try await world.server().online("ada")
        let long = String(repeating: "x", count: Int(ada.limits.maxTextBytes) + 1)
        for to in ["", "Not A Name", "group:1", "SERVER"] {
            await refused(.invalidArgument) { try ada.send("hello", to: to) }
        }
        for text in ["", long] {
            await refused(.invalidArgument) { try ada.send(text, to: "bob") }
        }
        await refused(.invalidArgument) {
            try ada.send("", to: "bob", attachments: [Attachment(kind: .file, url: "ftp://example.org/file")])
        }
        for (name, parameters) in [("lower case", "{}"), ("GET_SETTINGS", "[]"), ("GET_SETTINGS", "{")] {
            await refused(.invalidArgument, code: "INVALID_ARGUMENT") {
                _ = try await ada.command(name, parameters: parameters)
            }
        }
        await refused(.invalidArgument) { _ = try await ada.ping("No One") }
        await refused(.invalidArgument) { _ = try await ada.nextEvents(max: 0, timeout: bound) }
        for url in ["", "no url", "ftp://example.org", "https://user@example.org"] {
            await refused(.invalidArgument, code: "INVALID_ARGUMENT") { _ = try Server(url: url) }
        }
        let counts = ada.statistics
        #expect(counts.messagesSent == 0 && counts.waiting == 0 && counts.payloadsSent == 1)
    }

    @Test func sentMeansTaken() async throws {
        let world = try World()
        let server = try Server(url: world.ask("strict"))
        let session = try await server.user("ada")
        let devices = [try await Client.open(session), try await Client.open(session)]
        let bob = try await server.online("bob")
        let each = 60
        let tickets = try devices.flatMap { device in
            try (0..<each).map { try device.send("\($0)", to: "bob", confirm: false) }
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
        for ticket in tickets { #expect(await ticket.ending == .sent) }
        #expect(try await arrived.value == tickets.count)
    }

    @Test func untakenMessageIsNotDelivered() async throws {
        let world = try World()
        let server = try world.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let tickets = try (0..<3).map { try ada.send("\($0)", to: "bob") }
        // What bob's client has received by now, bob has not.
        _ = try await ada.ping("bob")
        #expect(ada.statistics.waiting == 3)
        // Two that were handed out, and one that waits beside them on this side of the native library.
        var count = 0
        for try await case .message(let message) in bob.events {
            #expect(message.text == "\(count)")
            count += 1
            if count == 2 { break }
        }
        for ticket in tickets[..<2] { #expect(await ticket.ending == delivered) }
        _ = try await ada.ping("bob")
        #expect(ada.statistics.waiting == 1)
        #expect(try await bob.text() == "2")
        #expect(await tickets[2].ending == delivered)
    }

    @Test func senderThatTakesNoEventsGoesOn() async throws {
        let world = try World()
        let server = try world.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let receiving = Task { for try await _ in bob.events {} }
        for _ in 0..<5 {
            let tickets = try (0..<500).map { try ada.send("\($0)", to: "bob") }
            for ticket in tickets { #expect(await ticket.ending == delivered) }
        }
        receiving.cancel()
    }

    /// Of JSON, the member `name` where it is a text.
    private func member(_ name: String, of json: String) throws -> String? {
        let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        return object?[name] as? String
    }

    @Test func replyNamesItsMessage() async throws {
        let world = try World()
        let server = try world.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        try ada.send("Tea?", to: "bob", metadata: #"{"mood":"good"}"#)
        let question = try await bob.message()
        try bob.send("Yes!", to: "ada", metadata: #"{"inReplyTo":"\#(question.payloadId)"}"#)
        #expect(try member("inReplyTo", of: await ada.message().metadata) == question.payloadId)
        // As it came.
        try bob.send("on", to: "ada", metadata: question.metadata)
        #expect(try member("mood", of: await ada.message().metadata) == "good")
    }

    @Test func timeoutsOfAnySizeAreTaken() async throws {
        let world = try World()
        let server = try world.server()
        let largest = UInt64.max
        let config = Config(
            url: try world.ask("direct"), connectTimeoutMs: largest, exchangeTimeoutMs: largest, sendTimeoutMs: largest)
        let (ada, bob) = (try await Server(config: config).online("ada"), try await server.online("bob"))
        let endless = Duration(secondsComponent: .max, attosecondsComponent: 999_999_999_999_999_999)
        let longest = [
            endless, .seconds(Int64.max), .seconds(18_446_744_073_709_551) + .milliseconds(999), nil,
        ]
        for timeout in longest {
            let ticket = try ada.send("x", to: "bob", timeout: timeout)
            while true {
                let events = try await bob.nextEvents(timeout: endless)
                if events.contains(where: { if case .message = $0 { true } else { false } }) { break }
            }
            #expect(await ticket.ending == delivered)
        }
        #expect(try await ada.ping("SERVER") > .zero)
        for timeout in [Duration.zero, .seconds(-1), .seconds(Int64.min)] {
            guard case .failed(let code, _, _) = await (try ada.send("x", to: "bob", timeout: timeout)).ending else {
                throw Failure("not failed")
            }
            #expect(code == "EXPIRED")
            _ = try await bob.nextEvents(timeout: timeout)
        }
        for until in [Double.infinity, -.infinity, .nan, 1e300, .greatestFiniteMagnitude] {
            await refused(.invalidArgument) {
                try await ada.banUser(username: "bob", until: Date(timeIntervalSince1970: until))
            }
        }
    }

    @Test func textThatIsNoTextIsRefused() async throws {
        let world = try World()
        let server = try world.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        // JSON that is none, or has no meaning in UTF-8. A text of Swift's is always one.
        for json in [#"{"x":NaN}"#, #"{"x":"\ud83d"}"#, "{", "[]", ""] {
            await refused(.invalidArgument) { try ada.send("x", to: "bob", metadata: json) }
        }
        // Half an emoji comes as U+FFFD out of a text of Foundation's.
        let half = NSString(characters: [0x78, 0xD83D], length: 2)
        try ada.send(half as String, to: "bob")
        #expect(try await bob.text() == "x\u{FFFD}")
        try ada.send("👋", to: "bob")
        #expect(try await bob.text() == "👋")
    }
}
