package dev.callie

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File

class VectorTest {
    /** The text of a vector: a literal, or repeated parts. */
    private fun text(vector: JsonObject): String = vector["payload"]?.jsonPrimitive?.content
        ?: vector["parts"]!!.jsonArray.map { it.jsonArray }.joinToString("") { (text, times) ->
            text.jsonPrimitive.content.repeat(times.jsonPrimitive.int)
        }

    @Test
    fun everyVectorIsChecked() = scenario { env ->
        var checked = 0
        for (file in File(env.ask("vectors")).listFiles { it -> it.extension == "json" }!!) {
            val vectors = Json.parseToJsonElement(file.readText()).jsonObject["vectors"]!!.jsonArray
            for (vector in vectors.map { it.jsonObject }) {
                val text = text(vector)
                val found = if (vector["from"]?.jsonPrimitive?.content == "client") checkPayload(text) else checkServerPayload(text)
                val fault = vector["fault"] as? JsonObject
                val expected = fault?.let { it["code"]!!.jsonPrimitive.content to it["path"]!!.jsonPrimitive.content }
                val actual = found?.let { it.code to it.path }
                if (expected != null && "connectionToken" in vector) {
                    // Only the connection's server knows which parts of a path the connection's token hides.
                    assertEquals(expected.first, actual?.first, "${file.name}: ${vector["name"]}")
                } else {
                    assertEquals(expected, actual, "${file.name}: ${vector["name"]}")
                }
                checked++
            }
        }
        assertTrue(checked >= 300, "only $checked")
    }
}
