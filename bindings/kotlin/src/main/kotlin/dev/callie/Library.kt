package dev.callie

/** Sends the log of the library, up to [level], to [logger], which replaces the previous one; null stops logging. */
public fun setLogger(level: LogLevel, logger: Logger?) {
    calling { dev.callie.ffi.setLogger(level, logger?.let(::LogCallback)) }
}

/** Returns the first fault of a text that a client would send to a server with default limits; null if it is valid. */
public fun checkPayload(text: String): Fault? =
    calling { dev.callie.ffi.checkPayload(text.checked("text")) }

/** Returns the first fault of a text that a server would send to a client; null if it is valid. */
public fun checkServerPayload(text: String): Fault? =
    calling { dev.callie.ffi.checkServerPayload(text.checked("text")) }

/** Returns the version of the library, such as `0.1.0`. */
public fun version(): String = calling { dev.callie.ffi.version() }
