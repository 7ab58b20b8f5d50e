// A chat in the terminal: swift run Chat http://127.0.0.1:8080 ada PASSWORD bob
//
// Registers the user if the name is free. Each line that you type is sent to the peer. Ctrl-D ends the program. With a file as
// fifth argument, lines that are not delivered yet when the program ends are sent by the next one, even if it is killed.
//
//     make bindings
//     swift run --package-path examples/swift Chat http://127.0.0.1:8080 ada PASSWORD bob

import Callie
import Foundation

@main
struct Chat {
    static func main() async {
        let arguments = CommandLine.arguments
        guard arguments.count == 5 || arguments.count == 6 else { fail("usage: Chat URL USERNAME PASSWORD PEER [FILE]") }
        let (url, username, password, peer) = (arguments[1], arguments[2], arguments[3], arguments[4])
        do {
            let config = Config(url: url, stateFile: arguments.count == 6 ? arguments[5] : nil)
            let credentials = try await Server(config: config).registerAndLogin(username: username, password: password)
            let client = try await Client.open(credentials)
            say("* \(username) is connected, write to \(peer)")
            let typing = Task {
                do {
                    try await type(client, to: peer)
                } catch {
                    await client.disconnect()
                    throw error
                }
                await client.disconnect()
            }
            // Waits until the input ends, a line cannot be sent, or the client has ended.
            try await show(client)
            typing.cancel()
            try await typing.value
        } catch {
            fail("chat: \(error)")
        }
        end(0)
    }

    static func show(_ client: Client) async throws {
        var waited = false
        for try await event in client.events {
            switch event {
            case .message(let message):
                say("\(message.sender): \(message.text)")
                for attachment in message.attachments { say("  [\(attachment.kind)] \(attachment.url)") }
            case .notice(let notice):
                say("* \(notice.description) (\(notice.code))")
            case .ended(let ended):
                switch ended.outcome {
                case .offline: say("* not delivered: offline")
                case .failed(_, let reason, _): say("* not delivered: \(reason)")
                case .stored: say("* offline: kept until it can be delivered")
                case .unconfirmed: say("* unconfirmed: it may have been delivered")
                case .pending: say("* not delivered yet: the next chat continues with it")
                case .delivered, .sent: break
                }
            case .deliveredLate:
                say("* delivered late")
            case .connectionChanged(.waiting(let retryIn, _, let reason)):
                waited = true
                say("* no connection, again in \(retryIn): \(reason)")
            case .connectionChanged(.online(_, _, let resumed)):
                if waited { say(resumed ? "* connected again" : "* connected again; messages may be missing") }
                waited = false
            case .closed(let end):
                say("* \(end.reason)")
            default:
                break
            }
        }
    }

    static func type(_ client: Client, to peer: String) async throws {
        var last: Ticket?
        for await line in lines() where !line.isEmpty {
            last = try client.send(recipient: peer, text: line)
        }
        // Waits at most 5 s for the outcome of the last line. The wait cannot be cancelled, but ends when the client ends.
        let patience = Task {
            try await Task.sleep(for: .seconds(5))
            await client.disconnect()
        }
        _ = await last?.outcome()
        patience.cancel()
    }

    /// The lines of standard input, read on a separate thread.
    static func lines() -> AsyncStream<String> {
        AsyncStream { lines in
            Thread {
                while let line = readLine() { lines.yield(line) }
                lines.finish()
            }.start()
        }
    }

    static func say(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }

    static func fail(_ line: String) -> Never {
        FileHandle.standardError.write(Data((line + "\n").utf8))
        end(1)
    }

    /// Ends the program immediately. exit() would wait for the lock of standard input, which a reading thread may hold.
    static func end(_ status: Int32) -> Never {
        _exit(status)
    }
}
