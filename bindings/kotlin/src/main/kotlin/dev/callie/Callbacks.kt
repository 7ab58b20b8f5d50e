package dev.callie

import dev.callie.ffi.CallbackException
import dev.callie.ffi.Listener
import dev.callie.ffi.LogSink

// The callbacks of the application, in the form that the native library calls.

/** Returns a new token when the server has ended the session. */
public fun interface TokenSource {
    /**
     * Returns a valid token of the same user. It is called once for each refusal, on a thread that may block. [reasonCode] is the
     * server's code, such as `SESSION_EXPIRED`. If it throws, or takes longer than [Config.requestTimeout], the client ends.
     */
    public fun token(username: String, reasonCode: String): String
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
