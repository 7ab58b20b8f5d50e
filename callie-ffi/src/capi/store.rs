//! Stores of the application in which a client keeps its state.

use std::ffi::{CString, c_char, c_void};
use std::sync::{Arc, Mutex, PoisonError};

use super::callback::{UserData, c_text};
use super::ffi_guard::{Place, array, guard, text};
use super::held::{CLIENTS, CallieClient, Held};
use super::registry::Registry;
use super::server::{CREDENTIALS, CallieCredentials};
use super::status::{CallieStatus, Failure};
use crate::api::new_client;
use crate::gate::Gate;
use callie_client::{BoxError, Client, StateRecord, StateStore};

/// The largest value of a record. It has room for every payload.
const MAX_VALUE_BYTES: usize = 1 << 24;

/// A part of what a client keeps beyond its process. Only the library reads its value. It contains texts of messages, and
/// never a token.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CallieStateRecord {
    /// Identifies the record: at most 256 visible ASCII characters, then NUL.
    pub key: *const c_char,
    /// The value.
    pub value: *const u8,
    /// The size of the value, in bytes.
    pub value_size: usize,
}

/// Collects the records that a store loads. It is valid during the call of `CallieStateLoad` only.
pub struct CallieStateRecords {
    _private: [u8; 0],
}

static RECORDS: Registry<Mutex<Vec<StateRecord>>> = Registry::new("the records");

/// Loads the state of a client: calls `callie_state_records_add` for each record that is stored, in any order, and returns
/// true; or returns false, so that the client is not created. Called once, before `CallieStateWrite`, on the same thread.
pub type CallieStateLoad =
    Option<unsafe extern "C" fn(records: *mut CallieStateRecords, user_data: *mut c_void) -> bool>;

/// Stores the records of `puts`, each in place of any record with the same key, and removes the records with the keys
/// `deletes`, which need not exist. No key is in both. Either all of this is stored when it returns true, or none of it when
/// it returns false, which ends the client with the code `STATE_UNAVAILABLE`.
///
/// Always called on the same thread, which may block. While a call runs, the client accepts and transmits no messages. It must
/// not call the client: a message sent in it fails. After `callie_client_free` has returned it is not called again, and no call
/// is in progress: then `user_data` can be freed. Call `callie_client_disconnect` before, so that everything is stored.
pub type CallieStateWrite = Option<
    unsafe extern "C" fn(
        puts: *const CallieStateRecord,
        put_count: usize,
        deletes: *const *const c_char,
        delete_count: usize,
        user_data: *mut c_void,
    ) -> bool,
>;

/// Adds a record, which is copied, in a call of `CallieStateLoad`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_state_records_add(
    records: *mut CallieStateRecords,
    key: *const c_char,
    value: *const u8,
    value_size: usize,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the key ends in NUL, and the value has that size.
        let (key, value) =
            unsafe { (text(key, "key")?, array(value, value_size, MAX_VALUE_BYTES, "value")?) };
        let records = RECORDS.get(records)?;
        let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
        records.push(StateRecord::new(key.to_owned(), value.to_vec()));
        Ok(())
    })
}

/// A client that is not connected yet, and that continues from the state in a store of the application, which is used instead
/// of a `state_file`: to encrypt it, or to use a database. The store belongs to one client. The handle of the credentials may
/// be freed afterwards.
///
/// `CALLIE_STATUS_STATE`: the state cannot be loaded, or is that of another user or server.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_new_with_store(
    credentials: *mut CallieCredentials,
    load: CallieStateLoad,
    write: CallieStateWrite,
    user_data: *mut c_void,
    client: *mut *mut CallieClient,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the client can be written to.
        let client = unsafe { Place::at(client, "client", std::ptr::null_mut())? };
        let credentials = CREDENTIALS.get(credentials)?;
        let load = load.ok_or_else(|| Failure::null("load"))?;
        let write = write.ok_or_else(|| Failure::null("write"))?;
        let gate = Arc::new(Gate::new());
        let store = Store { load, write, user_data: UserData(user_data), gate: Arc::clone(&gate) };
        let made = new_client(|| Client::with_store(&credentials, Box::new(store)))?;
        client.put(CLIENTS.add(Held::with_store(made, gate))?);
        Ok(())
    })
}

struct Store {
    load: unsafe extern "C" fn(*mut CallieStateRecords, *mut c_void) -> bool,
    write: unsafe extern "C" fn(
        *const CallieStateRecord,
        usize,
        *const *const c_char,
        usize,
        *mut c_void,
    ) -> bool,
    user_data: UserData,
    gate: Arc<Gate>,
}

impl StateStore for Store {
    fn load(&mut self) -> Result<Vec<StateRecord>, BoxError> {
        let handle =
            RECORDS.add::<CallieStateRecords>(Mutex::default()).map_err(|_| "the process was forked")?;
        // SAFETY: the caller's promise: it is a function of this form, and may be called from any thread.
        let loaded = unsafe { (self.load)(handle, self.user_data.get()) };
        let records = RECORDS.remove(handle).ok().flatten().ok_or("the process was forked")?;
        if !loaded {
            return Err("the callback returned false".into());
        }
        Ok(std::mem::take(&mut *records.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn write(&mut self, puts: Vec<StateRecord>, deletes: Vec<String>) -> Result<(), BoxError> {
        let keys: Vec<CString> = puts.iter().map(|record| c_text(record.key.clone())).collect();
        let puts: Vec<_> = puts
            .iter()
            .zip(&keys)
            .map(|(record, key)| CallieStateRecord {
                key: key.as_ptr(),
                value: record.value.as_ptr(),
                value_size: record.value.len(),
            })
            .collect();
        let deleted: Vec<CString> = deletes.into_iter().map(c_text).collect();
        let deletes: Vec<_> = deleted.iter().map(|key| key.as_ptr()).collect();
        let _call = self.gate.enter().ok_or("the client was freed")?;
        // SAFETY: the caller's promise: it is a function of this form, and may be called from any thread. The arrays and what
        // they point to live until it returns.
        let written = unsafe {
            (self.write)(puts.as_ptr(), puts.len(), deletes.as_ptr(), deletes.len(), self.user_data.get())
        };
        if written { Ok(()) } else { Err("the callback returned false".into()) }
    }
}
