import Callie
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1)))
struct CommandTests {
    @Test func messageIsEditedAndDeleted() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        let id = try ada.send(recipient: "bob", text: "helo").messageId
        #expect(try await bob.text() == "helo")
        try await ada.editMessage(recipient: "bob", messageId: id, text: "hello")
        let edited = try await bob.first { if case .edited(let edited) = $0 { edited } else { nil } }
        #expect(edited.messageId == id && edited.sender == "ada" && edited.recipient == "bob")
        #expect(edited.text == "hello")
        try await ada.deleteMessage(recipient: "bob", messageId: id)
        let deleted = try await bob.first { if case .deleted(let deleted) = $0 { deleted } else { nil } }
        #expect(deleted.messageId == id && deleted.sender == "ada" && deleted.deletedBy == "ada")
    }

    @Test func signalArrives() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        try ada.signal(recipient: "bob", kind: "typing", data: ["on": true])
        let signal = try await bob.first { if case .signal(let signal) = $0 { signal } else { nil } }
        #expect(signal.sender == "ada" && signal.recipient == "bob")
        #expect(signal.kind == "typing" && signal.data == ["on": true])
    }

    @Test func commandResultIsTyped() async throws {
        let env = try TestEnv()
        let ada = try await env.server().online("ada")
        let made = try await ada.createGroup(name: "Friends", visibility: .public)
        #expect(made == Group(groupId: made.groupId, name: "Friends", visibility: .public, members: ["ada"]))
        let listed = try await ada.listGroups().groups
        #expect(listed == [GroupSummary(groupId: made.groupId, name: "Friends", role: .owner, memberCount: 1)])
        // The command by name has the same result, as JSON.
        #expect(try await ada.command("LIST_GROUPS")["groups"]?[0]?["name"] == "Friends")
        var pages: [GroupSummary] = []
        for try await group in ada.allGroups(limit: 1) { pages.append(group) }
        #expect(pages == listed)
        for try await member in ada.allMembers(groupId: made.groupId) { #expect(member.username == "ada") }
        let session = try #require(try await ada.listSessions().first)
        #expect(session.createdAt < session.expiresAt)
    }

    @Test func refusedCommandHasItsCode() async throws {
        let env = try TestEnv()
        let ada = try await env.server().online("ada")
        await refused(.refused, code: "GROUP_NOT_FOUND") {
            try await ada.joinGroup(groupId: "group:018f0000-0000-7000-8000-000000000000")
        }
        await refused(.refused, code: "UNKNOWN_COMMAND") { _ = try await ada.command("MAKE_COFFEE") }
        await refused(.refused, code: "INVALID_PARAMETERS") {
            _ = try await ada.command("GET_SETTINGS", parameters: ["sugar": 2])
        }
        await refused(.refused, code: "FORBIDDEN") { _ = try await ada.serverStats() }
    }

    @Test func pingIsAnswered() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await server.online("bob"))
        #expect(try await ada.ping("SERVER") > .zero)
        #expect(try await ada.ping(bob.username) > .zero)
        await refused(.refused, code: "RECIPIENT_UNKNOWN") { _ = try await ada.ping("nobody") }
    }

    @Test func statisticsCount() async throws {
        let env = try TestEnv()
        let server = try env.server()
        let (ada, bob) = (try await server.online("ada"), try await env.direct().online("bob"))
        for n in 0..<3 {
            let ticket = try ada.send(recipient: "bob", text: "\(n)")
            #expect(try await bob.text() == "\(n)")
            _ = await ticket.outcome()
        }
        let (sent, received) = (ada.stats, bob.stats)
        #expect(sent.messagesSent == 3 && sent.messagesReceived == 0)
        #expect(received.messagesSent == 0 && received.messagesReceived == 3)
        #expect(sent.connects == 1 && sent.reconnects == 0 && sent.waiting == 0 && received.duplicates == 0)
        #expect(sent.payloadsSent >= 4 && sent.payloadsReceived >= 4)
        // Every payload has at least 150 bytes.
        #expect(sent.bytesSent > 600 && sent.bytesReceived > 600)
        try env.ask("cut")
        while ada.stats.connects < 2 { _ = try await ada.next() }
        #expect(ada.stats.reconnects == 1)
    }
}
