import CallieNative
import Foundation

/// A place of the application in which a client keeps its state, in place of a file: to encrypt it, or to use a database.
///
/// A store belongs to one client, which calls it on one thread that may block. While a call runs, the client accepts and
/// transmits no messages. The methods must not call the client: a message sent in them fails. Keys are texts of at most 256
/// visible ASCII characters. Values are data that only the client reads; they contain texts of messages, and never a token.
public protocol StateStore: Sendable {
    /// Returns all records that are stored; none the first time. It is called once, before all else.
    func load() throws -> [String: Data]

    /// Stores `puts`, each in place of any record with the same key, and removes the records with the keys `deletes`, which
    /// need not exist. No key is in both. Either all of this is stored when the call returns, or none of it and the call throws.
    /// Then the client ends with the code `STATE_UNAVAILABLE`.
    func write(puts: [String: Data], deletes: [String]) throws
}

/// A store as the native library calls it.
final class Storing: CallieNative.StateStore {
    private let store: any StateStore

    init(_ store: any StateStore) {
        self.store = store
    }

    func load() throws -> [StateRecord] {
        do {
            return try store.load().map { StateRecord(key: $0.key, value: $0.value) }
        } catch {
            throw CallbackError.Failed(reason: "\(error)")
        }
    }

    func write(puts: [StateRecord], deletes: [String]) throws {
        do {
            let puts = Dictionary(uniqueKeysWithValues: puts.map { ($0.key, $0.value) })
            try store.write(puts: puts, deletes: deletes)
        } catch {
            throw CallbackError.Failed(reason: "\(error)")
        }
    }
}
