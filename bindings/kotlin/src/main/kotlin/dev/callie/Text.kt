package dev.callie

/**
 * This text, for the native library, which takes UTF-8.
 *
 * Every text is checked before the native call begins: one that turned out to be no UTF-8 in the middle of a call would leave
 * behind what the call had handed over so far.
 */
internal fun String.checked(name: String): String {
    val at = loneSurrogate()
    if (at >= 0) {
        throw CallieException.InvalidArgument(
            "INVALID_ARGUMENT", "$name must be valid Unicode, and has half of a surrogate pair at index $at", null,
        )
    }
    return this
}

internal fun List<String>.checked(name: String): List<String> = onEach { it.checked("each of $name") }

/** This text with U+FFFD for every half of a surrogate pair, for what can be refused to nobody. */
internal fun String.repaired(): String =
    if (loneSurrogate() < 0) this else String(toByteArray(Charsets.UTF_16BE), Charsets.UTF_16BE)

/** The index of the first half of a surrogate pair without its other half; -1 if there is none. */
private fun String.loneSurrogate(): Int {
    var at = 0
    while (at < length) {
        if (this[at].isSurrogate()) {
            if (!Character.isSurrogatePair(this[at], getOrElse(at + 1) { ' ' })) return at
            at++
        }
        at++
    }
    return -1
}
