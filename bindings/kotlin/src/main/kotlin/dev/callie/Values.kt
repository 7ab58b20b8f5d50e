package dev.callie

import kotlinx.serialization.json.JsonObject

/** A file that a message refers to by its URL. Callie servers do not store files. */
public data class Attachment(
    val kind: AttachmentKind,
    /** `http` or `https`. */
    val url: String,
    val filename: String? = null,
    /** In bytes, at most 2^53 − 1. */
    val size: ULong? = null,
    /** The MIME type, such as `image/png`. */
    val filetype: String? = null,
    /** All of the attachment's metadata. When sending, the three values above take precedence. */
    val metadata: JsonObject = JsonObject(emptyMap()),
) {
    internal fun native() = dev.callie.ffi.client.Attachment(
        kind,
        url.checked("an attachment's url"),
        filename?.checked("an attachment's filename"),
        size,
        filetype?.checked("an attachment's filetype"),
        if (metadata.isEmpty()) null else metadata.text("an attachment's metadata"),
    )
}

internal fun dev.callie.ffi.client.Attachment.own() =
    Attachment(kind, url, filename, size, filetype, jsonObject(metadata ?: "{}"))

// Values that are the same in the native library.

/** The server's limits. */
public typealias Limits = dev.callie.ffi.client.Limits

/** The kind of file that an attachment is. */
public typealias AttachmentKind = dev.callie.ffi.client.AttachmentKind

/** Traffic counters since the client was created. */
public typealias Stats = dev.callie.ffi.client.Stats

/** One of a user's login sessions. */
public typealias SessionInfo = dev.callie.ffi.SessionInfo

/** A group that was created. */
public typealias Group = dev.callie.ffi.Group

/** A group in a list. */
public typealias GroupSummary = dev.callie.ffi.GroupSummary

/** One page of a list of groups. */
public typealias GroupPage = dev.callie.ffi.GroupPage

/** A group and one page of its members. */
public typealias GroupDetails = dev.callie.ffi.GroupDetails

/** One member of a group. */
public typealias Member = dev.callie.ffi.Member

/** The role of a member in a group. */
public typealias Role = dev.callie.ffi.Role

/** Who can find and join a group. */
public typealias Visibility = dev.callie.ffi.Visibility

/** A user's public profile. */
public typealias Profile = dev.callie.ffi.Profile

/** A user's settings. */
public typealias Settings = dev.callie.ffi.Settings

/** Who can see whether a user is online. */
public typealias PresenceAudience = dev.callie.ffi.PresenceAudience

/** Who can send a user direct messages. */
public typealias DirectMessages = dev.callie.ffi.DirectMessages

/** One page of the users whom a user has blocked. */
public typealias BlockedPage = dev.callie.ffi.BlockedPage

/** The server's counters. They count from its start. */
public typealias ServerStats = dev.callie.ffi.ServerStats

/** The first fault of a text that is not a valid payload. */
public typealias Fault = dev.callie.ffi.client.Fault

/** The severity of a line of the log. */
public typealias LogLevel = dev.callie.ffi.LogLevel
