import CallieNative
import Dispatch

/// A message that was accepted for sending. It need not be kept: the `Event.ended` reports the outcome too.
public final class Ticket: Sendable {
    private let native: CallieNative.Ticket

    init(_ native: CallieNative.Ticket) {
        self.native = native
    }

    /// The `ticket` of the `Event.ended`. The tickets of a client count up.
    public var number: UInt64 { native.number() }

    /// What edits and deletions refer to.
    public var messageId: String { native.messageId() }

    /// Waits until the sending has ended, at the latest at its deadline, and returns how. It may be called any number of times.
    public func outcome() async -> SendOutcome {
        SendOutcome(await native.outcome())
    }
}

/// A user's connection to a server.
///
/// The client reconnects after every loss of the connection until `disconnect()` is called or the server refuses the session.
/// Then the last event, `Event.closed`, follows, and the client cannot be used again. All methods may be called from several
/// threads at once, and from callbacks. Every failure is a `CallieError`.
///
/// A released client ends in the background. A loop over its `events` refers to it, and so does every call that waits: cancel
/// the task of the loop, or call `disconnect()`, which ends the loop.
public final class Client: Sendable {
    let native: CallieNative.Client
    private let inbox: Inbox

    /// Creates a client that is not connected yet. With a `Config.stateFile`, it continues from the state in the file.
    ///
    /// - Throws: `CallieError` of the kind `state` if the state file cannot be used.
    public convenience init(_ credentials: Credentials) throws {
        self.init(native: try calling { try CallieNative.Client(credentials: credentials.native) })
    }

    /// Creates a client that is not connected yet, and that continues from the state in `store`. It calls the store once before
    /// this returns.
    ///
    /// - Throws: `CallieError` of the kind `state` if the state cannot be loaded.
    public convenience init(_ credentials: Credentials, store: any StateStore) throws {
        self.init(
            native: try calling {
                try CallieNative.Client.withStore(credentials: credentials.native, store: Storing(store))
            })
    }

    private init(native: CallieNative.Client) {
        self.native = native
        inbox = Inbox(native)
    }

    /// Creates a client and connects it.
    public static func open(_ credentials: Credentials) async throws -> Client {
        let client = try Client(credentials)
        try await client.connect()
        return client
    }

    /// The user.
    public var username: String { native.username() }

    /// The current credentials: after the token source returned a new token, those with that token.
    public var credentials: Credentials {
        get throws { Credentials(try calling { try native.credentials() }) }
    }

    /// The state of the connection.
    public var state: ConnectionState { ConnectionState(native.state()) }

    /// The server's limits; the protocol's defaults before the first connection.
    public var limits: Limits { native.limits() }

    /// Traffic counters since the client was created.
    public var stats: Stats { native.stats() }

    /// Begins to connect, without waiting for the connection. Events report the progress.
    ///
    /// - Throws: `CallieError` of the kind `closed` on a client that has ended, as `suspend()` and `resume()` do.
    public func start() throws {
        try calling { try native.start() }
    }

    /// Waits for one attempt to connect. After a success, the client reconnects as after `start()`.
    ///
    /// After a failure, the client is as it was before: a client that was started keeps trying, any other one is suspended. A
    /// refusal by the server ends the client. A call of `suspend()` meanwhile is a failure with the code `SUSPENDED`.
    public func connect() async throws {
        try await calling { try await native.connect() }
    }

    /// Closes the connection until `resume()`, as for an app that goes to the background. Messages that wait go on waiting; a
    /// `connect()` that is waiting fails.
    public func suspend() throws {
        try calling { try native.suspend() }
    }

    /// Connects again after `suspend()`, or after a `connect()` that failed. Any other client stays as it is.
    public func resume() throws {
        try calling { try native.resume() }
    }

    /// Tells the client that the network has changed. A client that waits to reconnect tries immediately; a connected one checks
    /// that its connection is alive. A client that has ended ignores it.
    public func networkChanged() {
        native.networkChanged()
    }

    /// Sends a message, without waiting for a connection: it is queued while there is none. If the client has a state, the
    /// message is in it when this returns. The ticket and an `Event.ended` report the outcome.
    ///
    /// - Parameters:
    ///   - recipient: A username, a group ID or `BROADCAST`.
    ///   - text: The text, in Markdown; it may be empty only beside an attachment.
    ///   - attachments: Files, by their URLs.
    ///   - confirm: Whether the recipient's client is asked to confirm the message. Ignored for a broadcast.
    ///   - metadata: Extensions. The protocol reserves the keys `ack`, which `confirm` sets, and `inReplyTo`, the `payloadId` of
    ///     the message that this one answers.
    ///   - timeout: The time until the outcome; `Config.sendTimeout` unless given.
    @discardableResult
    public func send(
        recipient: String, text: String, attachments: [Attachment] = [], confirm: Bool = true,
        metadata: [String: JSONValue]? = nil, timeout: Duration? = nil
    ) throws -> Ticket {
        let options = SendOptions(confirm: confirm, metadata: try metadata?.json, timeout: timeout?.interval)
        let attachments = try attachments.map { try $0.native() }
        return Ticket(
            try calling {
                try native.send(recipient: recipient, text: text, attachments: attachments, options: options)
            })
    }

