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
        case let error as AccountError: self.init(error)
        case let error as ConnectError: self.init(error)
        case let error as SendError: self.init(error)
        case let error as RequestError: self.init(error)
        case let error as ReceiveError: self.init(error)
        default: self.init(.internal, "INTERNAL", "\(error)")
        }
    }

    private init(_ error: AccountError) {
        switch error {
        case .InvalidArgument(let code, let reason): self.init(.invalidArgument, code, reason)
        case .Unreachable(let code, let reason): self.init(.unreachable, code, reason)
        case .TimedOut(let code, let reason): self.init(.timedOut, code, reason)
        case .Refused(let code, let reason): self.init(.refused, code, reason)
        case .BadAnswer(let code, let reason): self.init(.badAnswer, code, reason)
        case .Internal(let code, let reason): self.init(.internal, code, reason)
        }
    }

    private init(_ error: ConnectError) {
        switch error {
        case .InvalidArgument(let code, let reason): self.init(.invalidArgument, code, reason)
        case .Unreachable(let code, let reason): self.init(.unreachable, code, reason)
        case .TimedOut(let code, let reason): self.init(.timedOut, code, reason)
        case .Refused(let code, let reason): self.init(.refused, code, reason)
        case .BadAnswer(let code, let reason): self.init(.badAnswer, code, reason)
        case .Closed(let code, let reason): self.init(.closed, code, reason)
        case .Internal(let code, let reason): self.init(.internal, code, reason)
        }
    }

    private init(_ error: SendError) {
        switch error {
        case .InvalidArgument(let code, let reason): self.init(.invalidArgument, code, reason)
        case .QueueFull(let code, let reason): self.init(.queueFull, code, reason)
        case .Closed(let code, let reason): self.init(.closed, code, reason)
        case .Internal(let code, let reason): self.init(.internal, code, reason)
        }
    }

    private init(_ error: RequestError) {
        switch error {
        case .InvalidArgument(let code, let reason): self.init(.invalidArgument, code, reason)
        case .QueueFull(let code, let reason): self.init(.queueFull, code, reason)
        case .TimedOut(let code, let reason): self.init(.timedOut, code, reason)
        case .Refused(let code, let reason): self.init(.refused, code, reason)
        case .BadAnswer(let code, let reason): self.init(.badAnswer, code, reason)
        case .Closed(let code, let reason): self.init(.closed, code, reason)
        case .Internal(let code, let reason): self.init(.internal, code, reason)
        }
    }

    private init(_ error: ReceiveError) {
        switch error {
        case .InvalidArgument(let code, let reason): self.init(.invalidArgument, code, reason)
        case .Closed(let code, let reason): self.init(.closed, code, reason)
        case .Internal(let code, let reason): self.init(.internal, code, reason)
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
