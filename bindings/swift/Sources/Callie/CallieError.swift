import CallieNative
import Foundation

/// What went wrong: every call that fails throws one of these. `code` is stable and for programs, `reason` is for people.
public struct CallieError: LocalizedError, Sendable, Hashable, CustomStringConvertible {
    /// What kind of thing went wrong.
    public enum Kind: Sendable, Hashable {
        /// An address, a name, a text or another argument is malformed or too large; nothing was sent.
        case invalidArgument
        /// The server could not be reached, or its certificate is not trusted.
        case unreachable
        /// There was no answer in time. A command may or may not have been carried out.
        case timedOut
        /// The server said no; the code is its own, such as `FORBIDDEN`.
        case refused
        /// The answer is not the protocol.
        case badAnswer
        /// Too much waits for its end, or too many events to be taken.
        case queueFull
        /// The client has ended: make a new one.
        case closed
        /// A fault of this library, or of the system under it.
        case `internal`
    }

    public let kind: Kind
    public let code: String
    public let reason: String

    public var description: String { "\(reason) (\(code))" }

    /// What `localizedDescription` says: Foundation has nothing but a number otherwise.
    public var errorDescription: String? { description }

    init(_ kind: Kind, _ code: String, _ reason: String) {
        self.kind = kind
        self.code = code
        self.reason = reason
    }

    /// An error of the native library.
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

/// Makes a call of the native library, whose errors become a `CallieError`.
///
/// Nothing here says so in its type: Swift 6.0.3 crashes where such an error is caught with `catch let error as`.
func calling<T>(_ call: () throws -> T) throws -> T {
    do {
        return try call()
    } catch {
        throw CallieError(error)
    }
}

/// The same for calls that wait, wherever the caller runs.
func calling<T: Sendable>(
    isolation: isolated (any Actor)? = #isolation, _ call: () async throws -> T
) async throws -> T {
    do {
        return try await call()
    } catch {
        throw CallieError(error)
    }
}
