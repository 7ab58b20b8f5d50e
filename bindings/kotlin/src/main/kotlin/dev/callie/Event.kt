package dev.callie

import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import java.time.Instant
import kotlin.time.Duration
import kotlin.time.toKotlinDuration

/** Something that happened to a client or its user. */
public sealed interface Event {
    /** The state of the connection changed. The end of the client is reported by [Closed] alone. */
    public data class ConnectionChanged(val state: ConnectionState) : Event

    /** The sending of a message ended. Every message has one such event, whether or not its [Ticket] is still referred to. */
    public data class Ended(val ticket: ULong, val messageId: String, val outcome: SendOutcome) : Event

    /** A chat message, from another user or from this one on another connection. */
    public data class Message(
        val sender: String,
        /** This user, a group ID or `BROADCAST`. */
        val recipient: String,
        /** The sender's claim. */
        val sentAt: Instant,
        val payloadId: String,
        /** What edits and deletions refer to. */
        val messageId: String,
        /** In Markdown. */
        val text: String,
        val attachments: List<Attachment>,
        /** Added by the sender. The protocol reserves the keys `ack` and `inReplyTo`. */
        val metadata: JsonObject,
    ) : Event

    /**
     * A message that the server had kept was delivered, and confirmed by its recipient. For a message to a group, each member
     * for whom it was kept confirms it.
     */
    public data class DeliveredLate(val payloadId: String, val messageId: String) : Event

    /** A notice from the server that is not the outcome of a send: a user came online, a group changed. */
    public data class Notice(
        /** For programs, such as `USER_JOINED`. */
        val code: String,
        /** For people. */
        val description: String,
        /** The payload that the notice is about, if any. */
        val inReplyTo: String?,
        val username: String?,
        val groupId: String?,
        val messageId: String?,
        /** All metadata of the notice; which members there are depends on the code. */
        val metadata: JsonObject,
        val sentAt: Instant,
    ) : Event

    /** The author of a message replaced its text. */
    public data class Edited(
        val messageId: String,
        val sender: String,
        val recipient: String,
        val text: String,
    ) : Event

    /** A message was deleted. A program that does not know the message ignores the event. */
    public data class Deleted(
        val messageId: String,
        val sender: String,
        val recipient: String,
        val deletedBy: String,
    ) : Event

    /** A short-lived signal, such as a typing indicator. */
    public data class Signal(
        val sender: String,
        val recipient: String,
        /** `typing`, `read` or another name. */
        val kind: String,
        val data: JsonElement?,
    ) : Event

    /** A SYS or CMD payload of a later version of the protocol. */
    public data class Unknown(val payload: JsonObject) : Event

    /** The server sent a text that is not a valid payload. It was ignored. */
    public data class Unreadable(val code: String, val path: String, val reason: String) : Event

    /** The client has ended. This is always the last event. */
    public data class Closed(
        /** The WebSocket close code; 1000 after [Client.disconnect]. */
        val closeCode: Int,
        /** The reason, for programs: the server's code, such as `SESSION_REVOKED`, or `DISCONNECTED` or `CLOSED`. */
        val code: String,
        val reason: String,
    ) : Event
}

/** The state of a connection. */
public sealed interface ConnectionState {
    /** Not connected, and not trying to connect: not started yet, suspended, or [Client.connect] failed. */
    public data object Suspended : ConnectionState

    /** Opening a connection or authenticating on it. */
    public data object Connecting : ConnectionState

    /**
     * Connected and authenticated; [expiresAt] is when the session ends if it is not used. If [resumed], the connection continues
     * the one before, and nothing is missing; otherwise payloads may be missing that were sent to the user since the last
     * connection was lost.
     */
    public data class Online(val expiresAt: Instant?, val limits: Limits, val resumed: Boolean) : ConnectionState

    /**
     * Not connected; the client tries again after [retryIn]. [closeCode] is that of the last connection, 1006 if it was lost
     * without one or never opened.
     */
    public data class Waiting(val retryIn: Duration, val closeCode: Int, val reason: String) : ConnectionState

    /** The client has ended. */
    public data object Closed : ConnectionState
}

/** How the sending of a message ended. */
public sealed interface SendOutcome {
    /**
     * The recipient's client, or that of at least one member of the group, confirmed it. The counts are null if the server's
     * answer was lost with a connection. [stored] of the [offline] members are those for whom the server keeps the message.
     */
    public data class Delivered(
        val confirmed: Long?,
        val unconfirmed: Long?,
        val offline: Long?,
        val stored: Long?,
    ) : SendOutcome

