//! Passwords and confirmations, from a prompt or standard input. They are never arguments, which other users of the machine
//! can see.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use callie_core::Username;
use callie_core::account::MAX_PASSWORD_BYTES;

/// Why nothing was entered that can be used. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    /// The two passwords at the prompt differ.
    #[error("the two passwords differ; nothing was changed")]
    Differ,
    /// Standard input is not one line.
    #[error("standard input must be the password, in one line of text; nothing was changed")]
    NotOneLine,
    /// Nobody confirmed a deletion.
    #[error("a deletion is final: confirm it at the prompt, or with --yes; nothing was changed")]
    NotConfirmed,
    /// The terminal or standard input cannot be read.
    #[error("cannot read the input: {0}")]
    Io(#[from] io::Error),
}

/// Reads a new password: twice at a prompt that does not show it, or as the one line of standard input if that is not a
/// terminal.
pub(super) fn new_password() -> Result<String, InputError> {
    if !io::stdin().is_terminal() {
        return one_line(io::stdin().lock());
    }
    let first = rpassword::prompt_password("New password: ")?;
    let second = rpassword::prompt_password("Repeat it: ")?;
    if first == second { Ok(first) } else { Err(InputError::Differ) }
}

fn one_line(input: impl io::Read) -> Result<String, InputError> {
    let mut text = String::new();
    // The longest password, the end of its line, and one byte that shows that there is more.
    let most = MAX_PASSWORD_BYTES as u64 + 3;
    match input.take(most).read_to_string(&mut text) {
        Err(error) if error.kind() != io::ErrorKind::InvalidData => return Err(error.into()),
        Err(_) => return Err(InputError::NotOneLine),
        Ok(_) => {}
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains(['\r', '\n']) { Err(InputError::NotOneLine) } else { Ok(line.to_owned()) }
}

/// Has the person at the terminal type the name of the user whose account is to be deleted.
pub(super) fn confirm_deletion(user: &Username) -> Result<(), InputError> {
    if !io::stdin().is_terminal() {
        return Err(InputError::NotConfirmed);
    }
    let mut prompt = io::stderr();
    write!(
        prompt,
        "This erases {user} for good, and nobody can have the name again. Type the name to confirm: "
    )?;
    prompt.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if answer.trim() == user.as_str() { Ok(()) } else { Err(InputError::NotConfirmed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_the_one_line_of_the_input() {
        for (input, password) in
            [("a b", "a b"), ("a b\n", "a b"), ("a\r\n", "a"), (" a \n", " a "), ("", "")]
        {
            assert_eq!(one_line(input.as_bytes()).unwrap(), password);
        }
        for bad in [&b"a\nb"[..], b"a\n\n", b"\xff"] {
            assert!(matches!(one_line(bad), Err(InputError::NotOneLine)), "{bad:?}");
        }
        let endless = one_line(io::repeat(b'a')).unwrap();
        assert!(!callie_core::account::is_acceptable_password(&endless));
    }
}
