package dev.callie

import dev.callie.ffi.AccountException
import dev.callie.ffi.ConnectException
import dev.callie.ffi.InternalException
import dev.callie.ffi.ReceiveException
import dev.callie.ffi.RequestException
import dev.callie.ffi.SendException
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

    /** An internal error of the library or the operating system. */
    public class Internal internal constructor(code: String, reason: String, cause: Throwable?) :
        CallieException(code, reason, cause)
}

/** Calls the native library. Every failure of the call becomes a [CallieException]. */
internal inline fun <T> calling(call: () -> T): T =
    try {
        call()
    } catch (failed: Throwable) {
        throw failed.own()
    }

/** This failure as the application receives it. A cancellation or a lack of memory is not converted. */
internal fun Throwable.own(): Throwable = when (this) {
    is CallieException, is CancellationException -> this
    is AccountException -> own()
    is ConnectException -> own()
    is SendException -> own()
    is RequestException -> own()
    is ReceiveException -> own()
    is CharacterCodingException -> CallieException.InvalidArgument("INVALID_ARGUMENT", "a text must be valid Unicode", this)
    is LinkageError -> CallieException.Internal("INTERNAL", "the native library could not be loaded: $this", this)
    // Thrown by uniffi, for example after a panic.
    is InternalException, is RuntimeException ->
        CallieException.Internal("INTERNAL", message ?: "a fault of the native library", this)
    else -> this
}

internal fun AccountException.own(): CallieException = when (this) {
    is AccountException.InvalidArgument -> CallieException.InvalidArgument(code, reason, this)
    is AccountException.Unreachable -> CallieException.Unreachable(code, reason, this)
    is AccountException.TimedOut -> CallieException.TimedOut(code, reason, this)
    is AccountException.Refused -> CallieException.Refused(code, reason, this)
    is AccountException.BadAnswer -> CallieException.BadAnswer(code, reason, this)
    is AccountException.Internal -> CallieException.Internal(code, reason, this)
}

internal fun ConnectException.own(): CallieException = when (this) {
    is ConnectException.InvalidArgument -> CallieException.InvalidArgument(code, reason, this)
    is ConnectException.Unreachable -> CallieException.Unreachable(code, reason, this)
    is ConnectException.TimedOut -> CallieException.TimedOut(code, reason, this)
    is ConnectException.Refused -> CallieException.Refused(code, reason, this)
    is ConnectException.BadAnswer -> CallieException.BadAnswer(code, reason, this)
    is ConnectException.Closed -> CallieException.Closed(code, reason, this)
    is ConnectException.Internal -> CallieException.Internal(code, reason, this)
}

internal fun SendException.own(): CallieException = when (this) {
    is SendException.InvalidArgument -> CallieException.InvalidArgument(code, reason, this)
    is SendException.QueueFull -> CallieException.QueueFull(code, reason, this)
    is SendException.Closed -> CallieException.Closed(code, reason, this)
    is SendException.Internal -> CallieException.Internal(code, reason, this)
}

internal fun RequestException.own(): CallieException = when (this) {
    is RequestException.InvalidArgument -> CallieException.InvalidArgument(code, reason, this)
    is RequestException.QueueFull -> CallieException.QueueFull(code, reason, this)
    is RequestException.TimedOut -> CallieException.TimedOut(code, reason, this)
    is RequestException.Refused -> CallieException.Refused(code, reason, this)
    is RequestException.BadAnswer -> CallieException.BadAnswer(code, reason, this)
    is RequestException.Closed -> CallieException.Closed(code, reason, this)
    is RequestException.Internal -> CallieException.Internal(code, reason, this)
}

internal fun ReceiveException.own(): CallieException = when (this) {
    is ReceiveException.InvalidArgument -> CallieException.InvalidArgument(code, reason, this)
    is ReceiveException.Closed -> CallieException.Closed(code, reason, this)
    is ReceiveException.Internal -> CallieException.Internal(code, reason, this)
}
