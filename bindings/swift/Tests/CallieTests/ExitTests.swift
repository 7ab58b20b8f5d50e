import Callie
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ExitTests {
    @Test(arguments: [("exit", 7), ("return", 0)])
    func programEndsWithItsOwnCode(how: String, code: Int32) async throws {
        let env = try TestEnv()
        let url = try env.ask("server")
        let server = try Server(url: url)
        for name in ["ada", "bob"] { try await server.register(username: name, password: password) }
        let program = Process()
        // The program is built beside the tests.
        program.executableURL = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "Exit")
        program.arguments = [url, password, how, "2000"]
        try program.run()
        program.waitUntilExit()
        #expect(program.terminationReason == .exit && program.terminationStatus == code)
    }
}
