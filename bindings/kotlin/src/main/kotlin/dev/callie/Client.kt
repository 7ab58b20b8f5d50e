package dev.callie

import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.withContext
import kotlinx.serialization.json.JsonObject
import kotlin.time.Duration
import kotlin.time.toKotlinDuration

/** A message that was accepted for sending. It need not be kept: the [Event.Ended] reports the outcome too. */
public class Ticket internal constructor(private val native: dev.callie.ffi.Ticket) {
    /** The `ticket` of the [Event.Ended]. The tickets of a client count up. */
    public val number: ULong get() = calling { native.number() }

    /** What edits and deletions refer to. */
    public val messageId: String get() = calling { native.messageId() }

    /** Waits until the sending has ended, at the latest at its deadline, and returns how. It may be called any number of times. */
    public suspend fun outcome(): SendOutcome = calling { native.outcome().own() }
}

/**
 * A user's connection to a server.
 *
 * The client reconnects after every loss of the connection until [disconnect] or [close] is called or the server refuses the
 * session. Then the last event, [Event.Closed], follows, and the client cannot be used again. All methods may be called from
 * several threads at once, and from callbacks. Every failure is a [CallieException].
 *
 * A client without references ends after the garbage collector has found it. A call that waits for its events refers to it, and
 * so does a listener that uses it.
 */
public class Client private constructor(internal val native: dev.callie.ffi.Client) : AutoCloseable {
    /**
     * Creates a client that is not connected yet. With a [Config.stateFile], it continues from the state in the file.
     *
     * @throws CallieException.State if the state file cannot be used.
     */
    public constructor(credentials: Credentials) : this(calling { dev.callie.ffi.Client(credentials.native) })

    /**
     * Creates a client that is not connected yet, and that continues from the state in [store]. It calls the store once before
     * this returns.
     *
     * @throws CallieException.State if the state cannot be loaded.
     */
    public constructor(credentials: Credentials, store: StateStore) :
        this(calling { dev.callie.ffi.Client.withStore(credentials.native, StoreCallback(store)) })

    private val inbox = Inbox(native)

    /** The user. */
    public val username: String get() = calling { native.username() }

    /** The current session: after a [TokenSource] returned a new token, the one with that token. */
    public val credentials: Credentials get() = Credentials(calling { native.credentials() })

    /** The state of the connection. */
    public val state: ConnectionState get() = calling { native.state().own() }

    /** The server's limits; the protocol's defaults before the first connection. */
    public val limits: Limits get() = calling { native.limits() }

    /** Traffic counters since the client was created. */
    public val stats: Stats get() = calling { native.stats() }

    /**
     * Begins to connect, without waiting for the connection. Events report the progress.
     *
     * @throws CallieException.Closed on a client that has ended, as [suspend] and [resume] do.
     */
    public fun start(): Unit = calling { native.start() }

    /**
     * Waits for one attempt to connect. After a success, the client reconnects as after [start].
     *
     * After a failure, the client is as it was before: a client that was started keeps trying, any other one is suspended. A
     * refusal by the server ends the client. A call of [suspend] meanwhile is a failure with the code `SUSPENDED`.
     */
    public suspend fun connect(): Unit = calling { native.connect() }

    /**
     * Closes the connection until [resume], as for an app that goes to the background. Messages that wait go on waiting; a
     * [connect] that is waiting fails.
     */
    public fun suspend(): Unit = calling { native.suspend() }

    /** Connects again after [suspend], or after a [connect] that failed. Any other client stays as it is. */
    public fun resume(): Unit = calling { native.resume() }

    /**
     * Tells the client that the network has changed. A client that waits to reconnect tries immediately; a connected one checks
     * that its connection is alive. A client that has ended ignores it.
     */
    public fun networkChanged(): Unit = calling { native.networkChanged() }

    /**
     * Sends a message, without waiting for a connection: it is queued while there is none. If the client has a state, the message
     * is in it when this returns. The ticket and an [Event.Ended] report the outcome.
     *
     * @param recipient A username, a group ID or `BROADCAST`.
     * @param text The text, in Markdown; it may be empty only beside an attachment.
     * @param attachments Files, by their URLs.
     * @param confirm Whether the recipient's client is asked to confirm the message. Ignored for a broadcast.
     * @param metadata Extensions. The protocol reserves the keys `ack`, which [confirm] sets, and `inReplyTo`, the `payloadId` of
     *   the message that this one answers.
     * @param timeout The time until the outcome; [Config.sendTimeout] unless given.
     */
    public fun send(
        recipient: String,
        text: String,
        attachments: List<Attachment> = emptyList(),
        confirm: Boolean = true,
        metadata: JsonObject? = null,
        timeout: Duration? = null,
    ): Ticket {
        val options = dev.callie.ffi.SendOptions(confirm, metadata?.text("metadata"), timeout?.native())
        return Ticket(
            calling {
                native.send(recipient.checked("recipient"), text.checked("text"), attachments.map { it.native() }, options)
            },
        )
    }

