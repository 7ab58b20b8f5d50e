import Callie
import Foundation

/// Takes messages in batches: `Receive URL TOKEN COUNT` prints "ready", then microseconds of CPU an event, all threads.
@main
struct Receive {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let count = UInt64(arguments[3]) else { fatalError("Receive URL TOKEN COUNT") }
        let config = Config(url: arguments[1], eventQueue: Int(count) + 64)
        let client = try await Client.open(Credentials(config: config, username: "bob", token: arguments[2]))
        _ = try await client.nextEvents(timeout: .seconds(60))
        FileHandle.standardOutput.write(Data("ready\n".utf8))
        let began = clock()
        // The batches are full, as they are under load.
        while client.stats.messagesReceived < count {
            try await Task.sleep(for: .milliseconds(50))
        }
        var seen: UInt64 = 0
        while seen < count {
            for case .message in try await client.nextEvents(timeout: .seconds(60)) { seen += 1 }
        }
        print(Double(clock() - began) / Double(CLOCKS_PER_SEC) * 1e6 / Double(count))
        await client.disconnect()
    }
}
