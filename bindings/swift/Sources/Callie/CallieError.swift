import CallieNative
import Foundation

/// A failure of a call. `code` is stable and for programs, `reason` is for people.
public struct CallieError: LocalizedError, Sendable, Hashable, CustomStringConvertible {
    /// The kind of a failure.
    public enum Kind: Sendable, Hashable {
        /// An argument is malformed or too large. Nothing was sent.
        case invalidArgument
        /// The server cannot be reached, or its certificate is not trusted.
        case unreachable
        /// The server did not answer in time. Whether a command was carried out is unknown.
        case timedOut
        /// The server refused the request; the code is the server's, such as `FORBIDDEN`.
        case refused
        /// The server's answer violates the protocol.
        case badAnswer
        /// Too many messages have no outcome yet, or too many events wait to be taken.
        case queueFull
        /// The client has ended. Create a new one.
        case closed
        /// The state that the client keeps beyond its process cannot be read or written; the code begins with `STATE_`.
        case state
        /// An internal error of the library or the operating system.
        case `internal`
    }

    public let kind: Kind
    public let code: String
    public let reason: String

    public var description: String { "\(reason) (\(code))" }

    /// The text of `localizedDescription`, which would be a number otherwise.
    public var errorDescription: String? { description }

    init(_ kind: Kind, _ code: String, _ reason: String) {
        self.kind = kind
        self.code = code
        self.reason = reason
    }

    /// Converts an error of the native library.
    init(_ error: any Error) {
        switch error {
        case let error as CallieError: self = error
        case CallError.Failed(let kind, let code, let reason): self.init(Kind(kind), code, reason)
        default: self.init(.internal, "INTERNAL", "\(error)")
        }
    }
}

extension CallieError.Kind {
    init(_ native: ErrorKind) {
        switch native {
        case .invalidArgument: self = .invalidArgument
        case .unreachable: self = .unreachable
        case .timedOut: self = .timedOut
        case .refused: self = .refused
        case .badAnswer: self = .badAnswer
        case .queueFull: self = .queueFull
        case .closed: self = .closed
        case .state: self = .state
        case .`internal`: self = .`internal`
        }
    }
}

/// Calls the native library. Every error of the call becomes a `CallieError`.
///
/// The type of the error is not declared: Swift 6.0.3 crashes on `catch let error as` of a typed error.
func calling<T>(_ call: () throws -> T) throws -> T {
    do {
        return try call()
    } catch {
        throw CallieError(error)
    }
}

/// The same for asynchronous calls, in the isolation of the caller.
func calling<T: Sendable>(
    isolation: isolated (any Actor)? = #isolation, _ call: () async throws -> T
) async throws -> T {
    do {
        return try await call()
    } catch {
        throw CallieError(error)
    }
}
