package dev.callie

import dev.callie.ffi.Listener
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeoutOrNull
import kotlin.time.Duration
import kotlin.time.Duration.Companion.microseconds
import kotlin.time.Duration.Companion.milliseconds

/** Gives a client the token of a new login when the server has ended its session. */
public fun interface TokenSource {
    /**
     * A live token of the same user; called from a thread that may block, once for each refusal. [reasonCode] is the
     * server's, such as `SESSION_EXPIRED`. If it throws, or takes longer than the time for one exchange, the client ends.
     */
    public fun token(username: String, reasonCode: String): String
}

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
 */
public class Client(session: Session) : AutoCloseable {
    internal val native: dev.callie.ffi.Client = calling { dev.callie.ffi.Client(session.native) }
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    private val inbox = Inbox(scope) { calling { native.nextEvents(BATCH.toUInt(), FETCH_MS) }.map { it.own() } }

    /** Who this is. */
    public val username: String get() = calling { native.username() }

    /** How it stands to its server. */
    public val state: ConnectionState get() = calling { native.state().own() }

    /** What the server allows; the protocol's defaults before the first connection. */
    public val limits: Limits get() = calling { native.limits() }

    /** What it did so far, in numbers. */
    public val statistics: Statistics get() = calling { native.stats() }

    /** Connects, and keeps connecting after every loss until [disconnect] or a refusal. Events tell how it goes. */
    public fun start(): Unit = calling { native.start() }

    /**
     * Connects once, and waits for it; from then on as after [start]. If it does not work the client is as it was before,
     * but for a refusal by the server, which ends it.
     */
    public suspend fun connect(): Unit = calling { native.connect() }

    /** Closes the connection for a while, as for an app that goes to the background. What waits goes on waiting. */
    public fun suspend(): Unit = calling { native.suspend() }

    /** Connects again after [suspend]. */
    public fun resume(): Unit = calling { native.resume() }

    /** The network is another: what waits tries at once, what is connected makes sure that it is. */
    public fun networkChanged(): Unit = calling { native.networkChanged() }

    /**
     * Sends a text in Markdown to a user, a group's ID or `BROADCAST`.
     *
     * It is taken at once, connected or not; the ticket and an [Event.Ended] tell how it ends, within [timeout].
     */
    public fun send(
        recipient: String,
        text: String,
        attachments: List<Attachment> = emptyList(),
        confirm: Boolean = true,
        metadata: String? = null,
        timeout: Duration? = null,
    ): Ticket {
        val options = dev.callie.ffi.SendOptions(confirm, metadata, timeout?.millis())
        return Ticket(calling { native.send(recipient, text, attachments, options) })
    }

    /** Says something fleeting, such as `typing` or `read`, with JSON [data]. Nothing tells that it arrived. */
    public fun signal(recipient: String, kind: String, data: String? = null): Unit =
        calling { native.signal(recipient, kind, data) }

    /** Asks the server (`SERVER`) or a user for a sign of life, and gives how long it took. */
    public suspend fun ping(recipient: String): Duration =
        calling { native.ping(recipient) }.toLong().microseconds

    /** Carries out a command by name; parameters and result are JSON objects. */
    public suspend fun command(name: String, parameters: String = "{}"): String =
        calling { native.command(name, parameters) }

    /**
     * What arrives, until [Event.Closed], which is the last. A collector that stops loses nothing: the next one goes on
     * where it stopped. While nobody collects, at most [Config.eventQueue] events are kept, with up to 64 more that have left
     * the native library already, and no more are read.
     */
    public val events: Flow<Event> = flow {
        while (true) {
            try {
                inbox.fill()
            } catch (_: CallieException.Closed) {
                return@flow
            }
            for (event in inbox.take(1)) {
                emit(event)
                if (event is Event.Closed) return@flow
            }
        }
    }

    /**
     * Takes up to [max] events, waiting at most [timeout] for the first; none when nothing came. After [Event.Closed] it
     * throws [CallieException.Closed].
     */
    public suspend fun nextEvents(max: Int = BATCH, timeout: Duration): List<Event> {
        if (max < 1) {
            throw CallieException.InvalidArgument("INVALID_ARGUMENT", "a batch holds at least one event", null)
        }
        // No time at all would not even look.
        withTimeoutOrNull(timeout.coerceAtLeast(1.milliseconds)) { inbox.fill() }
        return inbox.take(max)
    }

    /**
     * Hands all events to [listener] from now on, in batches, from a thread made for it. Who listens does not collect
     * [events]. If it throws, the next batch comes all the same. It can be asked for once in a client's life, and throws
     * [CallieException.InvalidArgument] after that.
     */
    public fun listen(listener: (List<Event>) -> Unit): Unit = calling {
        native.listen(object : Listener {
            override fun onEvents(events: List<dev.callie.ffi.Event>) = listener(events.map { it.own() })
        })
    }

    /** Where a new token comes from when the server has ended the session; none ends the client then. */
    public fun setTokenSource(source: TokenSource?) {
        val asked = source?.let {
            object : dev.callie.ffi.TokenSource {
                override fun token(username: String, reasonCode: String) = it.token(username, reasonCode)
            }
        }
        calling { native.setTokenSource(asked) }
    }

    /** Ends the client: says goodbye and waits for that, at most a few seconds. It may be called any number of times. */
    public suspend fun disconnect(): Unit = calling { native.disconnect() }

    /** Ends the client; the goodbye goes on in the background. */
    override fun close() {
        scope.launch { native.disconnect() }
    }

    public companion object {
        private const val BATCH = 64

        // How long one fetch waits; another follows at once.
        private const val FETCH_MS = 30_000uL

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

private fun Duration.millis(): ULong = inWholeMilliseconds.coerceAtLeast(0).toULong()
