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
    private var fetching: Deferred<Result<Unit>>? = null

    /** Waits until there is an event, or the reason why none will come. */
    suspend fun fill() {
        while (true) {
            // Awaited outside of the lock: others may take meanwhile.
            val running = mutex.withLock {
                if (events.isNotEmpty()) return
                fetching ?: scope.async { keep(runCatching { fetch() }) }.also { fetching = it }
            }
            running.await().getOrThrow()
        }
    }

    private suspend fun keep(fetched: Result<List<Event>>): Result<Unit> = mutex.withLock {
        fetching = null
        fetched.map { events += it }
    }

    /** Takes what is there, at most [max]. */
    suspend fun take(max: Int): List<Event> = mutex.withLock { List(minOf(max, events.size)) { events.removeFirst() } }
}
