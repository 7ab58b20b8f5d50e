//! The FFI boundary: the only places where foreign pointers are dereferenced and panics are caught.

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use super::status::{CallieStatus, Failure, keep};

/// Runs the body of an exported function. Failures and panics become a status and the thread's last error.
pub(super) fn guard(body: impl FnOnce() -> Result<(), Failure>) -> CallieStatus {
    // State that a panic leaves inconsistent is behind a poisoned lock or dropped with the body.
    let done = catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|_| Err(Failure::internal("a fault of the library; please report it")));
    match done {
        Ok(()) => CallieStatus::Ok,
        Err(failure) => {
            let status = failure.status;
            keep(failure);
            status
        }
    }
}

/// Runs the body of an exported function that returns a value; `otherwise` is returned for every failure.
pub(super) fn show<T>(otherwise: T, body: impl FnOnce() -> Result<T, Failure>) -> T {
    let mut shown = otherwise;
    guard(|| body().map(|value| shown = value));
    shown
}

/// Reads a text.
///
/// # Safety
/// `pointer` is NULL, or points to bytes that end in NUL and stay unchanged for as long as the text is used.
pub(super) unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str, Failure> {
    // SAFETY: passed on to the caller.
    unsafe { optional_text(pointer, name) }?.ok_or_else(|| Failure::null(name))
}

/// Reads an optional text; NULL for none.
///
/// # Safety
/// As for [`text`].
pub(super) unsafe fn optional_text<'a>(
    pointer: *const c_char,
    name: &str,
) -> Result<Option<&'a str>, Failure> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so by the caller's promise it ends in NUL and stays as it is.
    let bytes = unsafe { CStr::from_ptr(pointer) };
    bytes.to_str().map(Some).map_err(|_| Failure::utf8(name))
}

/// Reads an array of `count` values. A count above `most` is refused before anything is read.
///
/// # Safety
/// `pointer` is NULL, or points to `count` values that stay unchanged for as long as the slice is used.
pub(super) unsafe fn array<'a, T>(
    pointer: *const T,
    count: usize,
    most: usize,
    name: &str,
) -> Result<&'a [T], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(Failure::null(name));
    }
    if count > most {
        return Err(Failure::form(format!("{name} can hold {most} at most, not {count}")));
    }
    if !pointer.is_aligned() || count > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Failure::form(format!("{name} is not an array of that length")));
    }
    // SAFETY: not NULL, aligned, no longer than an address space, and by the caller's promise valid.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// Initialises the caller's struct, whose first field is its size.
///
/// # Safety
/// `pointer` is NULL or can be written to.
pub(super) unsafe fn put_sized<T>(pointer: *mut T, size: usize, name: &str, value: T) -> Result<(), Failure> {
    if size != size_of::<T>() {
        let expected = size_of::<T>();
        return Err(Failure::form(format!("the size of {name} must be {expected} bytes, not {size}")));
    }
    // SAFETY: passed on to the caller.
    unsafe { Place::at(pointer, name, value) }.map(drop)
}

/// Reads a struct that [`put_sized`] has initialised; none for NULL.
///
/// # Safety
/// `pointer` is NULL or can be read.
pub(super) unsafe fn read_sized<T: Copy>(pointer: *const T, name: &str) -> Result<Option<T>, Failure> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so by the caller's promise it can be read; the size is its first field.
    if unsafe { pointer.cast::<usize>().read_unaligned() } != size_of::<T>() {
        return Err(Failure::form(format!("{name} must be initialised with callie_{name}_init")));
    }
    // SAFETY: as above, and it is as large as a `T`.
    Ok(Some(unsafe { pointer.read_unaligned() }))
}

/// The caller's memory for a result.
pub(super) struct Place<T>(NonNull<T>);

impl<T> Place<T> {
    /// Takes the memory and writes `before`, so that it is initialised even if the call fails.
    ///
    /// # Safety
    /// `pointer` is NULL or can be written to until the exported function returns.
    pub(super) unsafe fn at(pointer: *mut T, name: &str, before: T) -> Result<Self, Failure> {
        let place = NonNull::new(pointer).map(Self).ok_or_else(|| Failure::null(name))?;
        place.put(before);
        Ok(place)
    }

    /// Writes the result. The previous value is plain data and needs no drop.
    pub(super) fn put(&self, value: T) {
        // SAFETY: by the promise to `at`, it can be written to; unaligned places are written to as well.
        unsafe { self.0.as_ptr().write_unaligned(value) }
    }
}
