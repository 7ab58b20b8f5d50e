package dev.callie

import dev.callie.ffi.InternalException
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeoutOrNull
import kotlinx.coroutines.yield
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import kotlin.concurrent.thread
import kotlin.time.Duration

class LifetimeTest {
    @Test
    fun cancelledWaitLosesNothing() = scenario { world ->
        val server = world.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val messages = 100
        repeat(messages) { ada.send("bob", "$it") }
        var received = 0
        while (received < messages) {
            // Given up at once, run out at once, and a flow that is left after one event: none takes anything away.
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
    fun callbackMayCallBack() = scenario { world ->
        val server = world.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val told = Channel<Int>(Channel.UNLIMITED)
        ada.listen { events ->
            for (event in events) {
                when (event) {
                    is Event.Message -> if (event.text == "enough") {
                        runBlocking { ada.disconnect() }
                    } else {
                        ada.send("bob", "${event.text}, ${ada.username}")
                        check(ada.statistics.messagesReceived > 0u)
                        runBlocking { ada.ping("SERVER") }
                    }
                    is Event.Closed -> told.trySend(event.closeCode)
                    else -> {}
                }
            }
        }
        refused<CallieException.InvalidArgument> { ada.listen {} }
        bob.send("ada", "hello")
        assertEquals("hello, ada", bob.text())
        bob.send("ada", "enough")
        assertEquals(1000, told.receive())
    }

    @Test
    fun callbackThatFailsIsSurvived() = scenario { world ->
        val server = world.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val told = Channel<String>(Channel.UNLIMITED)
        ada.listen { events ->
            for (event in events.filterIsInstance<Event.Message>()) {
                told.trySend(event.text)
                check(event.text != "bad") { "this scenario's callback fails here" }
            }
        }
        for (text in listOf("bad", "good")) {
            bob.send("ada", text)
            assertEquals(text, told.receive())
        }
        ada.ping("SERVER")
    }

    /** Waits until a user has gone. */
    private suspend fun Client.seesGone(name: String) {
        while (true) {
            // The last connection may be closing.
            val ending = send(name, "still there?").ending()
            if (ending == Ending.Offline) return
            check(ending is Ending.Delivered || ending == Ending.Unconfirmed) { "$ending" }
        }
    }

    @Test
    fun clientMayBeDroppedOnAnotherThread() = scenario { world ->
        val server = world.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        thread { ada.close() }.join()
        bob.seesGone("ada")
        // And inside its own callback.
        val eve = server.online("eve")
        eve.listen { events -> if (events.any { it is Event.Message }) eve.close() }
        bob.send("eve", "go")
        bob.seesGone("eve")
    }

    @Test
    fun useAfterDisconnectIsAnError() = scenario { world ->
        val ada = world.server().online("ada")
        ada.disconnect()
        ada.disconnect()
        refused<CallieException.Closed> { ada.send("bob", "hello") }
        refused<CallieException.Closed> { ada.ping("SERVER") }
        refused<CallieException.Closed> { ada.command("LIST_GROUPS") }
        refused<CallieException.Closed> { ada.connect() }
        ada.first<Event.Closed>()
        refused<CallieException.Closed> { ada.nextEvents(1, BOUND) }
        ada.events.collect { error("told after the end: $it") }
        ada.start()
        ada.suspend()
        ada.resume()
        ada.networkChanged()
        ada.close()
        assertTrue(ada.state == ConnectionState.Closed)
    }

    @Test
    fun aFaultOfTheNativeLibraryIsInternal() {
        val fault = assertThrows<CallieException.Internal> { calling { throw InternalException("a panic") } }
        assertEquals("INTERNAL" to "a panic", fault.code to fault.reason)
    }
}
