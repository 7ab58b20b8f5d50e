package dev.callie

import kotlinx.coroutines.async
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.filterIsInstance
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import java.lang.reflect.InvocationTargetException
import java.lang.reflect.Modifier
import java.time.Instant
import kotlin.coroutines.Continuation
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.time.Duration
import kotlin.time.Duration.Companion.days

class MessageTest {
    private val delivered = SendOutcome.Delivered(confirmed = 1, unconfirmed = 0, offline = 0, stored = 0)

    @Test
    fun messageArrives() = scenario { env ->
        val all = "# Grüße\n\n**fett** `code` \"quotes\" \\ \u0000 \u007f 你好 👋 \u2028"
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val ticket = ada.send("bob", all)
        val message = bob.events.filterIsInstance<Event.Message>().first()
        assertEquals(all, message.text)
        assertEquals(ticket.messageId, message.messageId)
        assertEquals("ada" to "bob", message.sender to message.recipient)
        // The next event is the next message, so the first one arrived once.
        ada.send("bob", "next")
        assertEquals("next", bob.text())
    }

    @Test
    fun attachmentArrives() = scenario { env ->
        val server = env.server()
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
    fun messageIsConfirmed() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val sent = ada.send("bob", "hello")
        assertEquals("hello", bob.text())
        assertEquals(delivered, sent.outcome())
        assertEquals(delivered, sent.outcome())
        assertEquals(Event.Ended(sent.number, sent.messageId, delivered), ada.first<Event.Ended>())
        assertEquals(SendOutcome.Sent, ada.send("bob", "no answer needed", confirm = false).outcome())
        assertEquals("no answer needed", bob.text())
    }

    @Test
    fun offlineRecipientIsReported() = scenario { env ->
        val server = env.server()
        server.user("bob")
        assertEquals(SendOutcome.Offline, server.online("ada").send("bob", "hello").outcome())
    }

    @Test
    fun unknownRecipientIsReported() = scenario { env ->
        val ending = env.server().online("ada").send("nobody", "hello").outcome()
        assertEquals("RECIPIENT_UNKNOWN", (ending as SendOutcome.Failed).code)
    }

