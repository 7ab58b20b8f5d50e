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
/// and a new client is to be made. Every call may be made from several threads at once, and from callbacks. Every call that
/// fails throws a `CallieError`.
///
/// A client that is let go of says goodbye in the background. A loop over its `events` holds it, as every call that waits does:
/// cancel the loop's task, or call `disconnect()`, which ends the loop too.
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

    /// The state of the connection.
    public var state: ConnectionState { native.state() }

    /// What the server allows; the protocol's defaults before the first connection.
    public var limits: Limits { native.limits() }

    /// Counters since the client was made.
    public var statistics: Statistics { native.stats() }

    /// Connects, and keeps connecting after every loss until `disconnect()` or a refusal. Events tell how it goes. On a client
    /// that has ended it does nothing, as `suspend()`, `resume()` and `networkChanged()` do.
    public func start() {
        native.start()
    }

    /// Connects once, and waits for it; from then on as after `start()`.
    ///
    /// After an error the client is as it was before: one that was started goes on trying, one that was not, or was suspended, is
    /// suspended. A refusal by the server ends it; `suspend()` meanwhile is an error with the code `SUSPENDED`.
    public func connect() async throws {
        try await calling { try await native.connect() }
    }

    /// Closes the connection for a while, as for an app that goes to the background. What waits goes on waiting; a `connect()`
    /// that waits fails.
    public func suspend() {
        native.suspend()
    }

    /// Connects again after `suspend()` or a `connect()` that did not work.
    public func resume() {
        native.resume()
    }

    /// Tells the client that the network has changed. One that waits to reconnect tries immediately; a connected one checks that
    /// its connection is alive.
    public func networkChanged() {
        native.networkChanged()
    }

    /// Sends a text in Markdown to a user, a group's ID or `BROADCAST`.
    ///
    /// It is taken at once, connected or not; the ticket and an `Event.ended` tell how it ends, within `timeout`. `metadata` is a
    /// JSON object; the metadata of a received message may be given as it is, and a reply names what it answers by
    /// `{"inReplyTo":"…"}` with that event's `payloadId`.
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

    /// What arrives, until `Event.closed`, which is the last. A loop that is left, however it is, loses nothing: the next one
    /// goes on where it stopped. Messages are confirmed to their senders as the loop gets them.
    ///
    /// While nobody asks, `Config.eventQueue` events are kept, with up to 64 more that have left the native library already, and
    /// no more are read.
    public var events: Events {
        Events(client: self)
    }

    /// Takes up to `max` events, waiting at most `timeout` for the first; none when nothing came. Messages among them are
    /// confirmed to their senders.
    ///
    /// It throws a `CallieError`, which is of the kind `closed` after `Event.closed` and `invalidArgument` beside a listener, or
    /// a `CancellationError` where the task was cancelled.
    public func nextEvents(max: Int = 64, timeout: Duration) async throws -> [Event] {
        guard max > 0 else {
            throw CallieError(.invalidArgument, "INVALID_ARGUMENT", "a batch holds at least one event")
        }
        return try await inbox.take(max, within: timeout)
    }

    /// Hands all events to `listener` from now on, in batches, from a thread made for it. Messages are confirmed to their
    /// senders when it is called with them. If it throws, the next batch comes all the same.
    ///
    /// It can be asked for once in a client's life, and throws a `CallieError` of the kind `invalidArgument` after that. Calls
    /// for events by another way throw that too.
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
            return try await inbox.next()
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
