import CallieNative

/// Events that have left the native library and were not taken yet: a wait that is given up leaves them here.
actor Inbox {
    private let native: CallieNative.Client
    private var events: [Event] = []
    private var taken = 0
    /// One fetch at a time, whoever waits for it: events keep their order.
    private var fetching: Task<Void, any Error>?

    init(_ native: CallieNative.Client) {
        self.native = native
    }

    /// Up to `max` events, after at most `timeout` for the first. A cancelled task does not reach the native library, so it
    /// is looked for between short waits.
    func take(_ max: Int, within timeout: Duration?) async throws -> [Event] {
        let clock = ContinuousClock()
        let deadline = timeout.map { clock.now + $0 }
        while true {
            try Task.checkCancellation()
            if taken < events.count {
                let end = min(events.count, taken + max)
                defer { drop(to: end) }
                return Array(events[taken..<end])
            }
            let left = deadline.map { Swift.max(.zero, $0 - clock.now) } ?? Self.step
            try await fetch(within: min(left, Self.step))
            if events.isEmpty, let deadline, clock.now >= deadline {
                return []
            }
        }
    }

    private func fetch(within wait: Duration) async throws {
        let running = fetching ?? Task {
            defer { fetching = nil }
            let fetched = try await calling {
                try await native.nextEvents(max: Self.batch, timeoutMs: wait.milliseconds)
            }
            events += fetched.map(Event.init)
        }
        fetching = running
        try await running.value
    }

    private func drop(to end: Int) {
        taken = end
        if taken == events.count {
            events.removeAll(keepingCapacity: true)
            taken = 0
        }
    }

    private static let batch: UInt32 = 64
    private static let step = Duration.milliseconds(250)
}

extension Duration {
    /// Whole milliseconds, none where there are fewer than none.
    var milliseconds: UInt64 {
        let (seconds, attoseconds) = components
        return UInt64(max(0, seconds)) * 1000 + UInt64(max(0, attoseconds) / 1_000_000_000_000_000)
    }
}