    @Test
    fun groupMessageArrives() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val others = listOf(server.online("bob"), server.online("eve"))
        val group = ada.createGroup("Friends", listOf("bob", "eve"))
        val ticket = ada.send(group.groupId, "hello all")
        for (other in others) {
            val message = other.first<Event.Message>()
            assertEquals("hello all" to group.groupId, message.text to message.recipient)
        }
        assertEquals(SendOutcome.Delivered(confirmed = 2, unconfirmed = 0, offline = 0, stored = 0), ticket.outcome())
    }

    @Test
    fun broadcastArrives() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val others = listOf(server.online("bob"), server.online("eve"))
        val ticket = ada.send("BROADCAST", "hello world")
        for (other in others) {
            val message = other.first<Event.Message>()
            assertEquals("hello world" to "BROADCAST", message.text to message.recipient)
        }
        assertEquals(SendOutcome.Sent, ticket.outcome())
    }

    @Test
    fun eventsKeepTheirOrder() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        repeat(300) { ada.send("bob", "$it") }
        repeat(300) { assertEquals("$it", bob.text()) }
    }

    @Test
    fun burstOf10000EventsArrives() = scenario { env ->
        val server = env.server()
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
                // Outcomes free room in the queue.
                ada.nextEvents(1_024, BOUND)
            }
        }
        val rest = async { ada.events.toList() }
        received.await()
        ada.disconnect()
        assertTrue(rest.await().last() is Event.Closed)
    }

    @Test
    fun invalidArgumentsAreRefused() = scenario { env ->
        val ada = env.server().online("ada")
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
        refused<CallieException.InvalidArgument>("INVALID_ARGUMENT") { ada.command("lower case") }
        for (count in listOf(0, -1)) {
            refused<CallieException.InvalidArgument> { Server(Config("http://127.0.0.1:1", maxWaiting = count)) }
            refused<CallieException.InvalidArgument> { Server(Config("http://127.0.0.1:1", eventQueue = count)) }
        }
        refused<CallieException.InvalidArgument> { ada.ping("No One") }
        refused<CallieException.InvalidArgument> { ada.nextEvents(0, BOUND) }
        for (url in listOf("", "no url", "ftp://example.org", "https://user@example.org")) {
            refused<CallieException.InvalidArgument>("INVALID_ARGUMENT") { Server(url) }
        }
        val counts = ada.stats
        assertEquals(listOf(0uL, 0uL, 1uL), listOf(counts.messagesSent, counts.waiting, counts.payloadsSent))
    }

    @Test
    fun sentMessageArrives() = scenario { env ->
        val server = Server(env.ask("strict"))
        val session = server.user("ada")
        val devices = listOf(Client.open(session), Client.open(session))
        val bob = server.online("bob")
        val each = 60
        val tickets = devices.flatMap { device -> List(each) { device.send("bob", "$it", confirm = false) } }
        val arrived = async {
            var count = 0
            while (count < devices.size * each) count += bob.nextEvents(timeout = BOUND).count { it is Event.Message }
            count
        }
        for (ticket in tickets) assertEquals(SendOutcome.Sent, ticket.outcome())
        assertEquals(devices.size * each, arrived.await())
    }

    @Test
    fun untakenMessageIsNotDelivered() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val tickets = List(3) { ada.send("bob", "$it") }
        // Bob's client has received the messages by now, but bob has not taken them.
        ada.ping("bob")
        assertEquals(3uL, ada.stats.waiting)
        // Two messages were taken, and one waits in the inbox of the Kotlin layer.
        repeat(2) { assertEquals("$it", bob.events.filterIsInstance<Event.Message>().first().text) }
        for (ticket in tickets.take(2)) assertEquals(delivered, ticket.outcome())
        ada.ping("bob")
        assertEquals(1uL, ada.stats.waiting)
        assertEquals("2", bob.text())
        assertEquals(delivered, tickets[2].outcome())
    }

    @Test
    fun senderMayTakeNoEvents() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val receiving = launch { bob.events.collect {} }
        repeat(5) {
            val tickets = List(500) { ada.send("bob", "$it") }
            for (ticket in tickets) assertEquals(delivered, ticket.outcome())
        }
        receiving.cancel()
    }

    @Test
    fun replyNamesItsMessage() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        val big = Json.parseToJsonElement("""{"mood":"good","big":123456789012345678901234567890,"huge":1e999}""").jsonObject
        ada.send("bob", "Tea?", metadata = big)
        val question = bob.first<Event.Message>()
        bob.send("ada", "Yes!", metadata = buildJsonObject { put("inReplyTo", question.payloadId) })
        assertEquals(question.payloadId, ada.first<Event.Message>().metadata["inReplyTo"]?.jsonPrimitive?.content)
        // Received metadata can be sent again, and its numbers keep their digits.
        bob.send("ada", "on", metadata = question.metadata)
        val again = ada.first<Event.Message>().metadata
        assertEquals(listOf("good", "123456789012345678901234567890", "1e999"), listOf("mood", "big", "huge").map { again[it]?.jsonPrimitive?.content })
    }

    @Test
    fun longestTimeoutIsAccepted() = scenario { env ->
        val server = env.server()
        val endless = Duration.INFINITE
        val config = Config(env.ask("direct"), connectTimeout = endless, requestTimeout = endless, sendTimeout = endless)
        val ada = Server(config).online("ada")
        val bob = server.online("bob")
        for (timeout in listOf(Duration.INFINITE, Long.MAX_VALUE.days, null)) {
            val ticket = ada.send("bob", "x", timeout = timeout)
            while (bob.nextEvents(timeout = Duration.INFINITE).none { it is Event.Message }) continue
            assertEquals(delivered, ticket.outcome())
        }
        assertTrue(ada.ping("SERVER") > Duration.ZERO)
        for (timeout in listOf(Duration.ZERO, -Duration.INFINITE)) {
            refused<CallieException.InvalidArgument> { ada.send("bob", "x", timeout = timeout) }
            bob.nextEvents(timeout = timeout)
        }
        for (until in listOf(Instant.MAX, Instant.MIN)) {
            refused<CallieException.InvalidArgument> { ada.banUser("bob", until = until) }
        }
    }

    @Test
    fun invalidTextIsRefused() = scenario { env ->
        val server = env.server()
        val ada = server.online("ada")
        val bob = server.online("bob")
        for (half in listOf("x \uD83D y", "\uDC4B", "\uD83D")) {
            refused<CallieException.InvalidArgument>("INVALID_ARGUMENT") { ada.send("bob", half) }
            refused<CallieException.InvalidArgument>("INVALID_ARGUMENT") { server.login("ada", half) }
            for (file in listOf(Attachment(AttachmentKind.FILE, half), attachment(half), attachment(filetype = half))) {
                refused<CallieException.InvalidArgument>("INVALID_ARGUMENT") { ada.send("bob", "x", listOf(file)) }
            }
        }
        val deep = generateSequence<JsonElement>(JsonObject(emptyMap())) { JsonArray(listOf(it)) }.elementAt(100_000)
        for (value in listOf(JsonPrimitive(Double.NaN), JsonPrimitive("\uD83D"), deep)) {
            val json = JsonObject(mapOf("x" to value))
            refused<CallieException.InvalidArgument> { ada.send("bob", "x", metadata = json) }
            refused<CallieException.InvalidArgument> { ada.signal("bob", "typing", json) }
            refused<CallieException.InvalidArgument> { ada.command("GET_SETTINGS", json) }
        }
        ada.send("bob", "👋")
        assertEquals("👋", bob.text())
    }

    private fun attachment(filename: String? = null, filetype: String? = null) =
        Attachment(AttachmentKind.FILE, "https://example.org/", filename, null, filetype)

    @Test
    fun everyCallRefusesInvalidText() = scenario { env ->
        val half = "\uD83D"
        val server = env.server()
        val session = server.user("ada")
        val ada = Client.open(session)
        for (call in listOf<() -> Unit>(
            { Credentials(Config(half), "ada", "token") },
            { Credentials(Config("http://127.0.0.1:1"), half, "token") },
            { Credentials(Config("http://127.0.0.1:1"), "ada", half) },
        )) {
            refused<CallieException.InvalidArgument>("INVALID_ARGUMENT") { call() }
        }
        val refused = mutableListOf<String>()
        for ((target, type) in listOf(
            ada to Client::class.java,
            server to Server::class.java,
            null to Class.forName("dev.callie.CommandsKt"),
            null to Class.forName("dev.callie.LibraryKt"),
        )) {
            for (method in type.declaredMethods.filter { Modifier.isPublic(it.modifiers) && !it.isSynthetic }) {
                // A flow makes its calls only when it is collected.
                if (method.returnType == Flow::class.java) continue
                for (at in method.parameterTypes.indices) {
                    val bad: Any = when (method.parameterTypes[at]) {
                        String::class.java -> half
                        List::class.java -> listOf(half)
                        JsonElement::class.java, JsonObject::class.java -> JsonObject(mapOf(half to JsonPrimitive(1)))
                        Config::class.java -> Config(half)
                        else -> continue
                    }
                    if (method.name.startsWith("send") && bad is List<*>) continue
                    val arguments = method.parameterTypes.mapIndexed { other, wanted ->
                        if (other == at) bad else valid(wanted, ada, session)
                    }
                    val place = "${method.name}, argument $at"
                    val failed = assertThrows<InvocationTargetException>(place) {
                        method.invoke(target, *arguments.toTypedArray())
                    }.targetException
                    assertTrue(failed is CallieException.InvalidArgument && failed.cause == null, "$place: $failed")
                    refused += place
                }
            }
        }
        assertTrue(refused.size > 50, "only $refused")
    }

    /** A valid argument. */
    private fun valid(wanted: Class<*>, client: Client, credentials: Credentials): Any? = when (wanted) {
        String::class.java -> "valid"
        List::class.java -> emptyList<String>()
        JsonElement::class.java, JsonObject::class.java -> JsonObject(emptyMap())
        Client::class.java -> client
        Credentials::class.java -> credentials
        Config::class.java -> Config("http://127.0.0.1:1")
        Boolean::class.java -> false
        Continuation::class.java -> Continuation<Any?>(EmptyCoroutineContext) {}
        else -> wanted.enumConstants?.first()
    }
}
