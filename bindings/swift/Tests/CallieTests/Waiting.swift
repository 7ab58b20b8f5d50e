import Foundation

/// A value that several threads may change.
final class Box<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var held: Value

    init(_ value: Value) {
        held = value
    }

    var value: Value { lock.withLock { held } }

    func change(_ body: (inout Value) -> Void) {
        lock.withLock { body(&held) }
    }
}

extension Box {
    /// Takes the value.
    func taken<Wrapped>() -> Value where Value == Wrapped? {
        lock.withLock {
            defer { held = nil }
            return held
        }
    }
}

/// Blocks this thread, which must be a callback's, until a task has ended.
func waiting<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) throws -> T {
    let done = DispatchSemaphore(value: 0)
    let result = Box<Result<T, any Error>?>(nil)
    Task.detached {
        do {
            let value = try await body()
            result.change { $0 = .success(value) }
        } catch {
            result.change { $0 = .failure(error) }
        }
        done.signal()
    }
    done.wait()
    guard let result = result.value else { throw Failure("nothing came") }
    return try result.get()
}
