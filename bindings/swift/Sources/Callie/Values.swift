import CallieNative

/// A file that a message refers to by its URL. Callie servers do not store files.
public struct Attachment: Sendable, Hashable {
    public var kind: AttachmentKind
    /// `http` or `https`.
    public var url: String
    public var filename: String?
    /// In bytes, at most 2^53 − 1.
    public var size: UInt64?
    /// The MIME type, such as `image/png`.
    public var filetype: String?
    /// All of the attachment's metadata. When sending, the three values above take precedence.
    public var metadata: [String: JSONValue]

    public init(
        kind: AttachmentKind, url: String, filename: String? = nil, size: UInt64? = nil, filetype: String? = nil,
        metadata: [String: JSONValue] = [:]
    ) {
        self.kind = kind
        self.url = url
        self.filename = filename
        self.size = size
        self.filetype = filetype
        self.metadata = metadata
    }

    init(_ native: CallieNative.Attachment) {
        self.init(
            kind: native.kind, url: native.url, filename: native.filename, size: native.size, filetype: native.filetype,
            metadata: [String: JSONValue](json: native.metadata ?? "{}"))
    }

    /// The same for the native library.
    func native() throws -> CallieNative.Attachment {
        CallieNative.Attachment(
            kind: kind, url: url, filename: filename, size: size, filetype: filetype,
            metadata: metadata.isEmpty ? nil : try metadata.json)
    }
}

// Values that are the same in the native library.

/// The server's limits.
public typealias Limits = CallieNative.Limits
/// The kind of file that an attachment is.
public typealias AttachmentKind = CallieNative.AttachmentKind
/// Traffic counters since the client was created.
public typealias Stats = CallieNative.Stats
/// One of a user's login sessions.
public typealias SessionInfo = CallieNative.SessionInfo
/// A group that was created.
public typealias Group = CallieNative.Group
/// A group in a list.
public typealias GroupSummary = CallieNative.GroupSummary
/// One page of a list of groups.
public typealias GroupPage = CallieNative.GroupPage
/// A group and one page of its members.
public typealias GroupDetails = CallieNative.GroupDetails
/// One member of a group.
public typealias Member = CallieNative.Member
/// The role of a member in a group.
public typealias Role = CallieNative.Role
/// Who can find and join a group.
public typealias Visibility = CallieNative.Visibility
/// A user's public profile.
public typealias Profile = CallieNative.Profile
/// A user's settings.
public typealias Settings = CallieNative.Settings
/// Who can see whether a user is online.
public typealias PresenceAudience = CallieNative.PresenceAudience
/// Who can send a user direct messages.
public typealias DirectMessages = CallieNative.DirectMessages
/// One page of the users whom a user has blocked.
public typealias BlockedPage = CallieNative.BlockedPage
/// The server's counters. They count from its start.
public typealias ServerStats = CallieNative.ServerStats
/// The first fault of a text that is not a valid payload.
public typealias Fault = CallieNative.Fault
/// The severity of a line of the log.
public typealias LogLevel = CallieNative.LogLevel
