//! The rules for single values without a type of their own, shared by building and receiving.

use std::borrow::Cow;

use fluent_uri::Uri;

use crate::json::{Fields, Kind, Names, Slot, names};
use crate::limits::{MAX_ATTACHMENT_SIZE, MAX_FILENAME_BYTES, MAX_URL_BYTES};
use crate::name::alphabet;

/// What is wrong with a value, as a phrase that follows the name of its field.
pub(crate) type Reason = Cow<'static, str>;

/// An attachment's URL: RFC 3986, http or https, with a host and without user info.
pub(crate) fn check_url(url: &str) -> Result<(), Reason> {
    const EXPECTED: &str = "must be an http:// or https:// URL by RFC 3986 with a host, without user info, of at most 2048 bytes";
    let valid = url.len() <= MAX_URL_BYTES
        && Uri::parse(url).is_ok_and(|uri| {
            let scheme = uri.scheme().as_str();
            (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
                && uri.authority().is_some_and(|a| !a.host().is_empty() && !a.has_userinfo())
        });
    if valid { Ok(()) } else { Err(EXPECTED.into()) }
}

static RESTRICTED_NAME: [bool; 256] =
    alphabet(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&-^_.+");

/// A MIME type without parameters: two restricted names of RFC 6838.
pub(crate) fn is_filetype(text: &str) -> bool {
    fn is_restricted_name(name: &[u8]) -> bool {
        (1..=127).contains(&name.len())
            && name[0].is_ascii_alphanumeric()
            && name.iter().all(|b| RESTRICTED_NAME[usize::from(*b)])
    }
    let mut names = text.as_bytes().splitn(2, |b| *b == b'/');
    names.all(is_restricted_name) && text.contains('/')
}

names! {
    /// The members of an attachment's metadata that the protocol defines.
    AttachmentMetadata: 3 { FILENAME = 0 "filename", SIZE = 1 "size", FILETYPE = 2 "filetype" }
}

/// Checks the members of an attachment's metadata. A fault has the member's name and the reason.
pub(crate) fn check_attachment_metadata(
    fields: &Fields<AttachmentMetadata, 3>,
    text: &str,
) -> Result<(), (&'static str, Reason)> {
    let member = |index: usize, valid: fn(Slot, &str) -> bool, expected: &'static str| {
        let slot = fields.get(index);
        if slot.is_present() && !valid(slot, text) {
            Err((AttachmentMetadata::NAMES[index], expected.into()))
        } else {
            Ok(())
        }
    };
    member(
        AttachmentMetadata::FILENAME,
        |slot, text| slot.string(text).is_some_and(|name| name.len() <= MAX_FILENAME_BYTES),
        "must be a string of at most 255 bytes",
    )?;
    member(
        AttachmentMetadata::SIZE,
        |slot, text| slot.kind() == Kind::Number && is_size(slot.raw(text)),
        "must be a whole number from 0 to 9007199254740991, written without fraction or exponent",
    )?;
    member(
        AttachmentMetadata::FILETYPE,
        |slot, text| slot.string(text).is_some_and(|filetype| is_filetype(&filetype.decode())),
        "must be a MIME type of the form type/subtype",
    )
}

fn is_size(number: &str) -> bool {
    number.bytes().all(|b| b.is_ascii_digit())
        && number.parse().is_ok_and(|size: u64| size <= MAX_ATTACHMENT_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked() {
        for good in [
            "http://a",
            "https://example.com/a%20b?c=d#e",
            "HTTPS://EXAMPLE.COM:8443/",
            "http://[::1]:80/x",
            "http://127.0.0.1/",
            "http://xn--bcher-kva.example/",
            &format!("http://a/{}", "x".repeat(2039)),
        ] {
            assert!(check_url(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ftp://a/",
            "javascript:alert(1)",
            "http:a",
            "http:///x",
            "http://user@a/",
            "http://user:pw@a/",
            "http://@a/",
            "//a/x",
            "/x",
            "http://a b/",
            "http://a/\u{e9}",
            "http://a/%zz",
            "http://a\\b",
            "http://a/\n",
            "http://:80/",
            "data:text/html,x",
            &format!("http://a/{}", "x".repeat(2040)),
        ] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn filetypes_are_bare_mime_types() {
        for good in ["image/png", "image/svg+xml", "application/vnd.oasis.opendocument.text", "x/y"] {
            assert!(is_filetype(good), "{good}");
        }
        for bad in ["", "image", "image/", "/png", "text/plain; charset=utf-8", "a/b/c", "*/*", "a /b", "é/x"]
        {
            assert!(!is_filetype(bad), "{bad}");
        }
    }
}
