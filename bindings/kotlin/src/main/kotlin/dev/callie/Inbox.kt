package dev.callie

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.async
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/**
 * Events that have left the native library and were not taken yet.
 *
 * A fetch runs in [scope], not in the coroutine that waits for it: who gives up waiting takes nothing along, and the next
 * who waits finds the same fetch.
 */
internal class Inbox(private val scope: CoroutineScope, private val fetch: suspend () -> List<Event>) {
    private val mutex = Mutex()
    private val events = ArrayDeque<Event>()
    private var fetching: Deferred<Result<List<Event>>>? = null

    /** Waits until there is an event, or the reason why none will come. */
    suspend fun fill(): Unit = mutex.withLock {
        while (events.isEmpty()) {
            val running = fetching ?: scope.async { runCatching { fetch() } }.also { fetching = it }
            val fetched = running.await()
            fetching = null
            events.addAll(fetched.getOrThrow())
        }
    }

    /** Takes what is there, at most [max]. */
    suspend fun take(max: Int): List<Event> = mutex.withLock { List(minOf(max, events.size)) { events.removeFirst() } }
}
