//! Texts that the caller owns.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ffi_guard::guard;
use super::status::{CallieStatus, Failure};

/// The texts that callers own, by address, so that a freed or foreign pointer is recognized.
static GIVEN: Mutex<BTreeMap<usize, CString>> = Mutex::new(BTreeMap::new());

/// In a forked child it fails before it takes the lock, which another thread may have held during the fork.
fn given() -> Result<MutexGuard<'static, BTreeMap<usize, CString>>, Failure> {
    Failure::if_forked()?;
    Ok(GIVEN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Passes a text to the caller, who frees it.
pub(super) fn give(text: String) -> Result<*mut c_char, Failure> {
    let text = CString::new(text).map_err(|_| Failure::internal("a text holds a NUL"))?;
    // The text's address does not change when its owner moves into the map.
    let pointer = text.as_ptr().cast_mut();
    given()?.insert(pointer.addr(), text);
    Ok(pointer)
}

/// Frees a text that this library returned, where its documentation says "the caller frees it". NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn callie_string_free(string: *mut c_char) -> CallieStatus {
    guard(|| {
        let mut given = given()?;
        if string.is_null() {
            return Ok(());
        }
        given.remove(&string.addr()).map(drop).ok_or_else(|| Failure::dead("the string"))
    })
}

/// The version of this library, such as `0.1.0`. The text is valid forever.
#[unsafe(no_mangle)]
pub extern "C" fn callie_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// A text in an array, followed by a NUL; a text that does not fit is truncated between characters.
pub(super) fn fixed<const N: usize>(text: &str) -> [c_char; N] {
    let mut out = [0; N];
    let end = text.floor_char_boundary(N - 1);
    for (slot, byte) in out.iter_mut().zip(text[..end].bytes()) {
        *slot = byte.cast_signed();
    }
    out
}
