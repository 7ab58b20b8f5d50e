import CallieNative

/// The address of a server, how it is trusted, and how long to wait for it. What is nil has the library's default.
public struct Config: Sendable, Hashable {
    /// `https://…` (or `wss://…`) with TLS, `http://…` (or `ws://…`) without.
    public var url: String
    /// The limit for the name lookup, the proxy, TCP and TLS; 15 s by default.
    public var connectTimeout: Duration?
    /// The limit for an HTTP request, the WebSocket handshake or the authentication; 30 s by default.
    public var requestTimeout: Duration?
    /// The limit for a message, a ping or a command until its outcome, connected or not; 60 s by default.
    public var sendTimeout: Duration?
    /// The maximum number of messages, pings and commands without an outcome; 1,000 by default. Further ones are refused.
    public var maxWaiting: Int?
    /// The maximum number of events that wait to be taken; 1,024 by default. Until some are taken, nothing more is read.
    public var eventQueue: Int?
    /// Root certificates to trust besides the bundled ones, each a text in PEM.
    public var extraRoots: [String]
    /// Whether the root certificates that Mozilla trusts are trusted.
    public var bundledRoots: Bool
    /// Public keys of which the server's certificate chain must contain one, unless this is empty: the SHA-256 of a
    /// SubjectPublicKeyInfo in hexadecimal.
    public var pins: [String]
    /// Whether a proxy that the environment names is used.
    public var useProxy: Bool
    /// The path of a file in which a client keeps messages without an outcome, and which messages the application took. The
    /// next client with the file sends the messages, and delivers none again that was taken. It is created if it is missing,
    /// with a file of the same name and `.lock` beside it. It contains texts of messages, and no token. One client at a time
    /// can use it. Nil: nothing is kept.
    public var stateFile: String?

    public init(
        url: String, connectTimeout: Duration? = nil, requestTimeout: Duration? = nil, sendTimeout: Duration? = nil,
        maxWaiting: Int? = nil, eventQueue: Int? = nil, extraRoots: [String] = [], bundledRoots: Bool = true,
        pins: [String] = [], useProxy: Bool = true, stateFile: String? = nil
    ) {
        self.url = url
        self.connectTimeout = connectTimeout
        self.requestTimeout = requestTimeout
        self.sendTimeout = sendTimeout
        self.maxWaiting = maxWaiting
        self.eventQueue = eventQueue
        self.extraRoots = extraRoots
        self.bundledRoots = bundledRoots
        self.pins = pins
        self.useProxy = useProxy
        self.stateFile = stateFile
    }

    /// The same for the native library.
    func native() throws -> CallieNative.Config {
        CallieNative.Config(
            url: url, connectTimeout: connectTimeout?.interval, requestTimeout: requestTimeout?.interval,
            sendTimeout: sendTimeout?.interval, maxWaiting: try Self.count(maxWaiting, "maxWaiting"),
            eventQueue: try Self.count(eventQueue, "eventQueue"), extraRoots: extraRoots, bundledRoots: bundledRoots,
            pins: pins, useProxy: useProxy, stateFile: stateFile)
    }

    private static func count(_ value: Int?, _ name: String) throws -> UInt32? {
        guard let value else { return nil }
        guard value > 0 else {
            throw CallieError(.invalidArgument, "INVALID_ARGUMENT", "\(name) must be at least 1")
        }
        return UInt32(clamping: value)
    }
}
