package dev.callie

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/** The entries of one page of a list, and the `after` of the next page; null on the last page. */
internal class Page<T>(val entries: List<T>, val next: String?)

/** A flow over all pages of a list. The pages are fetched as they are collected. */
internal fun <T> pages(fetch: suspend (after: String?) -> Page<T>): Flow<T> = flow {
    var after: String? = null
    do {
        val page = fetch(after)
        for (entry in page.entries) emit(entry)
        after = page.next
    } while (after != null)
}
