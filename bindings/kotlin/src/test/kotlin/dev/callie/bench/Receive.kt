package dev.callie.bench

import com.sun.management.OperatingSystemMXBean
import dev.callie.Client
import dev.callie.Config
import dev.callie.Event
import dev.callie.Credentials
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import java.lang.management.ManagementFactory
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes

private const val BATCH = 64

/**
 * Takes messages in batches: `URL TOKEN COUNT` prints "ready", then the CPU time per event in microseconds. All threads
 * count, including the virtual machine's compiler and garbage collector.
 */
fun main(arguments: Array<String>): Unit = runBlocking {
    val (url, token, number) = arguments
    val count = number.toInt()
    val system = ManagementFactory.getOperatingSystemMXBean() as OperatingSystemMXBean
    val config = Config(url, eventQueue = count + BATCH)
    Client.open(Credentials(config, "bob", token)).use { client ->
        client.nextEvents(BATCH, 1.minutes)
        println("ready")
        val began = system.processCpuTime
        // Waits until the batches are full, as they are under load.
        while (client.stats.messagesReceived < count.toULong()) delay(50.milliseconds)
        var seen = 0
        while (seen < count) seen += client.nextEvents(BATCH, 1.minutes).count { it is Event.Message }
        println((system.processCpuTime - began) / 1e3 / count)
    }
}
