//! Pieces of SQL statements, and pages of their results.

/// The number of values in one statement. SQLite takes at most 32,766 and PostgreSQL 65,535; short statements are planned
/// faster.
pub(super) const CHUNK: usize = 200;

/// Returns `count` placeholders for a list of values: `$from, $from+1, …`.
pub(super) fn placeholders(from: usize, count: usize) -> String {
    (from..from + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

/// Returns the `LIMIT` of a page: one entry more than the page has, to find out whether there is another page.
pub(super) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1
}

/// Cuts a list that was read with [`one_more`] to `limit` entries. Returns the last entry left if there was one more.
pub(super) fn cut<T>(list: &mut Vec<T>, limit: usize) -> Option<&T> {
    let more = list.len() > limit;
    list.truncate(limit);
    list.last().filter(|_| more)
}
