package dev.callie

import java.time.Instant
import kotlin.time.Duration

/** Whole milliseconds, rounded up, and none of a negative duration. Those of an infinite duration are a very large number. */
internal fun Duration.millis(): ULong {
    val whole = inWholeMilliseconds.coerceAtLeast(0).toULong()
    return if (isFinite() && isPositive() && inWholeNanoseconds % 1_000_000 != 0L) whole + 1uL else whole
}

/** Milliseconds since 1970. The native library refuses the nearest number of an instant that has none. */
internal fun Instant.millis(): Long = try {
    toEpochMilli()
} catch (_: ArithmeticException) {
    if (epochSecond < 0) Long.MIN_VALUE else Long.MAX_VALUE
}

/** The size of a page. The native library refuses what is not from 1 to 200. */
internal fun Int.page(): UShort = coerceIn(0, 0xFFFF).toUShort()

/** This, or the largest number that there is. */
internal fun ULong.clamped(): Long = coerceAtMost(Long.MAX_VALUE.toULong()).toLong()
