//! The file of the state: appended to with each write, and written anew when most of it is out of date.
//!
//! A change counts as stored when the system has it (`write`), so it survives the end of the process, however it ends.
//! It is not forced to the disk: that would cost milliseconds for each message and wear out the flash of a phone. After a
//! loss of power, the last half minute may be missing.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use callie_core::session::Record;

use super::frames::{self, Contents, MAGIC, Unreadable};
use super::unavailable;
use crate::error::{BoxError, Error, ErrorKind, code};

/// The file is written anew when it has more than twice its length of the last time, and this many bytes in addition.
const SLACK: u64 = 256 * 1024;

pub(super) struct StateFile {
    path: PathBuf,
    file: File,
    /// Held until the end. The file itself is replaced, so another one is locked.
    _lock: Lock,
    /// The length of the complete writes, in bytes.
    length: u64,
    /// The file is written anew beyond this length.
    limit: u64,
}

impl StateFile {
    /// Opens the file, or creates it, and returns its records.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Record>), Error> {
        // The file that a link leads to, so that every path to it has the same lock.
        let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let lock = lock(path)?;
        let mut file = open_private(path, false).map_err(|error| failed(path, error))?;
        let is_file = file.metadata().map_err(|error| failed(path, error))?.is_file();
        if !is_file {
            return Err(failed(path, io::Error::other("it is not a regular file")));
        }
        let contents = match read(&mut file).map_err(|error| failed(path, error))? {
            Ok(contents) => contents,
            Err(Unreadable::NewerVersion) => {
                let reason = format!("a newer version of this library wrote {}", path.display());
                return Err(Error::new(ErrorKind::State, code::STATE_TOO_NEW, reason));
            }
            Err(Unreadable::Damaged) => return Err(set_aside(path)),
        };
        let mut state =
            Self { path: path.to_owned(), file, _lock: lock, length: contents.length as u64, limit: SLACK };
        state.begin().map_err(|error| failed(path, error))?;
        Ok((state, contents.into_records()))
    }

    /// Removes what follows the complete writes, and writes the beginning of a new file.
    fn begin(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.seek(SeekFrom::End(0))?;
        if self.length == 0 {
            self.append(MAGIC)?;
        }
        self.limit = self.length.saturating_mul(2).saturating_add(SLACK);
        Ok(())
    }

    /// Renames the file, because its contents cannot be used. Returns the error that tells so.
    pub(super) fn set_aside(self) -> Error {
        set_aside(&self.path)
    }

    /// Stores changes, as [`StateStore::write`](super::StateStore::write).
    pub(super) fn write(&mut self, puts: &[Record], deletes: &[String]) -> Result<(), BoxError> {
        let mut bytes = Vec::new();
        frames::write(&mut bytes, puts, deletes).ok_or("the changes are too long")?;
        self.append(&bytes)?;
        if self.length > self.limit {
            if let Err(error) = self.compact() {
                // The old file is complete.
                log::warn!("the file of the state cannot be written anew: {error}");
                self.file.seek(SeekFrom::End(0))?;
            }
            self.limit = self.length.saturating_mul(2).saturating_add(SLACK);
        }
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            // The caller learns that nothing was stored.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Writes the file anew, with the newest records only. The old one remains until the new one is complete.
    fn compact(&mut self) -> io::Result<()> {
        let contents = read(&mut self.file)?.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        let mut bytes = MAGIC.to_vec();
        frames::write(&mut bytes, &contents.into_records(), &[]).ok_or(io::ErrorKind::FileTooLarge)?;
        let path = beside(&self.path, ".new");
        let mut file = open_private(&path, true)?;
        file.write_all(&bytes)?;
        // Otherwise a loss of power could leave neither file.
        file.sync_data()?;
        std::fs::rename(&path, &self.path)?;
        self.file = file;
        self.length = bytes.len() as u64;
        Ok(())
    }
}

fn read(file: &mut File) -> io::Result<Result<Contents, Unreadable>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(frames::read(&bytes))
}

/// Keeps other clients from using the file. It ends with the process, however that ends.
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that this process forks has it too, if only until it executes a program.
        if let Err(error) = self.0.unlock() {
            log::warn!("the file of the state cannot be unlocked: {error}");
        }
    }
}

fn lock(path: &Path) -> Result<Lock, Error> {
    let file = open_private(&beside(path, ".lock"), false).map_err(|error| failed(path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => {
            let reason = format!("another client uses the state in {}", path.display());
            Err(Error::new(ErrorKind::State, code::STATE_IN_USE, reason))
        }
        Err(TryLockError::Error(error)) => Err(failed(path, error)),
    }
}

/// Opens a file that only the user of the process can read, because it contains texts of messages.
fn open_private(path: &Path, truncate: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(truncate);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn set_aside(path: &Path) -> Error {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let aside = beside(path, &format!(".damaged-{}", now.as_millis()));
    match std::fs::rename(path, &aside) {
        Ok(()) => {
            let reason = format!(
                "the state in {} is damaged and was renamed to {}; the next client starts without a state",
                path.display(),
                aside.display()
            );
            Error::new(ErrorKind::State, code::STATE_DAMAGED, reason)
        }
        Err(error) => failed(path, error),
    }
}

fn failed(path: &Path, error: io::Error) -> Error {
    unavailable(format_args!("the state in {} cannot be used", path.display()), error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(file: &mut StateFile, key: &str, value: Vec<u8>) {
        file.write(&[Record::new(key.to_owned(), value)], &[]).unwrap();
    }

    fn opened(path: &Path) -> (StateFile, Vec<Record>) {
        StateFile::open(path).unwrap()
    }

    #[test]
    fn file_is_written_anew_when_most_is_out_of_date() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let (mut file, _) = opened(&path);
        put(&mut file, "kept", vec![7; 1_000]);
        let mut longest = 0;
        for round in 0..2_000_u32 {
            put(&mut file, "changed", vec![round as u8; 1_000]);
            longest = longest.max(std::fs::metadata(&path).unwrap().len());
        }
        assert!(longest < 2 * SLACK, "{longest} bytes");
        drop(file);
        let (_, mut records) = opened(&path);
        records.sort_by_key(|record| record.key.clone());
        let expected = [("changed", vec![1_999_u32 as u8; 1_000]), ("kept", vec![7; 1_000])];
        assert_eq!(records, expected.map(|(key, value)| Record::new(key.to_owned(), value)));
        assert!(!beside(&path, ".new").exists());
    }

    #[test]
    fn writes_after_an_incomplete_one_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        for cut in 0..=46 {
            let (mut file, _) = opened(&path);
            put(&mut file, "first", vec![1]);
            put(&mut file, "cut", vec![2; 20]);
            file.file.set_len(file.length - cut).unwrap();
            drop(file);
            let (mut file, _) = opened(&path);
            put(&mut file, "last", vec![3]);
            drop(file);
            let (file, records) = opened(&path);
            let mut keys: Vec<_> = records.iter().map(|record| record.key.as_str()).collect();
            keys.sort_unstable();
            let expected = if cut == 0 { &["cut", "first", "last"][..] } else { &["first", "last"] };
            assert_eq!(keys, expected, "{cut} bytes less");
            drop(file);
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn full_disk_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let (mut file, _) = opened(&folder.path().join("state"));
        file.file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = file.write(&[Record::new("key".to_owned(), vec![1])], &[]).unwrap_err();
        assert_eq!(error.downcast::<io::Error>().unwrap().kind(), io::ErrorKind::StorageFull);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_user_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        drop(opened(&path));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
