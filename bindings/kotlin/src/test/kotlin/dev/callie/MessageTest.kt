package dev.callie

import kotlinx.coroutines.async
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.filterIsInstance
import kotlinx.coroutines.flow.toList
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class MessageTest {
    private val delivered = Ending.Delivered(confirmed = 1, unconfirmed = 0, offline = 0)

    @Test
    fun messageArrives() = scenario { world ->
        val all = "# Grüße\n\n**fett** `code` \"quotes\" \\ \u0000 \u007f 你好 👋 \u2028"
        val server = world.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val ticket = ada.send("bob", all)
        val message = bob.events.filterIsInstance<Event.Message>().first()
        assertEquals(all, message.text)
        assertEquals(ticket.messageId, message.messageId)
        assertEquals("ada" to "bob", message.sender to message.recipient)
        // What comes next is the next message, so the first came once.
        ada.send("bob", "next")
        assertEquals("next", bob.text())
    }

    @Test
    fun attachmentArrives() = scenario { world ->
        val server = world.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val size = (1uL shl 53) - 1uL
        val url = "https://example.org/%E2%9C%93.png"
        ada.send("bob", "", listOf(Attachment(AttachmentKind.IMAGE, url, "✓.png", size, "image/png")))
        val message = bob.first<Event.Message>()
        val image = message.attachments.single()
        assertEquals("", message.text)
        assertEquals(Attachment(AttachmentKind.IMAGE, url, "✓.png", size, "image/png", image.metadata), image)
    }

    @Test
    fun messageIsConfirmed() = scenario { world ->
        val server = world.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val sent = ada.send("bob", "hello")
        assertEquals(delivered, sent.ending())
        assertEquals(delivered, sent.ending())
        assertEquals(Event.Ended(sent.number, sent.messageId, delivered), ada.first<Event.Ended>())
        assertEquals(Ending.Sent, ada.send("bob", "no answer needed", confirm = false).ending())
        assertEquals("hello", bob.text())
    }

    @Test
    fun offlineRecipientIsTold() = scenario { world ->
        val server = world.server()
        server.user("bob")
        assertEquals(Ending.Offline, server.online("ada").send("bob", "hello").ending())
    }

    @Test
    fun unknownRecipientIsTold() = scenario { world ->
        val ending = world.server().online("ada").send("nobody", "hello").ending()
        assertEquals("RECIPIENT_UNKNOWN", (ending as Ending.Failed).code)
    }

    @Test
    fun groupMessageArrives() = scenario { world ->
        val server = world.server()
        val ada = server.online("ada")
        val others = listOf(server.online("bob"), server.online("eve"))
        val group = ada.createGroup("Friends", listOf("bob", "eve"))
        val ticket = ada.send(group.groupId, "hello all")
        for (other in others) {
            val message = other.first<Event.Message>()
            assertEquals("hello all" to group.groupId, message.text to message.recipient)
        }
        assertEquals(Ending.Delivered(confirmed = 2, unconfirmed = 0, offline = 0), ticket.ending())
    }

    @Test
    fun broadcastArrives() = scenario { world ->
        val server = world.server()
        val ada = server.online("ada")
        val others = listOf(server.online("bob"), server.online("eve"))
        val ticket = ada.send("BROADCAST", "hello world")
        for (other in others) {
            val message = other.first<Event.Message>()
            assertEquals("hello world" to "BROADCAST", message.text to message.recipient)
        }
        assertEquals(Ending.Sent, ticket.ending())
    }

    @Test
    fun eventsKeepTheirOrder() = scenario { world ->
        val server = world.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        repeat(300) { ada.send("bob", "$it") }
        repeat(300) { assertEquals("$it", bob.text()) }
    }

    @Test
    fun burstOf10000EventsArrives() = scenario { world ->
        val server = world.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val received = async {
            var count = 0
            while (count < 10_000) {
                for (event in bob.nextEvents(timeout = BOUND)) {
                    if (event is Event.Message) assertEquals("${count++}", event.text)
                }
            }
        }
        var sent = 0
        while (sent < 10_000) {
            try {
                ada.send("bob", "$sent")
                sent++
            } catch (_: CallieException.QueueFull) {
                // The endings make room.
                ada.nextEvents(1_024, BOUND)
            }
        }
        val rest = async { ada.events.toList() }
        received.await()
        ada.disconnect()
        assertTrue(rest.await().last() is Event.Closed)
    }

    @Test
    fun invalidArgumentsAreRefused() = scenario { world ->
        val ada = world.server().online("ada")
        val long = "x".repeat(ada.limits.maxTextBytes.toInt() + 1)
        for (to in listOf("", "Not A Name", "group:1", "SERVER")) {
            refused<CallieException.InvalidArgument> { ada.send(to, "hello") }
        }
        for (text in listOf("", long)) {
            refused<CallieException.InvalidArgument> { ada.send("bob", text) }
        }
        refused<CallieException.InvalidArgument> {
            ada.send("bob", "", listOf(Attachment(AttachmentKind.FILE, "ftp://example.org/file")))
        }
        for ((name, parameters) in listOf("lower case" to "{}", "GET_SETTINGS" to "[]", "GET_SETTINGS" to "{")) {
            refused<CallieException.InvalidArgument>("INVALID_ARGUMENT") { ada.command(name, parameters) }
        }
        refused<CallieException.InvalidArgument> { ada.ping("No One") }
        refused<CallieException.InvalidArgument> { ada.nextEvents(0, BOUND) }
        for (url in listOf("", "no url", "ftp://example.org", "https://user@example.org")) {
            refused<CallieException.InvalidArgument>("INVALID_ARGUMENT") { Server(url) }
        }
        val counts = ada.statistics
        assertEquals(listOf(0uL, 0uL, 1uL), listOf(counts.messagesSent, counts.waiting, counts.payloadsSent))
    }
}
