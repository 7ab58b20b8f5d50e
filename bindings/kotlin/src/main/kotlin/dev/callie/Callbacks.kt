package dev.callie

import dev.callie.ffi.CallbackException
import dev.callie.ffi.Listener
import dev.callie.ffi.LogSink
import dev.callie.ffi.StateRecord

// The callbacks of the application, in the form that the native library calls.

/** Returns a new token when the server has ended the session. */
public fun interface TokenSource {
    /**
     * Returns a valid token of the same user. It is called once for each refusal, on a thread that may block. [reasonCode] is the
     * server's code, such as `SESSION_EXPIRED`. If it throws, or takes longer than [Config.requestTimeout], the client ends.
     */
    public fun token(username: String, reasonCode: String): String
}

/**
 * A place of the application in which a client keeps its state, in place of a file: to encrypt it, or to use a database.
 *
 * A store belongs to one client, which calls it on one thread that may block. While a call runs, the client accepts and transmits
 * no messages. The methods must not call the client: a message sent in them fails. Keys are texts of at most 256 visible ASCII
 * characters. Values are bytes that only the client reads; they contain texts of messages, and never a token.
 */
public interface StateStore {
    /** Returns all records that are stored; none the first time. It is called once, before all else. */
    public fun load(): Map<String, ByteArray>

    /**
     * Stores [puts], each in place of any record with the same key, and removes the records with the keys [deletes], which need not
     * exist. No key is in both. Either all of this is stored when the call returns, or none of it and the call throws. Then the
     * client ends with the code `STATE_UNAVAILABLE`.
     */
    public fun write(puts: Map<String, ByteArray>, deletes: List<String>)
}

/** Receives the log of the library. Lines contain no tokens and no message texts. It is called on one thread. */
public fun interface Logger {
    /** Receives one line. */
    public fun log(level: LogLevel, target: String, text: String)
}

/**
 * Passes events to [listener]: first those that an iteration has fetched and not passed on.
 *
 * It refers to the inbox only until then. Otherwise the listener, which the native client owns, would keep its client alive.
 */
internal class ListenerCallback(private var inbox: Inbox?, private val listener: (List<Event>) -> Unit) : Listener {
    override fun onEvents(events: List<dev.callie.ffi.client.Event>) = called {
        val fetched = inbox?.drain().orEmpty()
        inbox = null
        val all = fetched + events.map { it.own() }
        if (all.isNotEmpty()) listener(all)
    }
}

internal class TokenCallback(private val source: TokenSource) : dev.callie.ffi.TokenSource {
    override fun token(username: String, reasonCode: String): String =
        called { source.token(username, reasonCode).checked("token") }
}

internal class StoreCallback(private val store: StateStore) : dev.callie.ffi.StateStore {
    override fun load(): List<StateRecord> =
        called { store.load().map { (key, value) -> StateRecord(key.checked("key"), value) } }

    override fun write(puts: List<StateRecord>, deletes: List<String>) =
        called { store.write(puts.associate { it.key to it.value }, deletes) }
}

internal class LogCallback(private val logger: Logger) : LogSink {
    override fun log(level: LogLevel, target: String, text: String) = called { logger.log(level, target, text) }
}

/** Calls the application. Everything that it throws is passed to the native library as one line. */
private inline fun <T> called(callback: () -> T): T =
    try {
        callback()
    } catch (failed: Throwable) {
        throw CallbackException.Failed(failed.toString().repaired())
    }
