// A chat in the terminal: java -jar target/chat.jar http://127.0.0.1:8080 ada PASSWORD bob
//
// Registers the user where there is none yet. What you type goes to the peer; Ctrl-D ends.

import dev.callie.CallieException
import dev.callie.Client
import dev.callie.ConnectionState
import dev.callie.Ending
import dev.callie.Event
import dev.callie.Server
import dev.callie.Ticket
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.runInterruptible
import kotlinx.coroutines.withTimeoutOrNull
import kotlin.system.exitProcess
import kotlin.time.Duration.Companion.seconds

suspend fun show(client: Client) = client.events.collect { event ->
    when (event) {
        is Event.Message -> {
            println("${event.sender}: ${event.text}")
            for (attachment in event.attachments) println("  [${attachment.kind.name.lowercase()}] ${attachment.url}")
        }
        is Event.Notice -> println("* ${event.description} (${event.code})")
        is Event.Ended -> when (val ending = event.ending) {
            is Ending.Offline -> println("* not delivered: offline")
            is Ending.Failed -> println("* not delivered: ${ending.reason}")
            is Ending.Unconfirmed -> println("* not delivered: unconfirmed")
            is Ending.Delivered, Ending.Sent -> {}
        }
        is Event.Connection -> (event.state as? ConnectionState.Waiting)?.let {
            println("* no connection, again in ${it.retryIn}: ${it.reason}")
        }
        is Event.Closed -> println("* ${event.reason}")
        else -> {}
    }
}

suspend fun typeIn(client: Client, peer: String) {
    var last: Ticket? = null
    while (true) {
        val line = runInterruptible(Dispatchers.IO) { readlnOrNull() } ?: break
        if (line.isNotBlank()) last = client.send(peer, line.trim())
    }
    // The last line may still be on its way.
    withTimeoutOrNull(5.seconds) { last?.ending() }
}

fun main(arguments: Array<String>) {
    if (arguments.size != 4) {
        System.err.println("usage: chat URL USERNAME PASSWORD PEER")
        exitProcess(1)
    }
    val (url, username, password, peer) = arguments
    try {
        runBlocking {
            Client.open(Server(url).registerAndLogin(username, password)).use { client ->
                println("* $username is connected, write to $peer")
                coroutineScope {
                    // Either the user has had enough, or the client has ended.
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
    // A line that is still being waited for does not hold the program.
    exitProcess(0)
}
