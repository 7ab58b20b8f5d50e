package dev.callie

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread
import kotlin.system.exitProcess

/**
 * A program that ends in the middle of everything: a listener, a logger, threads and coroutines in calls, and a flood
 * of events.
 *
 * `URL HOW`, where HOW is one of `exit`, `return`, `throw`, `halt` and `blocked` (a return while the listener
 * blocks); the password of `ada` and `bob` is [PASSWORD].
 */
object Exit {
    private const val FLOOD = 2_000

    @JvmStatic
    fun main(arguments: Array<String>) {
        val (url, how) = arguments
        setLogger(LogLevel.TRACE) { _, _, text -> check(text.isNotEmpty()) }
        val flooded = CountDownLatch(FLOOD)
        val (ada, bob) = listOf("ada", "bob").map { runBlocking { Client.open(Server(url).login(it, PASSWORD)) } }
        bob.listen { events ->
            repeat(events.count { it is Event.Message }) { flooded.countDown() }
            if (how == "blocked" && flooded.count == 0L) Thread.sleep(Long.MAX_VALUE)
        }
        repeat(3) {
            thread(isDaemon = true) { runBlocking { while (true) ada.ping("SERVER") } }
        }
        CoroutineScope(Dispatchers.Default).launch { ada.events.collect {} }
        thread(isDaemon = true) {
            while (true) {
                try {
                    ada.send("bob", "x")
                } catch (_: CallieException.QueueFull) {
                    Thread.sleep(1)
                }
            }
        }
        flooded.await()
        when (how) {
            "exit" -> exitProcess(7)
            "halt" -> Runtime.getRuntime().halt(7)
            "throw" -> error("this program fails here")
        }
    }
}

class ExitTest {
    @Test
    fun programEndsWithItsOwnCode() = scenario { env ->
        val url = env.ask("server")
        for (name in listOf("ada", "bob")) Server(url).register(name, PASSWORD)
        val java = File(System.getProperty("java.home"), "bin/java").path
        for ((how, code) in listOf("exit" to 7, "halt" to 7, "return" to 0, "blocked" to 0, "throw" to 1)) {
            val program = ProcessBuilder(
                java, "-XX:-CreateCoredumpOnCrash", "-cp", System.getProperty("java.class.path"), Exit::class.java.name, url, how,
            ).redirectErrorStream(true).start()
            val said = program.inputStream.bufferedReader().readText()
            assertTrue(program.waitFor(30, TimeUnit.SECONDS), "$how: it does not end")
            assertEquals(code, program.exitValue(), "$how: $said")
            assertTrue("fatal error" !in said, said)
        }
    }
}
