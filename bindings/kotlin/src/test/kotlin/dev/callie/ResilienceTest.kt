package dev.callie

import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.time.Duration.Companion.milliseconds

class ResilienceTest {
    private val delivered = SendOutcome.Delivered(confirmed = 1, unconfirmed = 0, offline = 0, stored = 0)

    /** How long clients wait for a server that may never answer. */
    private val short = 300.milliseconds

    @Test
    fun cutConnectionLosesNothing() = scenario { env ->
        val ada = env.server().online("ada")
        val bob = env.direct().online("bob")
        val first = ada.send("bob", "before")
        assertEquals("before", bob.text())
        assertEquals(delivered, first.outcome())
        env.ask("hold")
        val tickets = listOf("one", "two", "three").map { ada.send("bob", it) }
        env.ask("cut")
        assertEquals(1006, ada.comesTo<ConnectionState.Waiting>().closeCode)
        env.ask("release")
        ada.comesTo<ConnectionState.Online>()
        val last = ada.send("bob", "after")
        for (expected in listOf("one", "two", "three", "after")) assertEquals(expected, bob.text())
        for (ticket in tickets + last) assertEquals(delivered, ticket.outcome())
        assertTrue(ada.stats.reconnects >= 1u)
    }

    @Test
    fun lostConnectionIsResumed() = scenario { env ->
        val ada = env.server().online("ada")
        val bob = env.direct().online("bob")
        env.ask("refuse")
        env.ask("cut")
        ada.comesTo<ConnectionState.Waiting>()
        val texts = listOf("one", "two", "three")
        val tickets = texts.map { bob.send("ada", it) }
        env.ask("accept")
        assertTrue(ada.comesTo<ConnectionState.Online>().resumed)
        for (expected in texts) assertEquals(expected, ada.text())
        for (ticket in tickets) assertEquals(delivered, ticket.outcome())
        ada.suspend()
        ada.resume()
        assertFalse(ada.comesTo<ConnectionState.Online>().resumed)
        assertEquals(2uL to 1uL, ada.stats.reconnects to ada.stats.resumed)
    }

    @Test
    fun clientReconnectsToRestartedServer() = scenario { env ->
        val ada = env.server().online("ada")
        env.ask("kill")
        ada.comesTo<ConnectionState.Waiting>()
        env.ask("start")
        ada.comesTo<ConnectionState.Online>()
        ada.ping("SERVER")
    }

    @Test
    fun messageSentOfflineArrivesLater() = scenario { env ->
        val server = env.server()
        val ada = Client(server.user("ada"))
        val bob = server.online("bob")
        val early = ada.send("bob", "before the first connection")
        ada.start()
        assertEquals("before the first connection", bob.text())
        assertEquals(delivered, early.outcome())
        env.ask("kill")
        ada.comesTo<ConnectionState.Waiting>()
        // Sent to oneself, so that no other user must reconnect first.
        val late = ada.send("ada", "while the server is away")
        env.ask("start")
        assertEquals("while the server is away", ada.text())
        assertEquals(delivered, late.outcome())
    }

    @Test
    fun deadlineEndsATicket() = scenario { env ->
        val ada = Client(env.server().user("ada"))
        val ending = ada.send("bob", "too late", timeout = 50.milliseconds).outcome()
        assertEquals("EXPIRED", (ending as SendOutcome.Failed).code)
        assertEquals(0uL, ada.stats.waiting)
    }

    @Test
    fun revokedSessionEndsTheClient() = scenario { env ->
        val ada = env.server().online("ada")
        env.ask("revoke ada")
        ada.first<Event.Notice> { it.code == "SESSION_REVOKED" }
        val end = ada.first<Event.Closed>()
        assertEquals(4501 to "SESSION_REVOKED", end.closeCode to end.code)
        refused<CallieException.Closed> { ada.nextEvents(1, BOUND) }
        assertEquals(ConnectionState.Closed, ada.state)
    }

