//! Lists, cases and wrapped lines.

/// `snake_case` as `camelCase`.
pub(crate) fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| camel + &capitalized(word))
}

/// A word with its first letter in upper case.
pub(crate) fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// "a", "a or b", "a, b or c".
pub(crate) fn alternatives(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

/// Replaces what stands between backticks, backticks included.
pub(crate) fn replace_code(text: &str, replace: impl Fn(&str) -> String) -> String {
    text.split('`')
        .enumerate()
        .map(|(at, part)| if at % 2 == 1 { replace(part) } else { part.to_owned() })
        .collect()
}

/// Breaks a text into lines of at most `width` characters. Each begins with `prefix`, the second and later with `indent`
/// after it.
pub(crate) fn wrapped(text: &str, prefix: &str, indent: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut line = prefix.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > width {
            lines.push_str(&line);
            lines.push('\n');
            line = format!("{prefix}{indent}");
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines + &line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_change_their_case() {
        assert_eq!((camel("message_id"), camel("text")), ("messageId".to_owned(), "text".to_owned()));
    }

    #[test]
    fn code_is_replaced() {
        assert_eq!(replace_code("a `b_c` d `e`", |code| format!("[{}]", camel(code))), "a [bC] d [e]");
    }

    #[test]
    fn lines_are_wrapped() {
        assert_eq!(wrapped("one two three", "/// ", "", 12), "/// one two\n/// three\n");
        assert_eq!(wrapped("- one two three", "/// ", "  ", 13), "/// - one two\n///   three\n");
    }
}
