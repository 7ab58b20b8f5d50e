import CallieNative

/// A message that was taken for sending. It can be let go of: an `Event.ended` comes anyway.
public final class Ticket: Sendable {
    private let native: CallieNative.Ticket

    init(_ native: CallieNative.Ticket) {
        self.native = native
    }

    /// Tickets of one client count up.
    public var number: UInt64 { native.number() }

    /// The message's ID: edits and deletions name it.
    public var messageId: String { native.messageId() }

    /// How the message ended, as soon as it has: at its deadline at the latest. It may be asked for any number of times.
    public var ending: Ending {
        get async { await native.ending() }
    }
}

/// One user's conversation with a server, across connections.
///
/// It lives until `disconnect()`, or until the server refuses it and no new token could be had; then `Event.closed` is told,
/// and a new client is to be made. Letting go of it says goodbye in the background. Every call may be made from several
/// threads at once, and from callbacks. Every call that fails throws a `CallieError`.
public final class Client: Sendable {
    let native: CallieNative.Client
    private let inbox: Inbox

    /// A client that is not connected yet.
    public init(_ session: Session) throws {
        let native = try calling { try CallieNative.Client(session: session.native) }
        self.native = native
        inbox = Inbox(native)
    }

    /// A client that is online.
    public static func open(_ session: Session) async throws -> Client {
        let client = try Client(session)
        try await client.connect()
        return client
    }

    /// Who this is.
    public var username: String { native.username() }

    /// How it stands to its server.
    public var state: ConnectionState { native.state() }

    /// What the server allows; the protocol's defaults before the first connection.
    public var limits: Limits { native.limits() }

    /// What it did so far, in numbers.
    public var statistics: Statistics { native.stats() }

    /// Connects, and keeps connecting after every loss until `disconnect()` or a refusal. Events tell how it goes.
    public func start() {
        native.start()
    }

    /// Connects once, and waits for it; from then on as after `start()`. If it does not work the client is as it was before,
    /// but for a refusal by the server, which ends it.
    public func connect() async throws {
        try await calling { try await native.connect() }
    }

    /// Closes the connection for a while, as for an app that goes to the background. What waits goes on waiting.
    public func suspend() {
        native.suspend()
    }

    /// Connects again after `suspend()`.
    public func resume() {
        native.resume()
    }

    /// The network is another: what waits tries at once, what is connected makes sure that it is.
    public func networkChanged() {
        native.networkChanged()
    }

    /// Sends a text in Markdown to a user, a group's ID or `BROADCAST`.
    ///
    /// It is taken at once, connected or not; the ticket and an `Event.ended` tell how it ends, within `timeout`.
    @discardableResult
    public func send(
        _ text: String, to recipient: String, attachments: [Attachment] = [], confirm: Bool = true,
        metadata: String? = nil, timeout: Duration? = nil
    ) throws -> Ticket {
        let options = SendOptions(confirm: confirm, metadata: metadata, timeoutMs: timeout?.milliseconds)
        return Ticket(
            try calling {
                try native.send(recipient: recipient, text: text, attachments: attachments, options: options)
            })
    }

    /// Says something fleeting, such as `typing` or `read`, with JSON `data`. Nothing tells that it arrived.
    public func signal(_ kind: String, to recipient: String, data: String? = nil) throws {
        try calling { try native.signal(recipient: recipient, kind: kind, data: data) }
    }

    /// Asks the server (`SERVER`) or a user for a sign of life, and gives how long it took.
    public func ping(_ recipient: String) async throws -> Duration {
        .microseconds(Int64(clamping: try await calling { try await native.ping(recipient: recipient) }))
    }

    /// Carries out a command by name; parameters and result are JSON objects.
    public func command(_ name: String, parameters: String = "{}") async throws -> String {
        try await calling { try await native.command(name: name, parameters: parameters) }
    }

    /// What arrives, until `Event.closed`, which is the last. Who stops loses nothing: the next loop goes on where the last
    /// one stopped. While nobody asks, `Config.eventQueue` events are kept, with up to 64 more that have left the native
    /// library already, and no more are read.
    public var events: Events {
        Events(client: self)
    }

    /// Takes up to `max` events, waiting at most `timeout` for the first; none when nothing came.
    ///
    /// It throws a `CallieError`, which is of the kind `closed` after `Event.closed`, or a `CancellationError` where the task
    /// was cancelled.
    public func nextEvents(max: Int = 64, timeout: Duration) async throws -> [Event] {
        guard max > 0 else {
            throw CallieError(.invalidArgument, "INVALID_ARGUMENT", "a batch holds at least one event")
        }
        return try await inbox.take(max, within: timeout)
    }

    /// Hands all events to `listener` from now on, in batches, from a thread made for it. Who listens does not ask for
    /// `events`. If it throws, the next batch comes all the same. It can be asked for once in a client's life, and throws a
    /// `CallieError` of the kind `invalidArgument` after that.
    public func listen(_ listener: @escaping @Sendable ([Event]) throws -> Void) throws {
        try calling { try native.listen(listener: Listening(listener)) }
    }

    /// Where a new token comes from when the server has ended the session; none ends the client then.
    ///
    /// It is given the username and the server's reason, such as `SESSION_EXPIRED`, is called from a thread that may block,
    /// once for each refusal, and gives a live token. If it throws, or takes longer than one exchange may, the client ends.
    public func setTokenSource(_ source: (@Sendable (_ username: String, _ reasonCode: String) throws -> String)?) {
        native.setTokenSource(source: source.map(Source.init))
    }

    /// Ends the client: says goodbye and waits for that, at most a few seconds. It may be called any number of times.
    public func disconnect() async {
        await native.disconnect()
    }

    fileprivate func nextEvent() async throws -> Event? {
        do {
            return try await inbox.take(1, within: nil).first
        } catch let error as CallieError where error.kind == .closed {
            return nil
        }
    }
}

/// The events of a client.
public struct Events: AsyncSequence, Sendable {
    public typealias Element = Event
    let client: Client

    public func makeAsyncIterator() -> Iterator {
        Iterator(client: client)
    }

    public struct Iterator: AsyncIteratorProtocol {
        let client: Client

        /// The next event; none after the last. It throws a `CancellationError` where the task was cancelled.
        public func next() async throws -> Event? {
            try await client.nextEvent()
        }
    }
}

/// A closure as the native library calls it.
private final class Listening: Listener {
    private let listener: @Sendable ([Event]) throws -> Void

    init(_ listener: @escaping @Sendable ([Event]) throws -> Void) {
        self.listener = listener
    }

    func onEvents(events: [CallieNative.Event]) throws {
        do {
            try listener(events.map(Event.init))
        } catch {
            throw CallbackError.Failed(reason: "\(error)")
        }
    }
}

/// A closure as the native library calls it.
private final class Source: TokenSource {
    private let source: @Sendable (String, String) throws -> String

    init(_ source: @escaping @Sendable (String, String) throws -> String) {
        self.source = source
    }

    func token(username: String, reasonCode: String) throws -> String {
        do {
            return try source(username, reasonCode)
        } catch {
            throw CallbackError.Failed(reason: "\(error)")
        }
    }
}
