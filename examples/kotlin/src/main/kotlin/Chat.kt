// A chat in the terminal: java -jar target/chat.jar http://127.0.0.1:8080 ada PASSWORD bob
//
// Registers the user if the name is free. Each line that you type is sent to the peer. Ctrl-D ends the program. With a file as
// fifth argument, lines that are not delivered yet when the program ends are sent by the next one, even if it is killed.
//
//     scripts/bindings.sh kotlin && mvn -f bindings/kotlin/pom.xml -DskipTests install
//     mvn -f examples/kotlin/pom.xml package
//     java -jar examples/kotlin/target/chat.jar http://127.0.0.1:8080 ada PASSWORD bob

import dev.callie.CallieException
import dev.callie.Client
import dev.callie.Config
import dev.callie.ConnectionState
import dev.callie.SendOutcome
import dev.callie.Event
import dev.callie.Server
import dev.callie.Ticket
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.ReceiveChannel
import kotlinx.coroutines.channels.trySendBlocking
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeoutOrNull
import kotlin.concurrent.thread
import kotlin.system.exitProcess
import kotlin.time.Duration.Companion.seconds

suspend fun show(client: Client) {
    var waited = false
    client.events.collect { event -> waited = show(event, waited) }
}

/** Prints an event. Returns whether the client waits for a connection. */
fun show(event: Event, waited: Boolean): Boolean {
    when (event) {
        is Event.Message -> {
            println("${event.sender}: ${event.text}")
            for (attachment in event.attachments) println("  [${attachment.kind.name.lowercase()}] ${attachment.url}")
        }
        is Event.Notice -> println("* ${event.description} (${event.code})")
        is Event.Ended -> when (val ending = event.outcome) {
            is SendOutcome.Offline -> println("* not delivered: offline")
            is SendOutcome.Failed -> println("* not delivered: ${ending.reason}")
            is SendOutcome.Stored -> println("* offline: kept until it can be delivered")
            is SendOutcome.Unconfirmed -> println("* unconfirmed: it may have been delivered")
            is SendOutcome.Pending -> println("* not delivered yet: the next chat continues with it")
            is SendOutcome.Delivered, SendOutcome.Sent -> {}
        }
        is Event.DeliveredLate -> println("* delivered late")
        is Event.ConnectionChanged -> when (val state = event.state) {
            is ConnectionState.Waiting -> {
                println("* no connection, again in ${state.retryIn}: ${state.reason}")
                return true
            }
            is ConnectionState.Online -> {
                val gap = if (state.resumed) "" else "; messages may be missing"
                if (waited) println("* connected again$gap")
                return false
            }
            else -> {}
        }
        is Event.Closed -> println("* ${event.reason}")
        else -> {}
    }
    return waited
}

/** The lines of standard input. Reading cannot be interrupted, so it has a daemon thread, which does not delay the exit. */
fun lines(): ReceiveChannel<String> {
    val lines = Channel<String>()
    thread(isDaemon = true) {
        while (true) lines.trySendBlocking(readlnOrNull() ?: break)
        lines.close()
    }
    return lines
}

suspend fun typeIn(client: Client, peer: String) {
    var last: Ticket? = null
    for (line in lines()) {
        if (line.isNotBlank()) last = client.send(peer, line.trim())
    }
    // Waits for the outcome of the last line.
    withTimeoutOrNull(5.seconds) { last?.outcome() }
}

fun main(arguments: Array<String>) {
    if (arguments.size !in 4..5) {
        System.err.println("usage: chat URL USERNAME PASSWORD PEER [FILE]")
        exitProcess(1)
    }
    val (url, username, password, peer) = arguments
    try {
        runBlocking {
            val config = Config(url, stateFile = arguments.getOrNull(4))
            Client.open(Server(config).registerAndLogin(username, password)).use { client ->
                println("* $username is connected, write to $peer")
                coroutineScope {
                    // Waits until the input ends, a line cannot be sent, or the client has ended.
                    val typing = launch { typeIn(client, peer); client.disconnect() }
                    show(client)
                    typing.cancel()
                }
            }
        }
    } catch (error: CallieException) {
        System.err.println("chat: ${error.message}")
        exitProcess(1)
    }
}
