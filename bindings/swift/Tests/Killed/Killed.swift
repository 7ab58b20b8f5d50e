import Callie
import Foundation

/// A program that accepts a message, prints its ID and waits to be killed: `URL TOKEN FILE`.
@main
struct Killed {
    static func main() async throws {
        let arguments = CommandLine.arguments
        let config = Config(url: arguments[1], stateFile: arguments[3])
        let client = try Client(Credentials(config: config, username: "ada", token: arguments[2]))
        try client.start()
        let sent = try client.send(recipient: "bob", text: "before the kill")
        try FileHandle.standardOutput.write(contentsOf: Data("\(sent.messageId)\n".utf8))
        while true { try await Task.sleep(for: .seconds(600)) }
    }
}
