package dev.callie

import dev.callie.ffi.CallbackException
import dev.callie.ffi.Listener
import dev.callie.ffi.LogSink

// What the application gives to be called, as the native library calls it.

/** Gives a client the token of a new login when the server has ended its session. */
public fun interface TokenSource {
    /**
     * A live token of the same user; called from a thread that may block, once for each refusal. [reasonCode] is the
     * server's, such as `SESSION_EXPIRED`. If it throws, or takes longer than [Config.requestTimeout], the client ends.
     */
    public fun token(username: String, reasonCode: String): String
}

/** Takes what the library logs: never a token or a text of a message. Called from one thread. */
public fun interface Logger {
    /** One line. */
    public fun log(level: LogLevel, target: String, text: String)
}

internal class ListenerCallback(private val listener: (List<Event>) -> Unit) : Listener {
    override fun onEvents(events: List<dev.callie.ffi.Event>) = called { listener(events.map { it.own() }) }
}

internal class TokenCallback(private val source: TokenSource) : dev.callie.ffi.TokenSource {
    override fun token(username: String, reasonCode: String): String =
        called { source.token(username, reasonCode).checked("token") }
}

internal class LogCallback(private val logger: Logger) : LogSink {
    override fun log(level: LogLevel, target: String, text: String) = called { logger.log(level, target, text) }
}

/** Calls the application. Whatever it throws, the native library hears it as one line. */
private inline fun <T> called(callback: () -> T): T =
    try {
        callback()
    } catch (failed: Throwable) {
        throw CallbackException.Failed(failed.toString().repaired())
    }
