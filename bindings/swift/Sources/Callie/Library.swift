import CallieNative

/// Sends the log of the library, up to `level`, to `logger`, which replaces the previous one; nil stops logging.
///
/// The closure is called on one thread with the level, the part of the library, and the line, which contains no tokens and no
/// message texts.
public func setLogger(
    _ level: LogLevel, _ logger: (@Sendable (_ level: LogLevel, _ target: String, _ text: String) -> Void)?
) {
    CallieNative.setLogger(level: level, sink: logger.map(Sink.init))
}

/// Returns the first fault of a text that a client would send to a server with default limits; nil if it is valid.
public func checkPayload(_ text: String) -> Fault? {
    CallieNative.checkPayload(text: text)
}

/// Returns the first fault of a text that a server would send to a client; nil if it is valid.
public func checkServerPayload(_ text: String) -> Fault? {
    CallieNative.checkServerPayload(text: text)
}

/// Returns the version of the library, such as `0.1.0`.
public func version() -> String {
    CallieNative.version()
}

private final class Sink: LogSink {
    private let logger: @Sendable (LogLevel, String, String) -> Void

    init(_ logger: @escaping @Sendable (LogLevel, String, String) -> Void) {
        self.logger = logger
    }

    func log(level: LogLevel, target: String, text: String) {
        logger(level, target, text)
    }
}
