package dev.callie

import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.withContext
import kotlin.time.Duration
import kotlin.time.Duration.Companion.microseconds

/** A message that was taken for sending. It can be let go of: an [Event.Ended] comes anyway. */
public class Ticket internal constructor(private val native: dev.callie.ffi.Ticket) {
    /** Tickets of one client count up. */
    public val number: ULong get() = calling { native.number() }

    /** The message's ID: edits and deletions name it. */
    public val messageId: String get() = calling { native.messageId() }

    /** How the message ended, as soon as it has: at its deadline at the latest. It may be asked for any number of times. */
    public suspend fun ending(): Ending = calling { native.ending().own() }
}

/**
 * One user's conversation with a server, across connections.
 *
 * It lives until [disconnect] or [close], or until the server refuses it and no new token could be had; then
 * [Event.Closed] is told, and a new client is to be made. Every call may be made from several threads at once, and from
 * callbacks. Every call that fails throws a [CallieException].
 *
 * A client that nobody refers to any more ends when the garbage collector has found it; one whose events are being waited
 * for, or that has a listener which refers to it, is referred to.
 */
public class Client(session: Session) : AutoCloseable {
    internal val native: dev.callie.ffi.Client = calling { dev.callie.ffi.Client(session.native) }
    private val inbox = Inbox(native)

    /** Who this is. */
    public val username: String get() = calling { native.username() }

    /** The state of the connection. */
    public val state: ConnectionState get() = calling { native.state().own() }

    /** What the server allows; the protocol's defaults before the first connection. */
    public val limits: Limits get() = calling { native.limits() }

    /** Counters since the client was made. */
    public val statistics: Statistics get() = calling { native.stats() }

    /**
     * Connects, and keeps connecting after every loss until [disconnect] or a refusal. Events tell how it goes. On a client that
     * has ended it does nothing, as [suspend], [resume] and [networkChanged] do.
     */
    public fun start(): Unit = calling { native.start() }

    /**
     * Connects once, and waits for it; from then on as after [start].
     *
     * After an error the client is as it was before: one that was started goes on trying, one that was not, or was
     * suspended, is suspended. A refusal by the server ends it; [suspend] meanwhile is an error with the code `SUSPENDED`.
     */
    public suspend fun connect(): Unit = calling { native.connect() }

    /**
     * Closes the connection for a while, as for an app that goes to the background. What waits goes on waiting; a [connect]
     * that waits fails.
     */
    public fun suspend(): Unit = calling { native.suspend() }

    /** Connects again after [suspend] or a [connect] that did not work. */
    public fun resume(): Unit = calling { native.resume() }

    /**
     * Tells the client that the network has changed. One that waits to reconnect tries immediately; a connected one checks that
     * its connection is alive.
     */
    public fun networkChanged(): Unit = calling { native.networkChanged() }

    /**
     * Sends a text in Markdown to a user, a group's ID or `BROADCAST`.
     *
     * It is taken at once, connected or not; the ticket and an [Event.Ended] tell how it ends, within [timeout], which may be
     * [Duration.INFINITE]. [metadata] is a JSON object; the metadata of a received message may be given as it is, and a reply
     * names what it answers by `{"inReplyTo":"…"}` with that event's `payloadId`.
     */
    public fun send(
        recipient: String,
        text: String,
        attachments: List<Attachment> = emptyList(),
        confirm: Boolean = true,
        metadata: String? = null,
        timeout: Duration? = null,
    ): Ticket {
        val options = dev.callie.ffi.SendOptions(confirm, metadata?.checked("the metadata"), timeout?.millis())
        return Ticket(
            calling {
                native.send(
                    recipient.checked("the recipient"), text.checked("the text"), attachments.onEach { it.checked() }, options,
                )
            },
        )
    }

    /** Says something fleeting, such as `typing` or `read`, with JSON [data]. Nothing tells that it arrived. */
    public fun signal(recipient: String, kind: String, data: String? = null): Unit =
        calling {
            native.signal(recipient.checked("the recipient"), kind.checked("the kind"), data?.checked("the data"))
        }

    /** Asks the server (`SERVER`) or a user for a sign of life, and gives how long it took. */
    public suspend fun ping(recipient: String): Duration =
        calling { native.ping(recipient.checked("the recipient")) }.clamped().microseconds

    /** Carries out a command by name; parameters and result are JSON objects. */
    public suspend fun command(name: String, parameters: String = "{}"): String =
        calling { native.command(name.checked("the command"), parameters.checked("the parameters")) }

    /**
     * What arrives, until [Event.Closed], which is the last. A collector that stops, however it does, loses nothing: the next
     * one goes on with the event after the last that it was called with. Messages are confirmed to their senders as they reach
     * the collector.
     *
     * While nobody collects, at most [Config.eventQueue] events are kept, with up to 64 more that have left the native library
     * already, and no more are read. An operator such as `buffer` or `flowOn` takes events before its collector asks for them,
     * and what it holds is lost with it.
     */
    public val events: Flow<Event> = EventFlow(inbox)

    /**
     * Takes up to [max] events, waiting at most [timeout] for the first; none when nothing came. Messages among them are
     * confirmed to their senders. After [Event.Closed] it throws [CallieException.Closed], and beside a [listen]er
     * [CallieException.InvalidArgument].
     *
     * A wait that is cancelled loses nothing. [timeout] is the way to bound it: `withTimeout` around it may end between the
     * taking and the return, as around every call that gives something.
     */
    public suspend fun nextEvents(max: Int = 64, timeout: Duration): List<Event> {
        if (max < 1) {
            throw CallieException.InvalidArgument("INVALID_ARGUMENT", "a batch holds at least one event", null)
        }
        return inbox.take(max, timeout)
    }

    /**
     * Hands all events to [listener] from now on, in batches, from a thread made for it. Messages are confirmed to their senders
     * when it is called with them. If it throws, the next batch comes all the same.
     *
     * It can be asked for once in a client's life, and throws [CallieException.InvalidArgument] after that. Calls for events by
     * another way throw that too.
     */
    public fun listen(listener: (List<Event>) -> Unit): Unit = calling { native.listen(ListenerCallback(listener)) }

    /** Where a new token comes from when the server has ended the session; none ends the client then. */
    public fun setTokenSource(source: TokenSource?): Unit = calling { native.setTokenSource(source?.let(::TokenCallback)) }

    /** Ends the client: says goodbye and waits for that, at most a few seconds. It may be called any number of times. */
    public suspend fun disconnect(): Unit = calling { native.disconnect() }

    /** Ends the client without waiting: the goodbye goes on in the background. */
    override fun close(): Unit = calling { native.beginDisconnect() }

    /**
     * Runs [block] with this client, then [disconnect]s, however the block ends: what was sent is written, and the goodbye said,
     * when it returns.
     *
     * It stands in for the standard library's `use`, which could not wait.
     */
    public suspend inline fun <R> use(block: (Client) -> R): R =
        try {
            block(this)
        } finally {
            withContext(NonCancellable) { disconnect() }
        }

    public companion object {
        /** A client that is online. */
        public suspend fun open(session: Session): Client {
            val client = Client(session)
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

/** Whole milliseconds, none where there are fewer than none; those of an endless duration are a great many. */
internal fun Duration.millis(): ULong = inWholeMilliseconds.coerceAtLeast(0).toULong()
