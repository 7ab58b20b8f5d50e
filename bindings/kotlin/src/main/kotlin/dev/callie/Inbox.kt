package dev.callie

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.FlowCollector
import kotlinx.coroutines.launch
import kotlinx.coroutines.yield
import kotlin.time.Duration
import kotlin.time.Duration.Companion.nanoseconds
import kotlin.time.TimeSource

/**
 * Events that have left the native library and were not handed out yet.
 *
 * Nothing is taken while a coroutine is suspended: waiting takes no event, and handing out does not suspend. So a wait that is
 * given up loses nothing, and leaves nothing behind that keeps the native client.
 */
internal class Inbox(private val native: dev.callie.ffi.Client) {
    private val held = ArrayDeque<Event>()

    /** The number of the last event that was handed out, as the native library counts. */
    private var handedOut = 0uL
    private var confirmedAt = System.nanoTime() - CONFIRM_EVERY_NS
    private var isLate = false

    /** Hands out one event, or none while none is there. A message is confirmed to its sender. */
    @Synchronized
    fun poll(): Event? {
        if (held.isEmpty()) fetch(BATCH)
        val event = held.removeFirstOrNull() ?: return null
        handedOut++
        if (event is Event.Message) {
            if (held.isEmpty() || System.nanoTime() - confirmedAt >= CONFIRM_EVERY_NS) confirm() else confirmLate()
        }
        return event
    }

    /** Hands out the events that are there, at most [max]; messages are confirmed to their senders. */
    @Synchronized
    fun poll(max: Int): List<Event> {
        if (held.isEmpty()) fetch(maxOf(max, BATCH))
        val count = minOf(max, held.size)
        if (count == 0) return emptyList()
        val events = List(count) { held.removeFirst() }
        handedOut += count.toULong()
        if (events.any { it is Event.Message }) confirm()
        return events
    }

    /** Hands out at most [max] events as soon as there is one; none if none comes within [timeout]. */
    suspend fun take(max: Int, timeout: Duration): List<Event> {
        val began = TimeSource.Monotonic.markNow()
        while (true) {
            yield()
            val events = poll(max)
            if (events.isNotEmpty()) return events
            val left = timeout - began.elapsedNow()
            if (left <= Duration.ZERO) return events
            await(left)
        }
    }

    /** Waits at most [timeout] until there is something to hand out, or the end; it may return early. */
    suspend fun await(timeout: Duration): Unit =
        calling { native.awaitEvents(timeout.millis().coerceAtLeast(1uL)) }

    private fun fetch(max: Int) {
        val fetched = calling { native.fetchEvents(max.toUInt()) }
        if (fetched.events.isEmpty()) return
        fetched.events.mapTo(held) { it.own() }
        handedOut = fetched.first - 1uL
    }

    private fun confirm() {
        isLate = false
        confirmedAt = System.nanoTime()
        calling { native.confirmTaken(handedOut) }
    }

    @Synchronized
    private fun confirmIfLate() {
        if (isLate) confirm()
    }

    /** Confirms once for all that is handed out meanwhile, however long the application takes with the last of it. */
    private fun confirmLate() {
        if (isLate) return
        isLate = true
        later.launch {
            delay(CONFIRM_EVERY_NS.nanoseconds)
            confirmIfLate()
        }
    }

    private companion object {
        const val BATCH = 64

        /** What a confirmation costs is spread over the messages of such a time. */
        const val CONFIRM_EVERY_NS = 1_000_000L
        val later = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    }
}

/**
 * What an inbox holds, to its end.
 *
 * Not made by `flow { }`, which looks for a cancellation between the hand-out of an event and its collector: that event would
 * be lost. Here the collector is called with every event that was handed out.
 */
internal class EventFlow(private val inbox: Inbox) : Flow<Event> {
    override suspend fun collect(collector: FlowCollector<Event>) {
        while (true) {
            // Ends a cancelled collector, and lets others run while events come without end.
            yield()
            val event = try {
                inbox.poll()
            } catch (_: CallieException.Closed) {
                return
            }
            if (event == null) {
                inbox.await(Duration.INFINITE)
            } else {
                collector.emit(event)
                if (event is Event.Closed) return
            }
        }
    }
}
