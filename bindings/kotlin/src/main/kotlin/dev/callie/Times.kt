package dev.callie

import kotlin.time.Duration
import kotlin.time.toJavaDuration

/** A duration that is not negative, as the native library takes it. An infinite duration is a very long one. */
internal fun Duration.native(): java.time.Duration = coerceAtLeast(Duration.ZERO).toJavaDuration()

/** The size of a page. The native library refuses what is not from 1 to 200. */
internal fun Int.page(): UShort = coerceIn(0, 0xFFFF).toUShort()

/** This, or the largest number that there is. */
internal fun ULong.clamped(): Long = coerceAtMost(Long.MAX_VALUE.toULong()).toLong()
