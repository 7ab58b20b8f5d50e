import CallieNative

/// Events that have left the native library and were not handed out yet.
///
/// Waiting takes no event, and nothing waits between the taking of an event and its hand-out: a wait that is given up loses
/// nothing.
actor Inbox {
    private let native: CallieNative.Client
    private var held: [Event] = []
    /// How many of those that are held were handed out.
    private var taken = 0
    /// The number of the last event that was handed out, as the native library counts.
    private var handedOut: UInt64 = 0
    private var confirmed: ContinuousClock.Instant?
    private var isLate = false

    init(_ native: CallieNative.Client) {
        self.native = native
    }

    /// Hands out one event, as soon as there is one. A message is confirmed to its sender.
    func next() async throws -> Event {
        while true {
            try Task.checkCancellation()
            if taken == held.count { try fetch(Self.batch) }
            if taken < held.count {
                let event = held[taken]
                handOut(1)
                if event.isMessage { confirmSoon() }
                return event
            }
            try await wait(Self.step)
        }
    }

    /// Hands out up to `max` events as soon as there is one; none if none comes within `timeout`. Messages are
    /// confirmed to their senders.
    func take(_ max: Int, within timeout: Duration) async throws -> [Event] {
        let began = ContinuousClock.now
        while true {
            try Task.checkCancellation()
            if taken == held.count { try fetch(Swift.max(max, Self.batch)) }
            if taken < held.count {
                let events = Array(held[taken..<Swift.min(held.count, taken + max)])
                handOut(events.count)
                if events.contains(where: \.isMessage) { confirm() }
                return events
            }
            let left = timeout - (ContinuousClock.now - began)
            guard left > .zero else { return [] }
            try await wait(left)
        }
    }

    /// Waits at most `timeout` until there is something to hand out, or the end; it may return early. A cancelled task does not
    /// reach the native library, so it is looked for between short waits.
    private func wait(_ timeout: Duration) async throws {
        let native = native
        let wait = Swift.max(min(timeout, Self.step).milliseconds, 1)
        try await calling { try await native.awaitEvents(timeoutMs: wait) }
    }

    private func fetch(_ max: Int) throws {
        let fetched = try calling { try native.fetchEvents(max: UInt32(clamping: max)) }
        held = fetched.events.map(Event.init)
        taken = 0
        if !held.isEmpty { handedOut = fetched.first - 1 }
    }

    private func handOut(_ count: Int) {
        taken += count
        handedOut += UInt64(count)
        if taken == held.count {
            held = []
            taken = 0
        }
    }

    /// Confirms at once, or once for all that is handed out in a short time, however long the application takes with the last.
    private func confirmSoon() {
        if held.isEmpty || confirmed.map({ .now - $0 >= Self.confirmEvery }) ?? true {
            confirm()
        } else if !isLate {
            isLate = true
            Task {
                try? await Task.sleep(for: Self.confirmEvery)
                if isLate { confirm() }
            }
        }
    }

    private func confirm() {
        isLate = false
        confirmed = .now
        native.confirmTaken(through: handedOut)
    }

    private static let batch = 64
    private static let step = Duration.milliseconds(250)
    /// What a confirmation costs is spread over the messages of such a time.
    private static let confirmEvery = Duration.milliseconds(1)
}

extension Event {
    fileprivate var isMessage: Bool {
        if case .message = self { true } else { false }
    }
}
