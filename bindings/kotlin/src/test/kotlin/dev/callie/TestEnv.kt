package dev.callie

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import java.io.File
import java.net.Socket
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

/** The password of every user. */
const val PASSWORD = "correct horse battery"

/** The timeout of every step and every scenario. */
val BOUND: Duration = 60.seconds

/** The program that starts servers, one process for all scenarios. It ends with this process, which closes its stdin. */
private object TestBed {
    private val program: File =
        File(System.getProperty("callie.testbed") ?: "../../target/debug/callie-testbed").absoluteFile
    private val process = ProcessBuilder(program.path).redirectError(ProcessBuilder.Redirect.INHERIT).start()
    val port: Int = process.inputStream.bufferedReader().readLine().toInt()
}

/** The servers of one scenario, which end with it. */
class TestEnv : AutoCloseable {
    private val socket = Socket("127.0.0.1", TestBed.port)
    private val answers = socket.getInputStream().bufferedReader()

    /** Sends a request to the test bed and returns the values of its answer. */
    fun ask(request: String): String {
        socket.getOutputStream().write("$request\n".toByteArray())
        val answer = checkNotNull(answers.readLine()) { "$request: no answer" }
        check(answer.startsWith("ok")) { "$request: $answer" }
        return answer.removePrefix("ok").trim()
    }

    fun server(): Server = Server(ask("server"))

    /** The server without its proxy. */
    fun direct(): Server = Server(ask("direct"))

    /** The credentials for a hostile server. */
    fun hostile(kind: String, patience: Duration = BOUND): Credentials =
        Credentials(configWithTimeouts(ask("hostile $kind"), patience), "ada", "token")

    override fun close() = socket.close()
}

fun configWithTimeouts(url: String, patience: Duration): Config =
    Config(url, connectTimeout = patience, requestTimeout = patience)

/** Runs a scenario in its own environment, with a timeout. */
fun scenario(body: suspend CoroutineScope.(TestEnv) -> Unit): Unit = runBlocking {
    TestEnv().use { env -> withTimeout(BOUND) { body(env) } }
}

suspend fun Server.user(name: String): Credentials = registerAndLogin(name, PASSWORD)

suspend fun Server.online(name: String): Client = Client.open(user(name))

/** Waits for the next event. */
suspend fun Client.next(): Event = nextEvents(1, BOUND).single()

/** Waits for an event of a kind and discards others. */
suspend inline fun <reified E : Event> Client.first(wanted: (E) -> Boolean = { true }): E {
    while (true) {
        val event = next()
        if (event is E && wanted(event)) return event
    }
}

/** Waits for the next message and returns its text. */
suspend fun Client.text(): String = first<Event.Message>().text

/** Waits until the client reports a state of this kind. */
suspend inline fun <reified S : ConnectionState> Client.comesTo(): S =
    first<Event.ConnectionChanged> { it.state is S }.state as S

/** Checks that the call fails with this error. */
inline fun <reified E : CallieException> refused(code: String? = null, call: () -> Unit): E {
    try {
        call()
    } catch (error: CallieException) {
        check(error is E && (code == null || error.code == code)) { "refused otherwise: $error" }
        return error
    }
    error("not refused")
}