    /// The messages without an outcome, in the order in which they were accepted. After the start of a client with a state, they
    /// are those that an earlier client accepted; a message that it accepted and that is not among them has an outcome, which
    /// that client reported.
    public var pending: [Ticket] {
        get throws { try calling { try native.pending() }.map(Ticket.init) }
    }

    /// Sends a ping to the server or to a user, and returns the time until the answer.
    public func ping(_ recipient: String = "SERVER") async throws -> Duration {
        .seconds(try await calling { try await native.ping(recipient: recipient) })
    }

    /// Sends a command by name, such as `GET_GROUP`, and returns its result. It need not be a command that this version knows.
    ///
    /// - Parameters:
    ///   - name: The command's name in the protocol.
    ///   - parameters: The parameters, by their names in the protocol.
    public func command(_ name: String, parameters: [String: JSONValue] = [:]) async throws -> [String: JSONValue] {
        let written = try parameters.json
        return [String: JSONValue](json: try await calling { try await native.command(name: name, parameters: written) })
    }

    /// The events, up to and including `Event.closed`. A loop may be left at any time and loses nothing: the next one continues
    /// with the following event. Messages are confirmed to their senders as they reach the loop.
    ///
    /// While there is no loop, at most `Config.eventQueue` events are kept, and up to 64 more that have left the native library;
    /// while that many wait, nothing more is read.
    public var events: Events {
        Events(client: self)
    }

    /// Takes up to `max` events, and waits at most `timeout` for the first; returns an empty array if there was none. Messages
    /// among them are confirmed to their senders.
    ///
    /// - Throws: `CallieError` of the kind `closed` after `Event.closed`, and of the kind `invalidArgument` while a listener is
    ///   set; `CancellationError` if the task was cancelled.
    public func nextEvents(max: Int = 64, timeout: Duration) async throws -> [Event] {
        guard max > 0 else {
            throw CallieError(.invalidArgument, "INVALID_ARGUMENT", "max must be at least 1")
        }
        return try await inbox.take(max, within: timeout)
    }

    /// Passes all events to `listener` from now on, in batches, on a thread of its own. Messages are confirmed to their senders
    /// when the listener is called with them. What it throws is logged, and the next batch follows.
    ///
    /// A client has at most one listener: a second call throws a `CallieError` of the kind `invalidArgument`, and so do the calls
    /// that take events in another way.
    public func listen(_ listener: @escaping @Sendable ([Event]) throws -> Void) throws {
        try calling { try native.listen(listener: Listening(inbox, listener)) }
    }

    /// Sets what returns a new token when the server has ended the session. Without one, the client ends then.
    ///
    /// The closure receives the username and the server's code, such as `SESSION_EXPIRED`. It is called once for each refusal, on
    /// a thread that may block. If it throws, or takes longer than `Config.requestTimeout`, the client ends.
    public func setTokenSource(_ source: (@Sendable (_ username: String, _ reasonCode: String) throws -> String)?) {
        native.setTokenSource(source: source.map(Source.init))
    }

    /// Ends the client: writes what the server's rate allows at that moment, closes the connection, and waits for the close for
    /// a few seconds at most. It may be called any number of times.
    ///
    /// A message that still waits for its turn ends as `failed` with the code `DISCONNECTED`, one that was written and not
    /// answered as `unconfirmed`. If the client has a state, it keeps both, and they are `pending`; when this returns, another
    /// client can use the state file. To be sure of messages, wait for the outcomes of their tickets first. Events that have arrived
    /// can still be taken.
    public func disconnect() async {
        await inbox.flush()
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

/// A closure as the native library calls it. It receives first the events that an iteration has fetched and not passed on.
private final class Listening: Listener, @unchecked Sendable {
    private let listener: @Sendable ([Event]) throws -> Void
    /// Set until the first call. Later, the listener, which the native client owns, would keep its client alive. Only the thread
    /// of the listener uses it.
    private var inbox: Inbox?

    init(_ inbox: Inbox, _ listener: @escaping @Sendable ([Event]) throws -> Void) {
        self.inbox = inbox
        self.listener = listener
    }

    func onEvents(events: [CallieNative.Event]) throws {
        let all = fetched() + events.map(Event.init)
        if all.isEmpty { return }
        do {
            try listener(all)
        } catch {
            throw CallbackError.Failed(reason: "\(error)")
        }
    }

    private func fetched() -> [Event] {
        guard let inbox else { return [] }
        self.inbox = nil
        let drained = Drained()
        // The thread of the listener belongs to the native library, so it may wait for a task.
        let done = DispatchSemaphore(value: 0)
        Task.detached {
            drained.events = await inbox.drain()
            done.signal()
        }
        done.wait()
        return drained.events
    }
}

/// The events that a task gives to the thread that waits for it.
private final class Drained: @unchecked Sendable {
    var events: [Event] = []
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
