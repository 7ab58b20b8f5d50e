import CallieNative

/// Hands what the library logs, up to `level`, to `logger` from now on, in place of any before; without one to nobody.
///
/// It is called from one thread with a level, where it was logged, and a line that holds no token and no text of a message.
public func setLogger(
    _ level: LogLevel, _ logger: (@Sendable (_ level: LogLevel, _ target: String, _ text: String) -> Void)?
) {
    CallieNative.setLogger(level: level, sink: logger.map(Sink.init))
}

/// What is wrong with a text that a client would send to a server with the default limits; none if it is valid.
public func checkPayload(_ text: String) -> PayloadFault? {
    CallieNative.checkPayload(text: text)
}

/// What is wrong with a text that a server would send to a client; none if it is valid.
public func checkServerPayload(_ text: String) -> PayloadFault? {
    CallieNative.checkServerPayload(text: text)
}

/// The version of the native library, such as `0.1.0`.
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
