import Callie
import Foundation

/// A program that ends in the middle of everything: a listener, a logger, tasks in calls, and a flood of events.
///
/// `URL PASSWORD HOW COUNT`, for the users `ada` and `bob`, where HOW is `exit` or `return`, after COUNT messages.
@main
struct Exit {
    static func main() async throws {
        let arguments = CommandLine.arguments
        let (url, password, how, count) = (arguments[1], arguments[2], arguments[3], Int(arguments[4]) ?? 0)
        setLogger(.trace) { _, _, text in precondition(!text.isEmpty) }
        let server = try Server(url: url)
        let ada = try await Client.open(server.login(username: "ada", password: password))
        let bob = try await Client.open(server.login(username: "bob", password: password))
        let (flood, arrived) = AsyncStream.makeStream(of: Void.self)
        try bob.listen { events in
            for case .message in events { arrived.yield() }
        }
        for _ in 0..<3 {
            Task.detached { while true { _ = try await ada.ping("SERVER") } }
        }
        Task.detached { for try await _ in ada.events {} }
        Thread.detachNewThread {
            while true {
                do {
                    try ada.send(recipient: "bob", text: "x")
                } catch {
                    Thread.sleep(forTimeInterval: 0.001)
                }
            }
        }
        var seen = 0
        for await _ in flood {
            seen += 1
            if seen == count { break }
        }
        if how == "exit" { exit(7) }
    }
}
