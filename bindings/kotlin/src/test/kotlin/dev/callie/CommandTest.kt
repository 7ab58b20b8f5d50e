package dev.callie

import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.toList
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

class CommandTest {
    @Test
    fun messageIsEditedAndDeleted() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val id = ada.send("bob", "helo").messageId
        assertEquals("helo", bob.text())
        ada.editMessage("bob", id, "hello")
        assertEquals(Event.Edited(id, "ada", "bob", "hello"), bob.first<Event.Edited>())
        ada.deleteMessage("bob", id)
        assertEquals(Event.Deleted(id, "ada", "bob", "ada"), bob.first<Event.Deleted>())
    }

    @Test
    fun signalArrives() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val data = buildJsonObject { put("on", true) }
        ada.signal("bob", "typing", data)
        assertEquals(Event.Signal("ada", "bob", "typing", data), bob.first<Event.Signal>())
    }

    @Test
    fun commandResultIsTyped() = scenario { env ->
        val ada = env.server().online("ada")
        val made = ada.createGroup("Friends", visibility = Visibility.PUBLIC)
        assertEquals(Group(made.groupId, "Friends", Visibility.PUBLIC, listOf("ada")), made)
        val listed = ada.listGroups().groups.single()
        assertEquals(GroupSummary(made.groupId, "Friends", Role.OWNER, 1uL), listed)
        assertEquals(listOf(listed), ada.allGroups(limit = 1).toList())
        assertEquals(listOf("ada"), ada.allMembers(made.groupId).map { it.username }.toList())
        assertTrue(Duration.ZERO < ada.listSessions().single().let { (it.expiresAt.epochSecond - it.createdAt.epochSecond).seconds })
        // The command by name has the same result, as JSON.
        val named = ada.command("LIST_GROUPS")["groups"]!!.jsonArray.single().jsonObject
        assertEquals("Friends", named["name"]?.jsonPrimitive?.content)
    }

    @Test
    fun refusedCommandHasItsCode() = scenario { env ->
        val ada = env.server().online("ada")
        refused<CallieException.Refused>("GROUP_NOT_FOUND") {
            ada.joinGroup("group:018f0000-0000-7000-8000-000000000000")
        }
        refused<CallieException.Refused>("UNKNOWN_COMMAND") { ada.command("MAKE_COFFEE") }
        refused<CallieException.Refused>("INVALID_PARAMETERS") { ada.command("GET_SETTINGS", buildJsonObject { put("sugar", 2) }) }
        refused<CallieException.Refused>("FORBIDDEN") { ada.serverStats() }
    }

    @Test
    fun pingIsAnswered() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        assertTrue(ada.ping("SERVER") > Duration.ZERO)
        assertTrue(ada.ping(bob.username) > Duration.ZERO)
        refused<CallieException.Refused>("RECIPIENT_UNKNOWN") { ada.ping("nobody") }
    }

    @Test
    fun statisticsCount() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = env.direct().online("bob")
        repeat(3) {
            val ticket = ada.send("bob", "$it")
            assertEquals("$it", bob.text())
            ticket.outcome()
        }
        val sent = ada.stats
        val received = bob.stats
        assertEquals(listOf(3uL, 0uL), listOf(sent.messagesSent, sent.messagesReceived))
        assertEquals(listOf(0uL, 3uL), listOf(received.messagesSent, received.messagesReceived))
        assertEquals(
            listOf(1uL, 0uL, 0uL, 0uL),
            listOf(sent.connects, sent.reconnects, sent.waiting, received.duplicates),
        )
        assertTrue(sent.payloadsSent >= 4u && sent.payloadsReceived >= 4u)
        // Every payload has at least 150 bytes.
        assertTrue(sent.bytesSent > 600u && sent.bytesReceived > 600u)
        env.ask("cut")
        while (ada.stats.connects < 2u) ada.next()
        assertEquals(1uL, ada.stats.reconnects)
    }
}
