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
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.nanoseconds
import kotlin.time.TimeSource

/**
 * Events that were fetched from the native library and not yet passed to the application.
 *
 * Invariant: no event is in transit while a coroutine is suspended. Waiting takes no event, and passing one on does not suspend.
 * A cancelled wait therefore loses no event and holds no reference to the native client.
 */
internal class Inbox(private val native: dev.callie.ffi.Client) {
    private val held = ArrayDeque<Event>()

    /** The number, in the native library, of the last event that was passed on. */
    private var handedOut = 0uL
    private var confirmedAt = System.nanoTime() - CONFIRM_EVERY_NS
    private var isLate = false

    /** Passes on one event, or null if there is none. A message is confirmed to its sender. */
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

    /** Passes on the events that are available, at most [max]. Messages are confirmed to their senders. */
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

    /** Waits at most [timeout] for an event, and passes on at most [max]; none after the timeout. */
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

    /** Waits at most [timeout] for an event or the end of the client. It may return early. */
    suspend fun await(timeout: Duration) {
        // Another coroutine may have fetched one meanwhile.
        if (isEmpty()) calling { native.awaitEvents(timeout.coerceAtLeast(1.milliseconds).native()) }
    }

    @Synchronized
    private fun isEmpty() = held.isEmpty()

    /** Passes on the fetched events, for a listener. Messages are confirmed to their senders. */
    @Synchronized
    fun drain(): List<Event> {
        val events = held.toList()
        held.clear()
        handedOut += events.size.toULong()
        if (events.any { it is Event.Message }) confirm()
        return events
    }

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

    /** Confirms the events that were passed on and are not confirmed yet. */
    @Synchronized
    fun flush() {
        if (isLate) confirm()
    }

    /** Confirms all events that are passed on until then, even if the application is still busy with the last of them. */
    private fun confirmLate() {
        if (isLate) return
        isLate = true
        later.launch {
            delay(CONFIRM_EVERY_NS.nanoseconds)
            flush()
        }
    }

    private companion object {
        const val BATCH = 64

        /** The cost of a confirmation is shared by all messages of this period. */
        const val CONFIRM_EVERY_NS = 1_000_000L
        val later = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    }
}

/**
 * The events of an inbox, up to the last.
 *
 * It does not use `flow { }`, which checks for cancellation between taking an event and calling the collector, and would lose that
 * event. Here the collector receives every event that was taken.
 */
internal class EventFlow(private val inbox: Inbox) : Flow<Event> {
    override suspend fun collect(collector: FlowCollector<Event>) {
        while (true) {
            // Ends a cancelled collector, and lets other coroutines run while events arrive continuously.
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
