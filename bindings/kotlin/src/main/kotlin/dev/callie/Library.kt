package dev.callie

/** Hands what the library logs, up to [level], to [logger] from now on, in place of any before; without one to nobody. */
public fun setLogger(level: LogLevel, logger: Logger?) {
    calling { dev.callie.ffi.setLogger(level, logger?.let(::LogCallback)) }
}

/** What is wrong with a text that a client would send to a server with the default limits; null if it is valid. */
public fun checkPayload(text: String): PayloadFault? =
    calling { dev.callie.ffi.checkPayload(text.checked("text")) }

/** What is wrong with a text that a server would send to a client; null if it is valid. */
public fun checkServerPayload(text: String): PayloadFault? =
    calling { dev.callie.ffi.checkServerPayload(text.checked("text")) }

/** The version of the native library, such as `0.1.0`. */
public fun version(): String = calling { dev.callie.ffi.version() }
