import Foundation

// Times, as the native library takes them. A time that it cannot represent becomes the nearest that it can.

/// The longest time, in seconds, that is passed to the native library: some 30 million years.
private let longest = 1e15

extension Duration {
    /// The duration in seconds; none of a negative duration.
    var interval: TimeInterval {
        let (seconds, attoseconds) = components
        return min(max(Double(seconds) + Double(attoseconds) / 1e18, 0), longest)
    }
}

extension Date {
    /// This date, or the nearest that the native library takes.
    var clamped: Date {
        let seconds = timeIntervalSince1970
        return Date(timeIntervalSince1970: seconds.isNaN ? -longest : min(max(seconds, -longest), longest))
    }
}
