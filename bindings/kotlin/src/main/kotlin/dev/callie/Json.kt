package dev.callie

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonObject

// JSON, which crosses into the native library as text. Numbers keep the digits that they were written with.

private val EMPTY = JsonObject(emptyMap())

/** The value of a text that the native library has checked. */
internal fun json(text: String): JsonElement = Json.parseToJsonElement(text)

/** The object of a text that the native library has checked. */
internal fun jsonObject(text: String): JsonObject = if (text == "{}") EMPTY else json(text).jsonObject

/** This value as text. */
internal fun JsonElement.text(name: String): String = try {
    toString().checked(name)
} catch (_: StackOverflowError) {
    throw CallieException.InvalidArgument("INVALID_ARGUMENT", "$name is nested too deeply", null)
}
