package dev.callie

import dev.callie.ffi.InternalException
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancel
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.filterIsInstance
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.withTimeoutOrNull
import kotlinx.coroutines.yield
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.concurrent.thread
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds

class LifetimeTest {
    @Test
    fun cancelledWaitLosesNothing() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val messages = 100
        repeat(messages) { ada.send("bob", "$it") }
        var received = 0
        while (received < messages) {
            // A wait cancelled at once, a wait that times out at once, and a flow left after one event lose nothing.
            withTimeoutOrNull(Duration.ZERO) { bob.events.collect { error("took $it") } }
            val givenUp = async(start = CoroutineStart.UNDISPATCHED) { bob.nextEvents(1, BOUND) }
            givenUp.cancel()
            val taken = runCatching { givenUp.await() }.getOrDefault(emptyList())
            val events = taken + bob.nextEvents(1, Duration.ZERO)
            for (event in events) {
                if (event is Event.Message) assertEquals("${received++}", event.text)
            }
            yield()
        }
    }

    @Test
    fun abandonedIteratorLosesNothing() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val messages = 150
        repeat(messages) { ada.send("bob", "$it") }
        val taken = mutableListOf<Int>()
        fun take(event: Event) {
            if (event is Event.Message) taken += event.text.toInt()
        }
        var round = 0
        while (taken.size < messages) {
            when (round++ % 6) {
                0 -> launch { bob.events.collect { take(it); cancel() } }.join()
                1 -> take(bob.events.first())
                // Fewer than three may remain.
                2 -> withTimeoutOrNull(100.milliseconds) { bob.events.take(3).collect { take(it) } }
                3 -> runCatching { bob.events.collect { take(it); error("this scenario's collector fails here") } }
                // Cancelled from another thread at any point.
                4 -> withContext(Dispatchers.Default) {
                    withTimeoutOrNull(3.milliseconds) { bob.events.collect { take(it); Thread.sleep(1) } }
                }
                else -> bob.nextEvents(2, BOUND).forEach { take(it) }
            }
        }
        assertEquals((0 until messages).toList(), taken)
    }

    @Test
    fun collectorReceivesEveryTakenEvent() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val messages = 50
        repeat(messages) { ada.send("bob", "$it") }
        val taken = CopyOnWriteArrayList<String>()
        // Two concurrent collectors share the events.
        val collectors = List(2) {
            launch(Dispatchers.Default) {
                bob.events.filterIsInstance<Event.Message>().collect { taken += it.text }
            }
        }
        withTimeout(BOUND) { while (taken.size < messages) delay(1) }
        collectors.forEach { it.cancelAndJoin() }
        assertEquals(messages, taken.toSet().size)
        assertEquals(messages, taken.size)
    }

    /** Ten messages from `ada` that wait at `bob`: their tickets. */
    private suspend fun queued(ada: Client, bob: Client): List<Ticket> {
        val tickets = List(10) { ada.send("bob", "$it") }
        withTimeout(BOUND) { while (bob.stats.messagesReceived < 10uL) ada.ping("SERVER") }
        return tickets
    }

    @Test
    fun listenerReceivesWhatAnIterationFetched() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val earlier = queued(ada, bob)
        bob.events.filterIsInstance<Event.Message>().first()
        val texts = CopyOnWriteArrayList<String>()
        bob.listen { events -> events.filterIsInstance<Event.Message>().mapTo(texts) { it.text } }
        val later = List(10) { ada.send("bob", "${10 + it}") }
        for (ticket in earlier + later) assertTrue(ticket.outcome() is SendOutcome.Delivered)
        assertEquals((1 until 20).map { "$it" }, texts)
    }

    @Test
    fun disconnectConfirmsWhatWasTaken() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        for (end in listOf<suspend (Client) -> Unit>({ it.disconnect() }, { it.close() })) {
            val bob = server.online("bob")
            val tickets = queued(ada, bob)
            bob.events.filterIsInstance<Event.Message>().take(5).collect {}
            end(bob)
            val delivered = tickets.map { it.outcome() is SendOutcome.Delivered }
            assertEquals(List(10) { it < 5 }, delivered)
            bob.disconnect()
        }
    }

    @Test
    fun callbackMayCallBack() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val received = Channel<Int>(Channel.UNLIMITED)
        ada.listen { events ->
            for (event in events) {
                when (event) {
                    is Event.Message -> if (event.text == "enough") {
                        runBlocking { ada.disconnect() }
                    } else {
                        ada.send("bob", "${event.text}, ${ada.username}")
                        check(ada.stats.messagesReceived > 0u)
                        runBlocking { ada.ping("SERVER") }
                    }
                    is Event.Closed -> received.trySend(event.closeCode)
                    else -> {}
                }
            }
        }
        refused<CallieException.InvalidArgument> { ada.listen {} }
        refused<CallieException.InvalidArgument> { ada.nextEvents(1, BOUND) }
        refused<CallieException.InvalidArgument> { ada.events.collect {} }
        bob.send("ada", "hello")
        assertEquals("hello, ada", bob.text())
        bob.send("ada", "enough")
        assertEquals(1000, received.receive())
    }

    @Test
    fun failingCallbackIsSurvived() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val received = Channel<String>(Channel.UNLIMITED)
        ada.listen { events ->
            for (event in events.filterIsInstance<Event.Message>()) {
                received.trySend(event.text)
                check(event.text != "bad") { "this scenario's callback fails here" }
            }
        }
        for (text in listOf("bad", "good")) {
            bob.send("ada", text)
            assertEquals(text, received.receive())
        }
        ada.ping("SERVER")
        // Including an error that applications do not catch.
        val eve = server.online("eve")
        eve.listen { events -> if (events.any { it is Event.Message }) throw StackOverflowError("here too: \uD83D") }
        assertTrue(bob.send("eve", "bad").outcome() is SendOutcome.Delivered)
        eve.ping("SERVER")
    }

    @Test
    fun failingTokenSourceIsReportedInOneLine() = scenario { env ->
        val server = env.server()
        val failures = mapOf("ada" to IllegalStateException("no \uD83D keychain"), "eve" to AssertionError("no \uD83D keychain"))
        for ((name, failure) in failures) {
            val client = server.online(name)
            client.setTokenSource { _, _ -> throw failure }
            env.ask("revoke $name")
            val reason = client.first<Event.Closed>().reason
            assertTrue("keychain" in reason && '\n' !in reason, reason)
        }
    }

    /** Whether a user is online. */
    private suspend fun Client.sees(name: String): Boolean = try {
        ping(name)
        true
    } catch (refused: CallieException.Refused) {
        assertEquals("RECIPIENT_OFFLINE", refused.code)
        false
    }

    /** Waits until a user is offline. */
    private suspend fun Client.seesGone(name: String) {
        while (sees(name)) delay(5)
    }

    @Test
    fun clientMayBeDroppedOnAnotherThread() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        thread { ada.close() }.join()
        bob.seesGone("ada")
        // Also inside its own callback.
        val eve = server.online("eve")
        eve.listen { events -> if (events.any { it is Event.Message }) eve.close() }
        bob.send("eve", "go")
        bob.seesGone("eve")
    }

    /** Leaves a client to the garbage collector after a collector of its events was cancelled. */
    private suspend fun leave(credentials: Credentials) = coroutineScope {
        val client = Client.open(credentials)
        val collector = launch(start = CoroutineStart.UNDISPATCHED) { client.events.collect {} }
        client.ping("SERVER")
        collector.cancelAndJoin()
    }

    @Test
    fun unusedClientIsCollected() = scenario { env ->
        val server = env.server()
        val bob = server.online("bob")
        leave(server.user("ada"))
        assertTrue(bob.sees("bob"))
        while (bob.sees("ada")) {
            System.gc()
            delay(10)
        }
    }

    @Test
    fun useWaitsForTheClose() = scenario { env ->
        val server = env.server()
        val bob = server.online("bob")
        val ada = server.online("ada").use {
            it.send("bob", "written before the end")
            it
        }
        assertEquals(ConnectionState.Closed, ada.state)
        assertEquals("written before the end", bob.text())
        val eve = server.online("eve")
        val using = launch(start = CoroutineStart.UNDISPATCHED) { eve.use { awaitCancellation() } }
        using.cancelAndJoin()
        assertEquals(ConnectionState.Closed, eve.state)
    }

    @Test
    fun useAfterDisconnectIsAnError() = scenario { env ->
        val ada = env.server().online("ada")
        ada.disconnect()
        ada.disconnect()
        refused<CallieException.Closed> { ada.send("bob", "hello") }
        refused<CallieException.Closed> { ada.ping("SERVER") }
        refused<CallieException.Closed> { ada.command("LIST_GROUPS") }
        refused<CallieException.Closed> { ada.connect() }
        ada.first<Event.Closed>()
        refused<CallieException.Closed> { ada.nextEvents(1, BOUND) }
        ada.events.collect { error("delivered after the end: $it") }
        refused<CallieException.Closed> { ada.start() }
        refused<CallieException.Closed> { ada.suspend() }
        refused<CallieException.Closed> { ada.resume() }
        refused<CallieException.Closed> { ada.listen {} }
        ada.networkChanged()
        ada.close()
        assertTrue(ada.state == ConnectionState.Closed)
    }

    @Test
    fun panicOfTheNativeLibraryIsInternal() {
        val fault = assertThrows<CallieException.Internal> { calling { throw InternalException("a panic") } }
        assertEquals("INTERNAL" to "a panic", fault.code to fault.reason)
    }
}
