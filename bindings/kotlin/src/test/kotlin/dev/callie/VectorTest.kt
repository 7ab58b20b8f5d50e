package dev.callie

import com.google.gson.JsonObject
import com.google.gson.JsonParser
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File

class VectorTest {
    /** The text of a vector: one, or parts that are repeated. */
    private fun text(vector: JsonObject): String = vector["payload"]?.asString
        ?: vector["parts"].asJsonArray.map { it.asJsonArray }.joinToString("") { it[0].asString.repeat(it[1].asInt) }

    @Test
    fun everyVectorIsJudged() = scenario { world ->
        var judged = 0
        for (file in File(world.ask("vectors")).listFiles { it -> it.extension == "json" }!!) {
            val vectors = JsonParser.parseString(file.readText()).asJsonObject["vectors"].asJsonArray
            for (vector in vectors.map { it.asJsonObject }) {
                val text = text(vector)
                val found = if (vector["from"]?.asString == "client") checkPayload(text) else checkServerPayload(text)
                val fault = vector["fault"]?.takeIf { it.isJsonObject }?.asJsonObject
                val expected = fault?.let { it["code"].asString to it["path"].asString }
                val told = found?.let { it.code to it.path }
                if (expected != null && vector.has("connectionToken")) {
                    // What the connection's token hides of a path, only the connection's server knows.
                    assertEquals(expected.first, told?.first, "${file.name}: ${vector["name"]}")
                } else {
                    assertEquals(expected, told, "${file.name}: ${vector["name"]}")
                }
                judged++
            }
        }
        assertTrue(judged >= 300, "only $judged")
    }
}
