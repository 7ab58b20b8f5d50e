//! The counters of a client and the limits of its server.

use super::ffi_guard::{Place, guard};
use super::held::{CLIENTS, CallieClient};
use super::status::CallieStatus;

/// Traffic counters since the client was created.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct CallieStats {
    /// The number of times the client came online.
    pub connects: u64,
    /// The number of times the client came online again.
    pub reconnects: u64,
    /// The number of times the client came online again and continued the connection before, so that nothing is missing.
    pub resumed: u64,
    /// Payloads written.
    pub payloads_sent: u64,
    /// Payloads read.
    pub payloads_received: u64,
    /// Messages accepted for sending.
    pub messages_sent: u64,
    /// Messages delivered to the application.
    pub messages_received: u64,
    /// Duplicate messages, which were discarded.
    pub duplicates: u64,
    /// Messages, pings and commands that now wait for their outcome.
    pub waiting: u64,
    /// Bytes of payloads written.
    pub bytes_sent: u64,
    /// Bytes of payloads read.
    pub bytes_received: u64,
}

/// The client's counters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_stats(
    client: *mut CallieClient,
    stats: *mut CallieStats,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the counts can be written to.
        let place = unsafe { Place::at(stats, "stats", CallieStats::default())? };
        let stats = CLIENTS.get(client)?.client.stats();
        place.put(CallieStats {
            connects: stats.connects,
            reconnects: stats.reconnects,
            resumed: stats.resumed,
            payloads_sent: stats.payloads_sent,
            payloads_received: stats.payloads_received,
            messages_sent: stats.messages_sent,
            messages_received: stats.messages_received,
            duplicates: stats.duplicates,
            waiting: stats.waiting,
            bytes_sent: stats.bytes_sent,
            bytes_received: stats.bytes_received,
        });
        Ok(())
    })
}

/// The limits of a server.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct CallieLimits {
    /// The largest payload, in bytes.
    pub max_payload_bytes: u64,
    /// The longest text of a message, in bytes of UTF-8.
    pub max_text_bytes: u64,
    /// The most attachments of one message.
    pub max_attachments: u64,
    /// The most members of one group.
    pub max_group_members: u64,
    /// Payloads a user may send in a second, on average. The client keeps to it by itself.
    pub messages_per_second: u32,
    /// Payloads a user may send at once.
    pub burst: u32,
    /// Messages to `BROADCAST` a user may send in a minute, on average. The client keeps to it by itself.
    pub broadcasts_per_minute: u32,
    /// Messages to `BROADCAST` a user may send at once.
    pub broadcast_burst: u32,
}

/// The server's limits; the protocol's defaults before the first connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_limits(
    client: *mut CallieClient,
    limits: *mut CallieLimits,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the limits can be written to.
        let place = unsafe { Place::at(limits, "limits", CallieLimits::default())? };
        let limits = CLIENTS.get(client)?.client.limits();
        place.put(CallieLimits {
            max_payload_bytes: limits.max_payload_bytes as u64,
            max_text_bytes: limits.max_text_bytes as u64,
            max_attachments: limits.max_attachments as u64,
            max_group_members: limits.max_group_members as u64,
            messages_per_second: limits.messages_per_second,
            burst: limits.burst,
            broadcasts_per_minute: limits.broadcasts_per_minute,
            broadcast_burst: limits.broadcast_burst,
        });
        Ok(())
    })
}
