//! Why a server cannot be part of its cluster.

use std::path::PathBuf;

/// Why a server cannot be part of its cluster. Each error is one line for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The URLs are invalid.
    #[error("cluster must be one or more URLs such as \"nats://127.0.0.1:4222\", separated by commas")]
    Address,
    /// The name cannot be part of a subject.
    #[error("cluster_name must be letters, digits, '-' and '_'")]
    Name,
    /// The limit on payloads is more than NATS accepts.
    #[error(
        "max_payload_bytes must be at most {most} in a cluster, because NATS accepts messages of at most 1 MiB"
    )]
    Payload {
        /// The largest possible limit.
        most: usize,
    },
    /// NATS accepts less than one payload needs.
    #[error(
        "NATS accepts at most {most} bytes at a time (its max_payload), and max_payload_bytes = {payload} needs {least}: \
         raise the one or lower the other"
    )]
    NatsLimit {
        /// What NATS accepts, in bytes.
        most: usize,
        /// The largest payload of a client, in bytes.
        payload: usize,
        /// What NATS must accept for it, in bytes.
        least: usize,
    },
    /// Only one of certificate and key is given.
    #[error("set both cluster_tls_cert and cluster_tls_key, or neither")]
    Pair,
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl JoinError {
    /// Returns `true` if the same configuration fails in the same way until an operator changes it.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Address | Self::Name | Self::Payload { .. } | Self::Pair)
    }
}
