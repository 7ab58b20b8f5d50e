import Callie
import Foundation
import Testing

/// The password of every user.
let password = "correct horse battery"

/// The timeout of every wait.
let bound = Duration.seconds(60)

let repository = URL(filePath: #filePath).appending(path: "../../../../..").standardized

/// The program that starts servers, one process for all scenarios. It ends with this process, which closes its stdin.
private final class TestBed: Sendable {
    static let shared = TestBed()
    let port: UInt16

    private init() {
        let process = Process()
        let output = Pipe()
        process.executableURL = repository.appending(path: "target/debug/callie-testbed")
        process.standardInput = Self.input
        process.standardOutput = output
        do {
            try process.run()
        } catch {
            fatalError("\(process.executableURL?.path ?? ""): \(error); `make build` builds it")
        }
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        port = UInt16(line.trimmingCharacters(in: .newlines)) ?? 0
    }

    /// Open as long as this process runs.
    private static let input = Pipe()
}

/// The servers of one scenario, which end with it.
final class TestEnv {
    private let socket: Int32
    private var answers = [UInt8]()

    init() throws {
        #if os(Linux)
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        socket = Darwin.socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = TestBed.shared.port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure("no test bed: \(errno)") }
    }

    deinit {
        close(socket)
    }

    /// Sends a request to the test bed and returns the values of its answer.
    @discardableResult
    func ask(_ request: String) throws -> String {
        let line = Array("\(request)\n".utf8)
        guard write(socket, line, line.count) == line.count else { throw Failure("\(request): not sent") }
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !answers.contains(UInt8(ascii: "\n")) {
            let count = read(socket, &buffer, buffer.count)
            guard count > 0 else { throw Failure("\(request): no answer") }
            answers += buffer[..<count]
        }
        let answer = String(decoding: answers, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        answers = []
        guard answer.hasPrefix("ok") else { throw Failure("\(request): \(answer)") }
        return answer.dropFirst(2).trimmingCharacters(in: .whitespaces)
    }

    func server() throws -> Server { try Server(url: ask("server")) }

    /// The server without its proxy.
    func direct() throws -> Server { try Server(url: ask("direct")) }

    /// The credentials for a hostile server.
    func hostile(_ kind: String, patience: Duration = bound) throws -> Credentials {
        try Credentials(config: configWithTimeouts(ask("hostile \(kind)"), patience), username: "ada", token: "token")
    }
}

struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

func configWithTimeouts(_ url: String, _ patience: Duration) -> Config {
    Config(url: url, connectTimeout: patience, requestTimeout: patience)
}

extension Server {
    func user(_ name: String) async throws -> Credentials {
        try await registerAndLogin(username: name, password: password)
    }

    func online(_ name: String) async throws -> Client {
        try await Client.open(try await user(name))
    }
}

extension Client {
    /// Waits for the next event.
    func next() async throws -> Event {
        guard let event = try await nextEvents(max: 1, timeout: bound).first else { throw Failure("no event came") }
        return event
    }

    /// Waits for an event for which `wanted` returns a value, and discards others.
    func first<T>(_ wanted: (Event) -> T?) async throws -> T {
        while true {
            if let found = wanted(try await next()) { return found }
        }
    }

    /// Waits for the next message.
    func message() async throws -> Event.Message {
        try await first { if case .message(let message) = $0 { message } else { nil } }
    }

    /// Waits for the next message and returns its text.
    func text() async throws -> String {
        try await message().text
    }

    /// Waits for the next notice with this code.
    func notice(_ code: String) async throws {
        try await first { if case .notice(let notice) = $0, notice.code == code { () } else { nil } }
    }

    func isWaiting() async throws -> UInt16 {
        try await first { if case .connectionChanged(.waiting(_, let closeCode, _)) = $0 { closeCode } else { nil } }
    }

    /// Waits until it is online. Returns whether the connection continues the one before.
    @discardableResult
    func isOnline() async throws -> Bool {
        try await first {
            if case .connectionChanged(.online(_, _, let resumed)) = $0 { resumed } else { nil }
        }
    }

    /// Waits for the last event.
    func closed() async throws -> Event.Closed {
        try await first { if case .closed(let closed) = $0 { closed } else { nil } }
    }
}

/// Checks that a call fails with this error.
func refused(
    _ kind: CallieError.Kind..., code: String? = nil, at place: SourceLocation = #_sourceLocation,
    _ call: () async throws -> Void
) async {
    do {
        try await call()
        Issue.record("not refused", sourceLocation: place)
    } catch let error as CallieError {
        #expect(kind.contains(error.kind), "\(error)", sourceLocation: place)
        if let code { #expect(error.code == code, sourceLocation: place) }
        #expect((error as any Error).localizedDescription == "\(error)", sourceLocation: place)
    } catch {
        Issue.record(error, sourceLocation: place)
    }
}
