import CallieNative
import Foundation

/// Something that happened to a client or its user.
public enum Event: Sendable, Hashable {
    /// The state of the connection changed. The end of the client is reported by `closed` alone.
    case connectionChanged(ConnectionState)
    /// The sending of a message ended. Every message has one such event, whether or not its ticket is still referred to.
    case ended(Ended)
    /// A chat message, from another user or from this one on another connection.
    case message(Message)
    /// A message that the server had kept was delivered, and confirmed by its recipient. For a message to a group, each member
    /// for whom it was kept confirms it.
    case deliveredLate(payloadId: String, messageId: String)
    /// A notice from the server that is not the outcome of a send: a user came online, a group changed.
    case notice(Notice)
    /// The author of a message replaced its text.
    case edited(Edited)
    /// A message was deleted. A program that does not know the message ignores the event.
    case deleted(Deleted)
    /// A short-lived signal, such as a typing indicator.
    case signal(Signal)
    /// A SYS or CMD payload of a later version of the protocol.
    case unknown(payload: [String: JSONValue])
    /// The server sent a text that is not a valid payload. It was ignored.
    case unreadable(Unreadable)
    /// The client has ended. This is always the last event.
    case closed(Closed)

    /// How the sending of a message ended.
    public struct Ended: Sendable, Hashable {
        /// The `number` of the ticket.
        public let ticket: UInt64
        public let messageId: String
        public let outcome: SendOutcome
    }

    /// A chat message.
    public struct Message: Sendable, Hashable {
        public let sender: String
        /// This user, a group ID or `BROADCAST`.
        public let recipient: String
        /// The sender's claim.
        public let sentAt: Date
        public let payloadId: String
        /// What edits and deletions refer to.
        public let messageId: String
        /// The text, in Markdown.
        public let text: String
        public let attachments: [Attachment]
        /// Added by the sender. The protocol reserves the keys `ack` and `inReplyTo`.
        public let metadata: [String: JSONValue]
    }

    /// A notice from the server.
    public struct Notice: Sendable, Hashable {
        /// For programs, such as `USER_JOINED`.
        public let code: String
        /// For people.
        public let description: String
        /// The payload that the notice is about, if any.
        public let inReplyTo: String?
        public let username: String?
        public let groupId: String?
        public let messageId: String?
        /// All metadata of the notice; which members there are depends on the code.
        public let metadata: [String: JSONValue]
        public let sentAt: Date
    }

    /// A message's new text.
    public struct Edited: Sendable, Hashable {
        public let messageId: String
        public let sender: String
        public let recipient: String
        public let text: String
    }

    /// A message that was deleted.
    public struct Deleted: Sendable, Hashable {
        public let messageId: String
        public let sender: String
        public let recipient: String
        public let deletedBy: String
    }

    /// A short-lived signal.
    public struct Signal: Sendable, Hashable {
        public let sender: String
        public let recipient: String
        /// `typing`, `read` or another name.
        public let kind: String
        public let data: JSONValue?
    }

    /// The fault of a text from the server.
    public struct Unreadable: Sendable, Hashable {
        public let code: String
        public let path: String
        public let reason: String
    }

    /// Why the client has ended.
    public struct Closed: Sendable, Hashable {
        /// The WebSocket close code; 1000 after `disconnect()`.
        public let closeCode: UInt16
        /// The reason, for programs: the server's code, such as `SESSION_REVOKED`, or `DISCONNECTED` or `CLOSED`.
        public let code: String
        public let reason: String
    }
}

/// The state of a connection.
public enum ConnectionState: Sendable, Hashable {
    /// Not connected, and not trying to connect: not started yet, suspended, or `connect()` failed.
    case suspended
    /// Opening a connection or authenticating on it.
    case connecting
    /// Connected and authenticated; `expiresAt` is when the session ends if it is not used. If `resumed`, the connection
    /// continues the one before, and nothing is missing; otherwise payloads may be missing that were sent to the user since the
    /// last connection was lost.
    case online(expiresAt: Date?, limits: Limits, resumed: Bool)
    /// Not connected; the client tries again after `retryIn`. `closeCode` is that of the last connection, 1006 if it was lost
    /// without one or never opened.
    case waiting(retryIn: Duration, closeCode: UInt16, reason: String)
    /// The client has ended.
    case closed

