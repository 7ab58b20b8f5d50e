package dev.callie

// Plain values cross as they are; these are their names here.

/** What a server allows. */
public typealias Limits = dev.callie.ffi.Limits

/** A file that goes with a message, by its URL. */
public typealias Attachment = dev.callie.ffi.Attachment

/** What kind of file an attachment is. */
public typealias AttachmentKind = dev.callie.ffi.AttachmentKind

/** Where the server is, how it is to be trusted, and how long to wait for it. */
public typealias Config = dev.callie.ffi.Config

/** Counts since a client was made. */
public typealias Statistics = dev.callie.ffi.Statistics

/** A group that was made. */
public typealias Group = dev.callie.ffi.Group

/** A group in a list. */
public typealias GroupSummary = dev.callie.ffi.GroupSummary

/** One page of a list of groups. */
public typealias GroupPage = dev.callie.ffi.GroupPage

/** A group and one page of its members. */
public typealias GroupDetails = dev.callie.ffi.GroupDetails

/** One member of a group. */
public typealias Member = dev.callie.ffi.Member

/** What a member may do in a group. */
public typealias Role = dev.callie.ffi.Role

/** Who can find and join a group. */
public typealias Visibility = dev.callie.ffi.Visibility

/** What a user tells of themselves. */
public typealias Profile = dev.callie.ffi.Profile

/** A user's settings. */
public typealias Settings = dev.callie.ffi.Settings

/** Who learns whether a user is online. */
public typealias PresenceAudience = dev.callie.ffi.PresenceAudience

/** Who may write to a user directly. */
public typealias DirectMessages = dev.callie.ffi.DirectMessages

/** One page of those whom a user blocked. */
public typealias BlockedPage = dev.callie.ffi.BlockedPage

/** One of a user's sessions. */
public typealias SessionInfo = dev.callie.ffi.SessionInfo

/** The server's figures. */
public typealias ServerStats = dev.callie.ffi.ServerStats

/** The first fault of a payload. */
public typealias PayloadFault = dev.callie.ffi.PayloadFault

/** How much a line of the log matters. */
public typealias LogLevel = dev.callie.ffi.LogLevel
