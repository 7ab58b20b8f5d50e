import CallieNative
import Foundation

/// Something for the application. Metadata and data are JSON.
public enum Event: Sendable, Hashable {
    /// The connection changed.
    case connection(ConnectionState)
    /// A message that was sent is over: told once for each, whether or not its ticket is still held.
    case ended(Ended)
    /// A chat message: from another user, or from this one on another connection.
    case message(Message)
    /// A notice of the server that ends nothing that was sent: who came and went, that a group changed.
    case notice(Notice)
    /// A message that somebody sent has another text now.
    case edited(Edited)
    /// A message is to be dropped.
    case deleted(Deleted)
    /// Somebody says something fleeting, such as that they are typing.
    case signal(Signal)
    /// A payload of the server that this version does not know, whole, as JSON.
    case unknown(payload: String)
    /// The server sent a text that is not a valid payload; nothing acted on it.
    case unreadable(Unreadable)
    /// The last event: the client has ended.
    case closed(Closed)

    /// How a message that was sent is over.
    public struct Ended: Sendable, Hashable {
        /// The ticket's number.
        public let ticket: UInt64
        public let messageId: String
        public let ending: Ending
    }

    /// A chat message.
    public struct Message: Sendable, Hashable {
        public let sender: String
        /// Where it was sent: this user, a group's ID or `BROADCAST`.
        public let recipient: String
        public let date: Date
        public let payloadId: String
        /// Edits and deletions name it.
        public let messageId: String
        /// The text, in Markdown.
        public let text: String
        public let attachments: [Attachment]
        public let metadata: String
    }

    /// A notice of the server.
    public struct Notice: Sendable, Hashable {
        /// For programs, such as `USER_JOINED`.
        public let code: String
        public let description: String
        public let inReplyTo: String?
        public let username: String?
        public let groupId: String?
        public let messageId: String?
        public let metadata: String
        public let date: Date
    }

    /// A message's new text.
    public struct Edited: Sendable, Hashable {
        public let messageId: String
        public let sender: String
        public let recipient: String
        public let text: String
    }

    /// A message that is to be dropped.
    public struct Deleted: Sendable, Hashable {
        public let messageId: String
        public let sender: String
        public let recipient: String
        public let deletedBy: String
    }

    /// Something fleeting.
    public struct Signal: Sendable, Hashable {
        public let sender: String
        public let recipient: String
        /// What it is about, such as `typing` or `read`.
        public let kind: String
        public let data: String?
    }

    /// A fault of the server's.
    public struct Unreadable: Sendable, Hashable {
        public let code: String
        public let path: String
        public let reason: String
    }

    /// The end.
    public struct Closed: Sendable, Hashable {
        /// The WebSocket close code; 1000 when the application asked for the end.
        public let closeCode: UInt16
        /// What the server said, such as `SESSION_REVOKED`, else `DISCONNECTED` or `CLOSED`.
        public let code: String
        public let reason: String
    }
}

extension Event {
    init(_ event: CallieNative.Event) {
        switch event {
        case .connection(let state):
            self = .connection(state)
        case .ended(let ticket, let messageId, let ending):
            self = .ended(Ended(ticket: ticket, messageId: messageId, ending: ending))
        case .message(
            let sender, let recipient, let timestampMs, let payloadId, let messageId, let text, let attachments,
            let metadata):
            self = .message(
                Message(
                    sender: sender, recipient: recipient, date: Date(milliseconds: timestampMs), payloadId: payloadId,
                    messageId: messageId, text: text, attachments: attachments, metadata: metadata))
        case .notice(
            let code, let description, let inReplyTo, let username, let groupId, let messageId, let metadata,
            let timestampMs):
            self = .notice(
                Notice(
                    code: code, description: description, inReplyTo: inReplyTo, username: username, groupId: groupId,
                    messageId: messageId, metadata: metadata, date: Date(milliseconds: timestampMs)))
        case .edited(let messageId, let sender, let recipient, let text):
            self = .edited(Edited(messageId: messageId, sender: sender, recipient: recipient, text: text))
        case .deleted(let messageId, let sender, let recipient, let deletedBy):
            self = .deleted(Deleted(messageId: messageId, sender: sender, recipient: recipient, deletedBy: deletedBy))
        case .signal(let sender, let recipient, let kind, let data):
            self = .signal(Signal(sender: sender, recipient: recipient, kind: kind, data: data))
        case .unknown(let payload):
            self = .unknown(payload: payload)
        case .unreadable(let code, let path, let reason):
            self = .unreadable(Unreadable(code: code, path: path, reason: reason))
        case .closed(let closeCode, let code, let reason):
            self = .closed(Closed(closeCode: closeCode, code: code, reason: reason))
        }
    }
}