    init(_ native: CallieNative.ConnectionState) {
        switch native {
        case .suspended: self = .suspended
        case .connecting: self = .connecting
        case .online(let expiresAt, let limits, let resumed):
            self = .online(expiresAt: expiresAt, limits: limits, resumed: resumed)
        case .waiting(let retryIn, let closeCode, let reason):
            self = .waiting(retryIn: .seconds(retryIn), closeCode: closeCode, reason: reason)
        case .closed: self = .closed
        }
    }
}

/// How the sending of a message ended.
public enum SendOutcome: Sendable, Hashable {
    /// The recipient's client, or that of at least one member of the group, confirmed it. The counts are nil if the server's
    /// answer was lost with a connection. `stored` of the `offline` members are those for whom the server keeps the message.
    case delivered(confirmed: UInt64?, unconfirmed: UInt64?, offline: UInt64?, stored: UInt64?)
    /// The recipient, or every other member of the group, is offline: the server keeps it, and delivers it later if the recipient
    /// takes messages from this user. `Event.deliveredLate` reports that.
    case stored
    /// The server accepted it; no confirmation was requested.
    case sent
    /// The recipient, or every other member of the group, is offline: it did not arrive.
    case offline
    /// It did not arrive. `code` is the server's, such as `RECIPIENT_UNKNOWN`, or `EXPIRED` or `DISCONNECTED`; `path` is the
    /// place of the fault in the payload, a JSON Pointer, or empty.
    case failed(code: String, reason: String, path: String)
    /// It was sent; whether it arrived is unknown.
    case unconfirmed
    /// It has no outcome yet: the client has ended, and its state keeps the message. The next client with this state continues
    /// with it, and reports its outcome.
    case pending

    init(_ native: CallieNative.SendOutcome) {
        switch native {
        case .delivered(let confirmed, let unconfirmed, let offline, let stored):
            self = .delivered(confirmed: confirmed, unconfirmed: unconfirmed, offline: offline, stored: stored)
        case .stored: self = .stored
        case .sent: self = .sent
        case .offline: self = .offline
        case .failed(let failure): self = .failed(code: failure.code, reason: failure.reason, path: failure.path)
        case .unconfirmed: self = .unconfirmed
        case .pending: self = .pending
        }
    }
}

extension Event {
    init(_ event: CallieNative.Event) {
        switch event {
        case .connectionChanged(let state):
            self = .connectionChanged(ConnectionState(state))
        case .ended(let ticket, let messageId, let outcome):
            self = .ended(Ended(ticket: ticket, messageId: messageId, outcome: SendOutcome(outcome)))
        case .message(let message):
            self = .message(
                Message(
                    sender: message.sender, recipient: message.recipient, sentAt: message.sentAt,
                    payloadId: message.payloadId, messageId: message.messageId, text: message.text,
                    attachments: message.attachments.map(Attachment.init),
                    metadata: [String: JSONValue](json: message.metadata)))
        case .deliveredLate(let payloadId, let messageId):
            self = .deliveredLate(payloadId: payloadId, messageId: messageId)
        case .notice(let notice):
            self = .notice(
                Notice(
                    code: notice.code, description: notice.description, inReplyTo: notice.inReplyTo,
                    username: notice.username, groupId: notice.groupId, messageId: notice.messageId,
                    metadata: [String: JSONValue](json: notice.metadata),
                    sentAt: notice.sentAt))
        case .edited(let messageId, let sender, let recipient, let text):
            self = .edited(Edited(messageId: messageId, sender: sender, recipient: recipient, text: text))
        case .deleted(let messageId, let sender, let recipient, let deletedBy):
            self = .deleted(Deleted(messageId: messageId, sender: sender, recipient: recipient, deletedBy: deletedBy))
        case .signal(let sender, let recipient, let kind, let data):
            self = .signal(
                Signal(sender: sender, recipient: recipient, kind: kind, data: data.map(JSONValue.init(json:))))
        case .unknown(let payload):
            self = .unknown(payload: [String: JSONValue](json: payload))
        case .unreadable(let fault):
            self = .unreadable(Unreadable(code: fault.code, path: fault.path, reason: fault.reason))
        case .closed(let closed):
            self = .closed(Closed(closeCode: closed.closeCode, code: closed.code, reason: closed.reason))
        }
    }
}
