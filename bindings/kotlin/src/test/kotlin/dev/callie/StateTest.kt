package dev.callie

import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.util.concurrent.ConcurrentHashMap

/** A program that accepts a message, prints its ID and waits to be killed: `URL TOKEN FILE`. */
object Killed {
    @JvmStatic
    fun main(arguments: Array<String>) {
        val (url, token, file) = arguments
        val client = Client(Credentials(Config(url, stateFile = file), "ada", token))
        client.start()
        println(client.send("bob", "before the kill").messageId)
        Thread.sleep(Long.MAX_VALUE)
    }
}

class StateTest {
    @TempDir
    lateinit var folder: File

    private val file get() = File(folder, "state")

    private fun client(name: String = "ada", url: String = NOBODY, token: String = "token") =
        Client(Credentials(Config(url, stateFile = file.path), name, token))

    @Test
    fun killedClientSendsWhatItAccepted() = scenario { env ->
        val url = env.ask("server")
        val token = Server(url).user("ada").token
        val bob = env.direct().online("bob")
        env.ask("refuse")
        val java = File(System.getProperty("java.home"), "bin/java").path
        val path = System.getProperty("java.class.path")
        val program = ProcessBuilder(java, "-cp", path, Killed::class.java.name, url, token, file.path).start()
        val accepted = program.inputStream.bufferedReader().readLine()
        program.destroyForcibly().waitFor()
        env.ask("accept")
        val ada = client(url = url, token = token)
        val pending = ada.pending.single()
        assertEquals(accepted, pending.messageId)
        ada.connect()
        val arrived = bob.first<Event.Message>()
        assertEquals("before the kill" to accepted, arrived.text to arrived.messageId)
        assertTrue(pending.outcome() is SendOutcome.Delivered)
        val ended = ada.first<Event.Ended>()
        assertEquals(pending.number to accepted, ended.ticket to ended.messageId)
        assertTrue(ada.pending.isEmpty())
        ada.disconnect()
    }

    @Test
    fun nothingIsShownTwiceAfterARestart() = scenario { env ->
        val url = env.ask("hostile liar")
        client(url = url).use { ada ->
            ada.connect()
            assertEquals("once", ada.text())
        }
        client(url = url).use { ada ->
            ada.connect()
            ada.ping()
            assertEquals(0uL to 2uL, ada.stats.messagesReceived to ada.stats.duplicates)
        }
    }

    @Test
    fun damagedStateIsSetAside() = scenario {
        val ada = client()
        val kept = ada.send("bob", "kept")
        ada.disconnect()
        assertEquals(SendOutcome.Pending, kept.outcome())
        val content = file.readBytes()
        content[content.size / 2] = (content[content.size / 2].toInt() xor 1).toByte()
        file.writeBytes(content)
        val refused = refused<CallieException.State>("STATE_DAMAGED") { client() }
        val aside = folder.listFiles { found -> found.name.startsWith("state.damaged-") }!!.single()
        assertArrayEquals(content, aside.readBytes())
        assertTrue(aside.path in refused.reason)
        client().use { assertTrue(it.pending.isEmpty()) }
    }

    @Test
    fun stateOfAnotherUserIsRefused() = scenario {
        client().disconnect()
        refused<CallieException.State>("STATE_OF_OTHER_USER") { client("bob") }
        refused<CallieException.State>("STATE_OF_OTHER_SERVER") { client(url = "http://127.0.0.1:10") }
    }

    @Test
    fun stateInUseIsRefused() = scenario {
        client().use { ada ->
            refused<CallieException.State>("STATE_IN_USE") { client() }
            ada.send("bob", "the first client continues")
        }
        client().disconnect()
    }

    /** A store in memory, which can be made to fail. */
    private class Memory : StateStore {
        val records = ConcurrentHashMap<String, ByteArray>()
        val threads: MutableSet<Thread> = ConcurrentHashMap.newKeySet()

        @Volatile
        var fails = false

        override fun load(): Map<String, ByteArray> {
            threads += Thread.currentThread()
            return records
        }

        override fun write(puts: Map<String, ByteArray>, deletes: List<String>) {
            threads += Thread.currentThread()
            if (fails) throw IllegalStateException("the database is locked")
            records += puts
            for (key in deletes) records -= key
        }
    }

    @Test
    fun applicationStoreKeepsTheState() = scenario { env ->
        val store = Memory()
        val server = env.server()
        val credentials = server.user("ada")
        val bob = server.online("bob")
        val first = Client(credentials, store)
        val sent = first.send("bob", "from the store")
        first.disconnect()
        assertEquals(1, store.threads.size)
        Client(credentials, store).use { ada ->
            assertEquals(sent.messageId, ada.pending.single().messageId)
            ada.connect()
            assertEquals("from the store", bob.text())
        }
    }

    @Test
    fun failingStoreEndsTheClient() = scenario {
        val store = Memory()
        val ada = Client(Credentials(Config(NOBODY), "ada", "token"), store)
        val stored = ada.send("bob", "stored")
        store.fails = true
        val refused = refused<CallieException.State>("STATE_UNAVAILABLE") { ada.send("bob", "not stored") }
        assertTrue("the database is locked" in refused.reason)
        assertEquals(SendOutcome.Pending, stored.outcome())
        assertEquals("STATE_UNAVAILABLE", ada.first<Event.Closed>().code)
        assertEquals(1, store.records.keys.count { it.startsWith("message/") })
    }

    private companion object {
        /** A server that is not there. */
        const val NOBODY = "http://127.0.0.1:9"
    }
}
