package dev.callie

import dev.callie.ffi.LogSink

/** Takes what the library logs: never a token or a text of a message. Called from one thread. */
public fun interface Logger {
    /** One line. */
    public fun log(level: LogLevel, target: String, text: String)
}

/** Hands what the library logs, up to [level], to [logger] from now on, in place of any before; without one to nobody. */
public fun setLogger(level: LogLevel, logger: Logger?) {
    calling { dev.callie.ffi.setLogger(level, logger?.let(::Sink)) }
}

private class Sink(private val logger: Logger) : LogSink {
    override fun log(level: LogLevel, target: String, text: String) = logger.log(level, target, text)
}

/** What is wrong with a text that a client would send to a server with the default limits; null if it is valid. */
public fun checkPayload(text: String): PayloadFault? = calling { dev.callie.ffi.checkPayload(text) }

/** What is wrong with a text that a server would send to a client; null if it is valid. */
public fun checkServerPayload(text: String): PayloadFault? = calling { dev.callie.ffi.checkServerPayload(text) }

/** The version of the native library, such as `0.1.0`. */
public fun version(): String = calling { dev.callie.ffi.version() }