    @Test
    fun tokenIsRefreshed() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        ada.comesTo<ConnectionState.Online>()
        val asked = CopyOnWriteArrayList<Pair<String, String>>()
        ada.setTokenSource { username, reasonCode ->
            asked += username to reasonCode
            runBlocking { server.login(username, PASSWORD).token }
        }
        env.ask("revoke ada")
        ada.comesTo<ConnectionState.Online>()
        ada.ping("SERVER")
        assertEquals(listOf("ada" to "SESSION_REVOKED"), asked.toList())
    }

    @Test
    fun suspendedClientResumes() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        ada.suspend()
        ada.comesTo<ConnectionState.Suspended>()
        val kept = ada.send("bob", "for later")
        ada.resume()
        ada.comesTo<ConnectionState.Online>()
        assertEquals("for later", bob.text())
        assertEquals(delivered, kept.outcome())
        assertEquals(1uL, ada.stats.reconnects)
    }

    @Test
    fun suspendAndConnectInAnyOrder() = scenario { env ->
        val ada = env.server().online("ada")
        repeat(20) {
            ada.suspend()
            ada.connect()
            assertTrue(ada.state is ConnectionState.Online, "$it: ${ada.state}")
        }
        ada.ping("SERVER")
        val silent = Client(env.hostile("silent"))
        val connecting = async(start = CoroutineStart.UNDISPATCHED) {
            refused<CallieException>("SUSPENDED") { silent.connect() }
        }
        silent.suspend()
        connecting.await()
        assertEquals(ConnectionState.Suspended, silent.state)
    }

    @Test
    fun disconnectWritesWhatWasSent() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val tickets = List(200) { ada.send("bob", "$it") }
        ada.disconnect()
        repeat(200) { assertEquals("$it", bob.text()) }
        val ended = ada.events.toList().filterIsInstance<Event.Ended>()
        assertEquals(tickets.map { it.number to it.outcome() }.toSet(), ended.map { it.ticket to it.outcome }.toSet())
        assertEquals(tickets.size, ended.size)
        for (end in ended) assertTrue(end.outcome == delivered || end.outcome == SendOutcome.Unconfirmed, "$end")
    }

    @Test
    fun garbageIsSurvived() = scenario { env ->
        val ada = Client.open(env.hostile("garbage"))
        val reported = mutableListOf<String>()
        while (true) {
            when (val event = ada.next()) {
                is Event.ConnectionChanged -> {}
                is Event.Unreadable -> reported += event.code
                is Event.Unknown -> reported += "unknown"
                else -> {
                    assertEquals("still here", (event as Event.Message).text)
                    break
                }
            }
        }
        assertEquals(listOf("INVALID_JSON", "MISSING_FIELD", "INVALID_JSON", "unknown"), reported)
        ada.ping("SERVER")
    }

    @Test
    fun lyingServerIsSurvived() = scenario { env ->
        val ada = Client.open(env.hostile("liar"))
        assertEquals("once", ada.text())
        ada.ping("SERVER")
        assertEquals(1uL to 1uL, ada.stats.messagesReceived to ada.stats.duplicates)
        refused<CallieException.BadAnswer> { ada.listGroups() }
        val sent = ada.send("bob", "hello")
        ada.first<Event.Notice> { it.code == "DELIVERED" }
        ada.ping("SERVER")
        // The false DELIVERED has no effect: the message has no outcome until the end.
        assertEquals(1uL, ada.stats.waiting)
        ada.disconnect()
        assertEquals(SendOutcome.Unconfirmed, sent.outcome())
    }

    @Test
    fun silentServerTimesOut() = scenario { env ->
        val config = configWithTimeouts(env.ask("hostile silent"), short)
        refused<CallieException.TimedOut> { Server(config).login("ada", PASSWORD) }
        val client = Client(Credentials(config, "ada", "token"))
        refused<CallieException.TimedOut> { client.connect() }
        assertEquals(ConnectionState.Suspended, client.state)
    }

    @Test
    fun closeAtEveryStepIsAnError() = scenario { env ->
        val steps = listOf("on-accept", "in-upgrade", "after-upgrade", "after-authenticate", "in-frame")
        for (step in steps) {
            val client = Client(env.hostile("close-$step"))
            val refused = refused<CallieException> { client.connect() }
            assertTrue(refused is CallieException.Unreachable || refused is CallieException.BadAnswer, "$step: $refused")
            assertEquals(ConnectionState.Suspended, client.state, step)
        }
    }
}
