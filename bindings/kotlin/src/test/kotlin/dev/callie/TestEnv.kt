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

/** Far over what any scenario takes, far under a hang. */
val BOUND: Duration = 60.seconds

/** The program that starts servers, one for all scenarios. It ends when this process does: its stdin ends then. */
private object TestBed {
    private val program: File =
        File(System.getProperty("callie.testbed") ?: "../../target/debug/callie-testbed").absoluteFile
    private val process = ProcessBuilder(program.path).redirectError(ProcessBuilder.Redirect.INHERIT).start()
    val port: Int = process.inputStream.bufferedReader().readLine().toInt()
}

/** Servers of a scenario's own; they end with it. */
class TestEnv : AutoCloseable {
    private val socket = Socket("127.0.0.1", TestBed.port)
    private val answers = socket.getInputStream().bufferedReader()

    /** Asks the test bed for something, and gives the answer. */
    fun ask(request: String): String {
        socket.getOutputStream().write("$request\n".toByteArray())
        val answer = checkNotNull(answers.readLine()) { "$request: no answer" }
        check(answer.startsWith("ok")) { "$request: $answer" }
        return answer.removePrefix("ok").trim()
    }

    fun server(): Server = Server(ask("server"))

    /** The way past the proxy. */
    fun direct(): Server = Server(ask("direct"))

    /** The session that clients of a hostile server resume. */
    fun hostile(kind: String, patience: Duration = BOUND): Credentials =
        Credentials(impatient(ask("hostile $kind"), patience), "ada", "token")

    override fun close() = socket.close()
}

fun impatient(url: String, patience: Duration): Config =
    Config(url, connectTimeout = patience, requestTimeout = patience)

/** Runs a scenario in a env of its own, and lets it take only so long. */
fun scenario(body: suspend CoroutineScope.(TestEnv) -> Unit): Unit = runBlocking {
    TestEnv().use { env -> withTimeout(BOUND) { body(env) } }
}

suspend fun Server.user(name: String): Credentials = registerAndLogin(name, PASSWORD)

suspend fun Server.online(name: String): Client = Client.open(user(name))

/** The next event. */
suspend fun Client.next(): Event = nextEvents(1, BOUND).single()

/** The next event of a kind; those before it are passed over. */
suspend inline fun <reified E : Event> Client.first(wanted: (E) -> Boolean = { true }): E {
    while (true) {
        val event = next()
        if (event is E && wanted(event)) return event
    }
}

/** The text of the next message. */
suspend fun Client.text(): String = first<Event.Message>().text

/** Waits until the client reports such a state. */
suspend inline fun <reified S : ConnectionState> Client.comesTo(): S =
    first<Event.ConnectionChanged> { it.state is S }.state as S

/** Fails unless the call does, with such an error. */
inline fun <reified E : CallieException> refused(code: String? = null, call: () -> Unit): E {
    try {
        call()
    } catch (error: CallieException) {
        check(error is E && (code == null || error.code == code)) { "refused otherwise: $error" }
        return error
    }
    error("not refused")
}
