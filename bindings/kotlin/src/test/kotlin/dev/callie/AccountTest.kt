package dev.callie

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File
import kotlin.time.Duration

class AccountTest {
    @Test
    fun registersAndLogsIn() = scenario { env ->
        val server = env.server()
        server.register("ada", PASSWORD)
        val session = server.login("ada", PASSWORD, "laptop")
        assertEquals("ada", session.username)
        assertTrue(session.token.isNotEmpty())
        assertFalse(session.token in session.toString())
        val listed = server.sessions(session).single()
        assertEquals(listOf<Any?>(true, "laptop"), listOf(listed.current, listed.device))
        Client(session).use { assertEquals(session.token, it.credentials.token) }
        server.revokeSession(session, listed.sessionId)
        refused<CallieException.Refused>("UNAUTHORIZED") { server.sessions(session) }
    }

    @Test
    fun wrongPasswordIsRefused() = scenario { env ->
        val server = env.server()
        server.register("ada", PASSWORD)
        for (name in listOf("ada", "nobody")) {
            refused<CallieException.Refused>("INVALID_CREDENTIALS") { server.login(name, "wrong horse battery") }
        }
    }

    @Test
    fun takenNameIsRefused() = scenario { env ->
        val server = env.server()
        server.register("ada", PASSWORD)
        refused<CallieException.Refused>("USERNAME_TAKEN") { server.register("ada", PASSWORD) }
    }

    @Test
    fun connectsAndAuthenticates() = scenario { env ->
        Client(env.server().user("ada")).use { client ->
            assertEquals(ConnectionState.Suspended, client.state)
            client.connect()
            val state = client.state as ConnectionState.Online
            assertTrue(state.expiresAt != null)
            assertEquals(client.limits, state.limits)
            assertEquals("ada", client.username)
            client.connect()
        }
    }

    @Test
    fun invalidTokenIsRefused() = scenario { env ->
        val server = env.server()
        val session = server.user("ada")
        server.logout(session)
        Client(session).use { client ->
            refused<CallieException.Refused>("AUTH_FAILED") { client.connect() }
            val end = client.first<Event.Closed>()
            assertEquals(4501 to "AUTH_FAILED", end.closeCode to end.code)
            assertEquals(ConnectionState.Closed, client.state)
        }
    }

    @Test
    fun unusedPortIsUnreachable() = scenario { env ->
        val url = env.ask("nobody")
        refused<CallieException.Unreachable>("UNREACHABLE") { Server(url).login("ada", PASSWORD) }
        Client(Credentials(Config(url), "ada", "token")).use { client ->
            refused<CallieException.Unreachable>("UNREACHABLE") { client.connect() }
            assertEquals(ConnectionState.Suspended, client.state)
        }
    }

    private class Tls(env: TestEnv) {
        private val answer = env.ask("tls").split(' ')
        val url = answer[0]
        val root = File(answer[1]).readText()
        val pin = answer[2]
    }

    /** Logging in and connecting fail with the same error. */
    private suspend fun isNotTrusted(config: Config) {
        refused<CallieException.Unreachable>("TLS_FAILED") { Server(config).login("ada", PASSWORD) }
        refused<CallieException.Unreachable>("TLS_FAILED") { Client.open(Credentials(config, "ada", "token")) }
    }

    @Test
    fun wrongCertificateIsRefused() = scenario { env -> isNotTrusted(Config(Tls(env).url)) }

    @Test
    fun extraRootIsTrusted() = scenario { env ->
        val tls = Tls(env)
        for (bundled in listOf(true, false)) {
            val config = Config(tls.url, extraRoots = listOf(tls.root), bundledRoots = bundled)
            Server(config).online("ada").use { assertTrue(it.ping("SERVER") > Duration.ZERO) }
        }
    }

    @Test
    fun unreadableRootIsRefused() = scenario { env ->
        val tls = Tls(env)
        val config = Config(tls.url, extraRoots = listOf(tls.root, "-----BEGIN CERTIFICATE-----\nAAAA\n"))
        val error = refused<CallieException.InvalidArgument>("INVALID_ARGUMENT") { Server(config) }
        assertTrue("block 1 of extra root 2" in error.reason, error.reason)
    }

    @Test
    fun pinnedKeyIsRequired() = scenario { env ->
        val tls = Tls(env)
        val other = "00".repeat(32)
        val config = Config(tls.url, extraRoots = listOf(tls.root))
        Server(config.copy(pins = listOf(other, tls.pin))).online("ada").use { it.ping("SERVER") }
        isNotTrusted(config.copy(pins = listOf(other)))
    }

    @Test
    fun statesAreReportedInOrder() = scenario { env ->
        Client(env.server().user("ada")).use { client ->
            client.start()
            assertEquals(Event.ConnectionChanged(ConnectionState.Connecting), client.next())
            assertTrue((client.next() as Event.ConnectionChanged).state is ConnectionState.Online)
            client.disconnect()
            val end = client.next() as Event.Closed
            assertEquals(1000 to "DISCONNECTED", end.closeCode to end.code)
            refused<CallieException.Closed> { client.nextEvents(1, BOUND) }
        }
    }
}
