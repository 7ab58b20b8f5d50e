import CallieNative

// Plain values cross as they are; these are their names here.

/// What a server allows.
public typealias Limits = CallieNative.Limits
/// How a client stands to its server.
public typealias ConnectionState = CallieNative.ConnectionState
/// How a message is over.
public typealias Ending = CallieNative.Ending
/// A file that goes with a message, by its URL.
public typealias Attachment = CallieNative.Attachment
/// What kind of file an attachment is.
public typealias AttachmentKind = CallieNative.AttachmentKind
/// Where the server is, how it is to be trusted, and how long to wait for it.
public typealias Config = CallieNative.Config
/// Counts since a client was made.
public typealias Statistics = CallieNative.Statistics
/// A group that was made.
public typealias Group = CallieNative.Group
/// A group in a list.
public typealias GroupSummary = CallieNative.GroupSummary
/// One page of a list of groups.
public typealias GroupPage = CallieNative.GroupPage
/// A group and one page of its members.
public typealias GroupDetails = CallieNative.GroupDetails
/// One member of a group.
public typealias Member = CallieNative.Member
/// What a member may do in a group.
public typealias Role = CallieNative.Role
/// Who can find and join a group.
public typealias Visibility = CallieNative.Visibility
/// What a user tells of themselves.
public typealias Profile = CallieNative.Profile
/// A user's settings.
public typealias Settings = CallieNative.Settings
/// Who learns whether a user is online.
public typealias PresenceAudience = CallieNative.PresenceAudience
/// Who may write to a user directly.
public typealias DirectMessages = CallieNative.DirectMessages
/// One page of those whom a user blocked.
public typealias BlockedPage = CallieNative.BlockedPage
/// One of a user's sessions.
public typealias SessionInfo = CallieNative.SessionInfo
/// The server's figures.
public typealias ServerStats = CallieNative.ServerStats
/// The first fault of a payload.
public typealias PayloadFault = CallieNative.PayloadFault
/// How much a line of the log matters.
public typealias LogLevel = CallieNative.LogLevel