    /**
     * The messages without an outcome, in the order in which they were accepted. After the start of a client with a state, they
     * are those that an earlier client accepted; a message that it accepted and that is not among them has an outcome, which
     * that client reported.
     */
    public val pending: List<Ticket> get() = calling { native.pending() }.map(::Ticket)

    /** Sends a ping to the server or to a user, and returns the time until the answer. */
    public suspend fun ping(recipient: String = "SERVER"): Duration =
        calling { native.ping(recipient.checked("recipient")) }.toKotlinDuration()

    /**
     * Sends a command by name, such as `GET_GROUP`, and returns its result. It need not be a command that this version knows.
     *
     * @param name The command's name in the protocol.
     * @param parameters The parameters, by their names in the protocol.
     */
    public suspend fun command(name: String, parameters: JsonObject = JsonObject(emptyMap())): JsonObject =
        jsonObject(calling { native.command(name.checked("name"), parameters.text("parameters")) })

    /**
     * The events, up to and including [Event.Closed]. A collector may stop at any time and loses nothing: the next one continues
     * with the following event. Messages are confirmed to their senders as they reach the collector.
     *
     * While there is no collector, at most [Config.eventQueue] events are kept, and up to 64 more that have left the native
     * library; while that many wait, nothing more is read. An operator such as `buffer` or `flowOn` takes events before its
     * collector asks for them, and what it holds can be lost with it.
     */
    public val events: Flow<Event> = EventFlow(inbox)

    /**
     * Takes up to [max] events, and waits at most [timeout] for the first; returns an empty list if there was none. Messages among
     * them are confirmed to their senders. After [Event.Closed] it throws [CallieException.Closed], and while a [listen]er is set
     * [CallieException.InvalidArgument].
     *
     * A call that is cancelled loses nothing. Use [timeout] to limit the wait: a `withTimeout` around the call can expire just as
     * events are returned.
     */
    public suspend fun nextEvents(max: Int = 64, timeout: Duration): List<Event> {
        if (max < 1) {
            throw CallieException.InvalidArgument("INVALID_ARGUMENT", "max must be at least 1", null)
        }
        return inbox.take(max, timeout)
    }

    /**
     * Passes all events to [listener] from now on, in batches, on a thread of its own. Messages are confirmed to their senders when
     * the listener is called with them. What it throws is logged ([setLogger]), and the next batch follows.
     *
     * A client has at most one listener: a second call throws [CallieException.InvalidArgument], and so do the calls that take
     * events in another way.
     */
    public fun listen(listener: (List<Event>) -> Unit): Unit = calling { native.listen(ListenerCallback(inbox, listener)) }

    /** Sets what returns a new token when the server has ended the session. Without one, the client ends then. */
    public fun setTokenSource(source: TokenSource?): Unit = calling { native.setTokenSource(source?.let(::TokenCallback)) }

    /**
     * Ends the client: writes what the server's rate allows at that moment, closes the connection, and waits for the close for a
     * few seconds at most. It may be called any number of times.
     *
     * A message that still waits for its turn ends as [SendOutcome.Failed] with the code `DISCONNECTED`, one that was written and
     * not answered as [SendOutcome.Unconfirmed]. If the client has a state, it keeps both, and they are [SendOutcome.Pending]; when
     * this returns, another client can use the state file. To be sure of messages, wait for the outcomes of their tickets first. Events that
     * have arrived can still be taken.
     */
    public suspend fun disconnect() {
        inbox.flush()
        calling { native.disconnect() }
    }

    /** Ends the client as [disconnect] does, without waiting. */
    override fun close() {
        inbox.flush()
        calling { native.beginDisconnect() }
    }

    /**
     * Calls [block] with this client, and then [disconnect], however the block ends.
     *
     * It takes the place of the standard library's `use`, which could not wait.
     */
    public suspend inline fun <R> use(block: (Client) -> R): R =
        try {
            block(this)
        } finally {
            withContext(NonCancellable) { disconnect() }
        }

    public companion object {
        /** Creates a client and connects it. */
        public suspend fun open(credentials: Credentials): Client {
            val client = Client(credentials)
            try {
                client.connect()
            } catch (failed: Throwable) {
                client.close()
                throw failed
            }
            return client
        }
    }
}
