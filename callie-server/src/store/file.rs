//! The file of a database, and whether it is still the one that was opened.

use std::path::{Path, PathBuf};

/// The file of a database as it was when it was opened.
#[derive(Debug, Clone)]
pub(super) struct OpenedFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl OpenedFile {
    /// Remembers which file is at `path`.
    pub(super) fn of(path: &str) -> Self {
        let path = PathBuf::from(path);
        Self { identity: identity(&path), path }
    }

    /// Returns `true` if the file at its path is still the one that was opened.
    pub(super) fn is_in_place(&self) -> bool {
        self.identity.is_some() && identity(&self.path) == self.identity
    }
}

/// Returns the device and the number of the file.
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}