    /**
     * The recipient, or every other member of the group, is offline: the server keeps it, and delivers it later if the recipient
     * takes messages from this user. [Event.DeliveredLate] reports that.
     */
    public data object Stored : SendOutcome

    /** The server accepted it; no confirmation was requested. */
    public data object Sent : SendOutcome

    /** The recipient, or every other member of the group, is offline: it did not arrive. */
    public data object Offline : SendOutcome

    /**
     * It did not arrive. [code] is the server's, such as `RECIPIENT_UNKNOWN`, or `EXPIRED` or `DISCONNECTED`; [path] is the place
     * of the fault in the payload, a JSON Pointer, or empty.
     */
    public data class Failed(val code: String, val reason: String, val path: String) : SendOutcome

    /** It was sent; whether it arrived is unknown. */
    public data object Unconfirmed : SendOutcome

    /**
     * It has no outcome yet: the client has ended, and its state keeps the message. The next client with this state continues with
     * it, and reports its outcome.
     */
    public data object Pending : SendOutcome
}

internal fun dev.callie.ffi.client.Event.own(): Event = when (this) {
    is dev.callie.ffi.client.Event.ConnectionChanged -> Event.ConnectionChanged(v1.own())
    is dev.callie.ffi.client.Event.Ended -> Event.Ended(ticket, messageId, outcome.own())
    is dev.callie.ffi.client.Event.Message -> v1.own()
    is dev.callie.ffi.client.Event.DeliveredLate -> Event.DeliveredLate(payloadId, messageId)
    is dev.callie.ffi.client.Event.Notice -> v1.own()
    is dev.callie.ffi.client.Event.Edited -> Event.Edited(messageId, sender, recipient, text)
    is dev.callie.ffi.client.Event.Deleted -> Event.Deleted(messageId, sender, recipient, deletedBy)
    is dev.callie.ffi.client.Event.Signal -> Event.Signal(sender, recipient, kind, data?.let(::json))
    is dev.callie.ffi.client.Event.Unknown -> Event.Unknown(jsonObject(v1))
    is dev.callie.ffi.client.Event.Unreadable -> Event.Unreadable(v1.code, v1.path, v1.reason)
    is dev.callie.ffi.client.Event.Closed -> Event.Closed(v1.closeCode.toInt(), v1.code, v1.reason)
}

private fun dev.callie.ffi.client.Message.own() = Event.Message(
    sender, recipient, sentAt, payloadId, messageId, text,
    if (attachments.isEmpty()) emptyList() else attachments.map { it.own() },
    jsonObject(metadata),
)

private fun dev.callie.ffi.client.Notice.own() = Event.Notice(
    code, description, inReplyTo, username, groupId, messageId, jsonObject(metadata), sentAt,
)

internal fun dev.callie.ffi.client.ConnectionState.own(): ConnectionState = when (this) {
    is dev.callie.ffi.client.ConnectionState.Suspended -> ConnectionState.Suspended
    is dev.callie.ffi.client.ConnectionState.Connecting -> ConnectionState.Connecting
    is dev.callie.ffi.client.ConnectionState.Online -> ConnectionState.Online(expiresAt, limits, resumed)
    is dev.callie.ffi.client.ConnectionState.Waiting ->
        ConnectionState.Waiting(retryIn.toKotlinDuration(), closeCode.toInt(), reason)
    is dev.callie.ffi.client.ConnectionState.Closed -> ConnectionState.Closed
}

internal fun dev.callie.ffi.client.SendOutcome.own(): SendOutcome = when (this) {
    is dev.callie.ffi.client.SendOutcome.Delivered ->
        SendOutcome.Delivered(confirmed?.clamped(), unconfirmed?.clamped(), offline?.clamped(), stored?.clamped())
    is dev.callie.ffi.client.SendOutcome.Stored -> SendOutcome.Stored
    is dev.callie.ffi.client.SendOutcome.Sent -> SendOutcome.Sent
    is dev.callie.ffi.client.SendOutcome.Offline -> SendOutcome.Offline
    is dev.callie.ffi.client.SendOutcome.Failed -> SendOutcome.Failed(v1.code, v1.reason, v1.path)
    is dev.callie.ffi.client.SendOutcome.Unconfirmed -> SendOutcome.Unconfirmed
    is dev.callie.ffi.client.SendOutcome.Pending -> SendOutcome.Pending
}
