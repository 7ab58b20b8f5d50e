import Callie
import Foundation
import Testing

/// A server that is not there.
private let nobody = "http://127.0.0.1:9"

/// A directory that ends with its test.
private final class Folder {
    let url = FileManager.default.temporaryDirectory.appending(path: "callie-\(UUID())")

    init() throws {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    var file: URL { url.appending(path: "state") }

    func client(_ name: String = "ada", url: String = nobody, token: String = "token") throws -> Client {
        try Client(Credentials(config: Config(url: url, stateFile: file.path), username: name, token: token))
    }
}

/// A store in memory, which can be made to fail.
private final class Memory: StateStore {
    struct Failing: Error, CustomStringConvertible {
        let description = "the database is locked"
    }

    let records = Box<[String: Data]>([:])
    let fails = Box(false)

    func load() throws -> [String: Data] { records.value }

    func write(puts: [String: Data], deletes: [String]) throws {
        if fails.value { throw Failing() }
        records.change { records in
            records.merge(puts) { _, new in new }
            for key in deletes { records[key] = nil }
        }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct StateTests {
    @Test func killedClientSendsWhatItAccepted() async throws {
        let (env, folder) = (try TestEnv(), try Folder())
        let url = try env.ask("server")
        let token = try await Server(url: url).user("ada").token
        let bob = try await env.direct().online("bob")
        try env.ask("refuse")
        let (program, output) = (Process(), Pipe())
        // The program is built beside the tests.
        program.executableURL = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "Killed")
        program.arguments = [url, token, folder.file.path]
        program.standardOutput = output
        try program.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        let accepted = line.trimmingCharacters(in: .newlines)
        kill(program.processIdentifier, SIGKILL)
        program.waitUntilExit()
        try env.ask("accept")
        let ada = try folder.client(url: url, token: token)
        let pending = try ada.pending
        #expect(pending.map(\.messageId) == [accepted])
        try await ada.connect()
        let arrived = try await bob.message()
        #expect(arrived.text == "before the kill" && arrived.messageId == accepted)
        guard case .delivered = await pending[0].outcome() else { throw Failure("not delivered") }
        let ended = try await ada.first { if case .ended(let ended) = $0 { ended } else { nil } }
        #expect(ended.ticket == pending[0].number && ended.messageId == accepted)
        #expect(try ada.pending.isEmpty)
        await ada.disconnect()
    }

    @Test func nothingIsShownTwiceAfterARestart() async throws {
        let (env, folder) = (try TestEnv(), try Folder())
        let url = try env.ask("hostile liar")
        let first = try folder.client(url: url)
        try await first.connect()
        #expect(try await first.text() == "once")
        await first.disconnect()
        let second = try folder.client(url: url)
        try await second.connect()
        _ = try await second.ping()
        #expect(second.stats.messagesReceived == 0 && second.stats.duplicates == 2)
        await second.disconnect()
    }

    @Test func damagedStateIsSetAside() async throws {
        let folder = try Folder()
        let ada = try folder.client()
        let kept = try ada.send(recipient: "bob", text: "kept")
        await ada.disconnect()
        #expect(await kept.outcome() == .pending)
        var content = try Data(contentsOf: folder.file)
        content[content.count / 2] ^= 1
        try content.write(to: folder.file)
        await refused(.state, code: "STATE_DAMAGED") { _ = try folder.client() }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
        let aside = try #require(names.first { $0.hasPrefix("state.damaged-") })
        #expect(try Data(contentsOf: folder.url.appending(path: aside)) == content)
        let next = try folder.client()
        #expect(try next.pending.isEmpty)
        await next.disconnect()
    }

    @Test func stateOfAnotherUserIsRefused() async throws {
        let folder = try Folder()
        await (try folder.client()).disconnect()
        await refused(.state, code: "STATE_OF_OTHER_USER") { _ = try folder.client("bob") }
        await refused(.state, code: "STATE_OF_OTHER_SERVER") { _ = try folder.client(url: "http://127.0.0.1:10") }
    }

    @Test func stateInUseIsRefused() async throws {
        let folder = try Folder()
        let ada = try folder.client()
        await refused(.state, code: "STATE_IN_USE") { _ = try folder.client() }
        try ada.send(recipient: "bob", text: "the first client continues")
        await ada.disconnect()
        await (try folder.client()).disconnect()
    }

    @Test func applicationStoreKeepsTheState() async throws {
        let (env, store) = (try TestEnv(), Memory())
        let server = try env.server()
        let credentials = try await server.user("ada")
        let bob = try await server.online("bob")
        let first = try Client(credentials, store: store)
        let sent = try first.send(recipient: "bob", text: "from the store")
        await first.disconnect()
        let second = try Client(credentials, store: store)
        #expect(try second.pending.map(\.messageId) == [sent.messageId])
        try await second.connect()
        #expect(try await bob.text() == "from the store")
        await second.disconnect()
    }

    @Test func failingStoreEndsTheClient() async throws {
        let store = Memory()
        let ada = try Client(Credentials(config: Config(url: nobody), username: "ada", token: "token"), store: store)
        let stored = try ada.send(recipient: "bob", text: "stored")
        store.fails.change { $0 = true }
        await refused(.state, code: "STATE_UNAVAILABLE") { try ada.send(recipient: "bob", text: "not stored") }
        #expect(await stored.outcome() == .pending)
        #expect(try await ada.closed().code == "STATE_UNAVAILABLE")
        #expect(store.records.value.keys.filter { $0.hasPrefix("message/") }.count == 1)
    }
}
