package dev.callie

import dev.callie.ffi.CallException
import dev.callie.ffi.InternalException
import dev.callie.ffi.client.ErrorKind
import java.nio.charset.CharacterCodingException
import kotlin.coroutines.cancellation.CancellationException

/** A failure of a call. [code] is stable and for programs, [reason] is for people. */
public sealed class CallieException(
    public val code: String,
    public val reason: String,
    cause: Throwable?,
) : Exception("$reason ($code)", cause) {
    /** An argument is malformed or too large. Nothing was sent. */
    public class InvalidArgument internal constructor(code: String, reason: String, cause: Throwable?) :
        CallieException(code, reason, cause)

    /** The server cannot be reached, or its certificate is not trusted. */
    public class Unreachable internal constructor(code: String, reason: String, cause: Throwable?) :
        CallieException(code, reason, cause)

    /** The server did not answer in time. Whether a command was carried out is unknown. */
    public class TimedOut internal constructor(code: String, reason: String, cause: Throwable?) :
        CallieException(code, reason, cause)

    /** The server refused the request; the code is the server's, such as `FORBIDDEN`. */
    public class Refused internal constructor(code: String, reason: String, cause: Throwable?) :
        CallieException(code, reason, cause)

    /** The server's answer violates the protocol. */
    public class BadAnswer internal constructor(code: String, reason: String, cause: Throwable?) :
        CallieException(code, reason, cause)

    /** Too many messages have no outcome yet, or too many events wait to be taken. */
    public class QueueFull internal constructor(code: String, reason: String, cause: Throwable?) :
        CallieException(code, reason, cause)

    /** The client has ended. Create a new one. */
    public class Closed internal constructor(code: String, reason: String, cause: Throwable?) :
        CallieException(code, reason, cause)

    /** The state that the client keeps beyond its process cannot be read or written; the code begins with `STATE_`. */
    public class State internal constructor(code: String, reason: String, cause: Throwable?) :
        CallieException(code, reason, cause)

    /** An internal error of the library or the operating system. */
    public class Internal internal constructor(code: String, reason: String, cause: Throwable?) :
        CallieException(code, reason, cause)
}

/** Calls the native library. Every failure of the call becomes a [CallieException]. */
internal inline fun <T> calling(call: () -> T): T =
    try {
        CallbackThreads.prepare()
        call()
    } catch (failed: Throwable) {
        throw failed.own()
    }

/** This failure as the application receives it. A cancellation or a lack of memory is not converted. */
internal fun Throwable.own(): Throwable = when (this) {
    is CallieException, is CancellationException -> this
    is CallException -> own()
    is CharacterCodingException -> CallieException.InvalidArgument("INVALID_ARGUMENT", "a text must be valid Unicode", this)
    is LinkageError -> CallieException.Internal("INTERNAL", "the native library could not be loaded: $this", this)
    // Thrown by uniffi, for example after a panic.
    is InternalException, is RuntimeException ->
        CallieException.Internal("INTERNAL", message ?: "a fault of the native library", this)
    else -> this
}

private fun CallException.own(): CallieException = when (this) {
    is CallException.Failed -> when (kind) {
        ErrorKind.INVALID_ARGUMENT -> CallieException.InvalidArgument(code, reason, this)
        ErrorKind.UNREACHABLE -> CallieException.Unreachable(code, reason, this)
        ErrorKind.TIMED_OUT -> CallieException.TimedOut(code, reason, this)
        ErrorKind.REFUSED -> CallieException.Refused(code, reason, this)
        ErrorKind.BAD_ANSWER -> CallieException.BadAnswer(code, reason, this)
        ErrorKind.QUEUE_FULL -> CallieException.QueueFull(code, reason, this)
        ErrorKind.CLOSED -> CallieException.Closed(code, reason, this)
        ErrorKind.STATE -> CallieException.State(code, reason, this)
        ErrorKind.INTERNAL -> CallieException.Internal(code, reason, this)
    }
}
