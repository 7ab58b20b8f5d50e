package dev.callie

import java.time.Instant
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds

/** Something for the application. Metadata and data are JSON. */
public sealed interface Event {
    /** The connection changed. */
    public data class Connection(val state: ConnectionState) : Event

    /** A message that was sent is over: told once for each, whether or not its ticket is still held. */
    public data class Ended(val ticket: ULong, val messageId: String, val ending: Ending) : Event

    /** A chat message: from another user, or from this one on another connection. */
    public data class Message(
        val sender: String,
        /** Where it was sent: this user, a group's ID or `BROADCAST`. */
        val recipient: String,
        val timestamp: Instant,
        val payloadId: String,
        val messageId: String,
        val text: String,
        val attachments: List<Attachment>,
        val metadata: String,
    ) : Event

    /** A notice of the server that ends nothing that was sent: who came and went, that a group changed. */
    public data class Notice(
        /** For programs, such as `USER_JOINED`. */
        val code: String,
        val description: String,
        val inReplyTo: String?,
        val username: String?,
        val groupId: String?,
        val messageId: String?,
        val metadata: String,
        val timestamp: Instant,
    ) : Event

    /** A message that somebody sent has another text now. */
    public data class Edited(
        val messageId: String,
        val sender: String,
        val recipient: String,
        val text: String,
    ) : Event

    /** A message is to be dropped. */
    public data class Deleted(
        val messageId: String,
        val sender: String,
        val recipient: String,
        val deletedBy: String,
    ) : Event

    /** Somebody says something fleeting, such as that they are typing. */
    public data class Signal(
        val sender: String,
        val recipient: String,
        val kind: String,
        val data: String?,
    ) : Event

    /** A payload of the server that this version does not know, whole, as JSON. */
    public data class Unknown(val payload: String) : Event

    /** The server sent a text that is not a valid payload; nothing acted on it. */
    public data class Unreadable(val code: String, val path: String, val reason: String) : Event

    /** The last event: the client has ended. */
    public data class Closed(
        /** The WebSocket close code; 1000 when the application asked for the end. */
        val closeCode: Int,
        /** What the server said, such as `SESSION_REVOKED`, else `DISCONNECTED` or `CLOSED`. */
        val code: String,
        val reason: String,
    ) : Event
}

/** How a client stands to its server. */
public sealed interface ConnectionState {
    /** Not connected, and not trying: not started yet, suspended, or it could not connect when asked to once. */
    public data object Suspended : ConnectionState

    /** Opening a connection or authenticating on it. */
    public data object Connecting : ConnectionState

    /** Connected and authenticated; [expiresAt] is when the session ends if it is not used. */
    public data class Online(val expiresAt: Instant?, val limits: Limits) : ConnectionState

    /** Not connected; it tries again by itself. */
    public data class Waiting(val retryIn: Duration, val closeCode: Int, val reason: String) : ConnectionState

    /** The client has ended. */
    public data object Closed : ConnectionState
}

/** How a message is over. */
public sealed interface Ending {
    /** The recipient's client, or some of the group's, confirmed it; counts are null where they were lost with a connection. */
    public data class Delivered(val confirmed: Long?, val unconfirmed: Long?, val offline: Long?) : Ending

    /** The server took it; no confirmation was asked for. */
    public data object Sent : Ending

    /** The recipient is offline, or nobody in the group is online: it did not arrive. */
    public data object Offline : Ending

    /** It did not arrive. [code] is the server's, such as `RECIPIENT_UNKNOWN`, else `EXPIRED` or `DISCONNECTED`. */
    public data class Failed(val code: String, val reason: String, val path: String) : Ending

    /** It was sent and may or may not have arrived. */
    public data object Unconfirmed : Ending
}

internal fun dev.callie.ffi.Event.own(): Event = when (this) {
    is dev.callie.ffi.Event.Connection -> Event.Connection(state.own())
    is dev.callie.ffi.Event.Ended -> Event.Ended(ticket, messageId, ending.own())
    is dev.callie.ffi.Event.Message -> Event.Message(
        sender, recipient, Instant.ofEpochMilli(timestampMs), payloadId, messageId, text, attachments, metadata,
    )
    is dev.callie.ffi.Event.Notice -> Event.Notice(
        code, description, inReplyTo, username, groupId, messageId, metadata, Instant.ofEpochMilli(timestampMs),
    )
    is dev.callie.ffi.Event.Edited -> Event.Edited(messageId, sender, recipient, text)
    is dev.callie.ffi.Event.Deleted -> Event.Deleted(messageId, sender, recipient, deletedBy)
    is dev.callie.ffi.Event.Signal -> Event.Signal(sender, recipient, kind, data)
    is dev.callie.ffi.Event.Unknown -> Event.Unknown(payload)
    is dev.callie.ffi.Event.Unreadable -> Event.Unreadable(code, path, reason)
    is dev.callie.ffi.Event.Closed -> Event.Closed(closeCode.toInt(), code, reason)
}

internal fun dev.callie.ffi.ConnectionState.own(): ConnectionState = when (this) {
    is dev.callie.ffi.ConnectionState.Suspended -> ConnectionState.Suspended
    is dev.callie.ffi.ConnectionState.Connecting -> ConnectionState.Connecting
    is dev.callie.ffi.ConnectionState.Online ->
        ConnectionState.Online(expiresAtMs?.let(Instant::ofEpochMilli), limits)
    is dev.callie.ffi.ConnectionState.Waiting ->
        ConnectionState.Waiting(retryInMs.clamped().milliseconds, closeCode.toInt(), reason)
    is dev.callie.ffi.ConnectionState.Closed -> ConnectionState.Closed
}

internal fun dev.callie.ffi.Ending.own(): Ending = when (this) {
    is dev.callie.ffi.Ending.Delivered ->
        Ending.Delivered(confirmed?.clamped(), unconfirmed?.clamped(), offline?.clamped())
    is dev.callie.ffi.Ending.Sent -> Ending.Sent
    is dev.callie.ffi.Ending.Offline -> Ending.Offline
    is dev.callie.ffi.Ending.Failed -> Ending.Failed(code, reason, path)
    is dev.callie.ffi.Ending.Unconfirmed -> Ending.Unconfirmed
}

/** This, or the largest number that there is. */
internal fun ULong.clamped(): Long = coerceAtMost(Long.MAX_VALUE.toULong()).toLong()
