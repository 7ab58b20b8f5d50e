import CallieNative

/// Events that were fetched from the native library and not yet passed to the application.
///
/// Invariant: no event is in transit while a task is suspended. Waiting takes no event, and passing one on does not suspend. A
/// cancelled wait therefore loses no event.
actor Inbox {
    private let native: CallieNative.Client
    private var held: [Event] = []
    /// The number of held events that were passed on.
    private var taken = 0
    /// The number, in the native library, of the last event that was passed on.
    private var handedOut: UInt64 = 0
    private var confirmed: ContinuousClock.Instant?
    private var isLate = false

    init(_ native: CallieNative.Client) {
        self.native = native
    }

    /// Waits for an event, and passes it on. A message is confirmed to its sender.
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

    /// Waits at most `timeout` for an event, and passes on at most `max`; none after the timeout. Messages are confirmed to their
    /// senders.
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

    /// Passes on the fetched events, for a listener. Messages are confirmed to their senders.
    func drain() -> [Event] {
        let events = Array(held[taken...])
        handOut(events.count)
        if events.contains(where: \.isMessage) { confirm() }
        return events
    }

    /// Confirms the events that were passed on and are not confirmed yet.
    func flush() {
        if isLate { confirm() }
    }

    /// Waits at most `timeout` for an event or the end of the client. It may return early. The cancellation of a task does not reach
    /// the native library, so the wait is divided into short ones.
    private func wait(_ timeout: Duration) async throws {
        let native = native
        let wait = Swift.max(min(timeout, Self.step), .milliseconds(1)).interval
        try await calling { try await native.awaitEvents(timeout: wait) }
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

    /// Confirms immediately, or after a short period for all events that are passed on in it.
    private func confirmSoon() {
        if held.isEmpty || confirmed.map({ .now - $0 >= Self.confirmEvery }) ?? true {
            confirm()
        } else if !isLate {
            isLate = true
            Task {
                try? await Task.sleep(for: Self.confirmEvery)
                flush()
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
    /// The cost of a confirmation is shared by all messages of this period.
    private static let confirmEvery = Duration.milliseconds(1)
}

extension Event {
    fileprivate var isMessage: Bool {
        if case .message = self { true } else { false }
    }
}
