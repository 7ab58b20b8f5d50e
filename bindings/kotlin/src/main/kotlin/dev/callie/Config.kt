package dev.callie

import kotlin.time.Duration

/** The address of a server, how it is trusted, and how long to wait for it. What is null has the library's default. */
public data class Config(
    /** `https://…` (or `wss://…`) with TLS, `http://…` (or `ws://…`) without. */
    val url: String,
    /** The limit for the name lookup, the proxy, TCP and TLS; 15 s by default. */
    val connectTimeout: Duration? = null,
    /** The limit for an HTTP request, the WebSocket handshake or the authentication; 30 s by default. */
    val requestTimeout: Duration? = null,
    /** The limit for a message, a ping or a command until its outcome, connected or not; 60 s by default. */
    val sendTimeout: Duration? = null,
    /** The maximum number of messages, pings and commands without an outcome; 1,000 by default. Further ones are refused. */
    val maxWaiting: Int? = null,
    /** The maximum number of events that wait to be taken; 1,024 by default. Until some are taken, nothing more is read. */
    val eventQueue: Int? = null,
    /** Root certificates to trust besides the bundled ones, each a text in PEM. */
    val extraRoots: List<String> = emptyList(),
    /** Whether the root certificates that Mozilla trusts are trusted. */
    val bundledRoots: Boolean = true,
    /**
     * Public keys of which the server's certificate chain must contain one, unless this is empty: the SHA-256 of a
     * SubjectPublicKeyInfo in hexadecimal.
     */
    val pins: List<String> = emptyList(),
    /** Whether a proxy that the environment names is used. */
    val useProxy: Boolean = true,
    /**
     * The path of a file in which a client keeps messages without an outcome, and which messages the application took. The next
     * client with the file sends the messages, and delivers none again that was taken. It is created if it is missing, with a
     * file of the same name and `.lock` beside it. It contains texts of messages, and no token. One client at a time can use it.
     * Null: nothing is kept.
     */
    val stateFile: String? = null,
) {
    internal fun native() = dev.callie.ffi.Config(
        url.checked("url"),
        connectTimeout?.native(),
        requestTimeout?.native(),
        sendTimeout?.native(),
        maxWaiting?.count("maxWaiting"),
        eventQueue?.count("eventQueue"),
        extraRoots.checked("extraRoots"),
        bundledRoots,
        pins.checked("pins"),
        useProxy,
        stateFile?.checked("stateFile"),
    )
}

private fun Int.count(name: String): UInt {
    if (this < 1) throw CallieException.InvalidArgument("INVALID_ARGUMENT", "$name must be at least 1", null)
    return toUInt()
}
