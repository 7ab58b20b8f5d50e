import Callie
import Foundation
import Testing

/// A file of conformance vectors, as far as this test uses it.
private struct Vectors: Decodable {
    struct Vector: Decodable {
        struct Fault: Decodable {
            let code: String
            let path: String
        }

        /// A text and how often it is repeated.
        struct Part: Decodable {
            let text: String

            init(from decoder: any Decoder) throws {
                var part = try decoder.unkeyedContainer()
                let text = try part.decode(String.self)
                self.text = String(repeating: text, count: try part.decode(Int.self))
            }
        }

        let name: String
        let from: String?
        let payload: String?
        let parts: [Part]?
        let fault: Fault?
        let connectionToken: String?

        var text: String { payload ?? (parts ?? []).map(\.text).joined() }
    }

    let vectors: [Vector]
}

@Test(.timeLimit(.minutes(1)))
func everyVectorIsChecked() throws {
    let env = try TestEnv()
    let folder = URL(filePath: try env.ask("vectors"))
    var checked = 0
    for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    where file.pathExtension == "json" {
        for vector in try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: file)).vectors {
            let found = vector.from == "client" ? checkPayload(vector.text) : checkServerPayload(vector.text)
            #expect(found?.code == vector.fault?.code, "\(file.lastPathComponent): \(vector.name)")
            // Only the connection's server knows which parts of a path the connection's token hides.
            if vector.fault == nil || vector.connectionToken == nil {
                #expect(found?.path == vector.fault?.path, "\(file.lastPathComponent): \(vector.name)")
            }
            checked += 1
        }
    }
    #expect(checked >= 300)
}
