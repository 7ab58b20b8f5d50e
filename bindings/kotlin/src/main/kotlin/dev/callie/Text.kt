package dev.callie

/**
 * Checks that UTF-8 can represent this text.
 *
 * Every text is checked before a native call: uniffi leaks the arguments of a call if it finds an unpaired surrogate.
 */
internal fun String.checked(name: String): String {
    val at = loneSurrogate()
    if (at >= 0) {
        throw CallieException.InvalidArgument(
            "INVALID_ARGUMENT", "$name must be valid Unicode, but has an unpaired surrogate at index $at", null,
        )
    }
    return this
}

internal fun List<String>.checked(name: String): List<String> = onEach { it.checked("each of $name") }

/** This text with U+FFFD in place of every unpaired surrogate, for a text that cannot be refused. */
internal fun String.repaired(): String =
    if (loneSurrogate() < 0) this else String(toByteArray(Charsets.UTF_16BE), Charsets.UTF_16BE)

/** The index of the first unpaired surrogate; -1 if there is none. */
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
