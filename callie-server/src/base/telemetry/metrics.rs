//! Metrics for Prometheus.
//!
//! Every label has a fixed set of values. What clients send neither appears in a metric nor adds one.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use callie_core::{CloseCode, PayloadType};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::database::DatabaseHealth;
use crate::base::clock;

/// Defines an enum whose values are the values of a label.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All values.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the value of the label.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
                EncodeLabelValue::encode(&self.as_str(), encoder)
            }
        }
    };
}

label!(
    /// The outcome of a received payload.
    PayloadOutcome {
        /// It was handled or delivered.
        Taken = "taken",
        /// It was answered with an error of §4, `INVALID_TOKEN` or `SENDER_MISMATCH`.
        Invalid = "invalid",
        /// It was understood and refused.
        Refused = "refused",
        /// The server could not handle it, and answered with `INTERNAL_ERROR`.
        Failed = "failed",
        /// Its recipient is not connected.
        Offline = "offline",
        /// It is a duplicate.
        Duplicate = "duplicate",
        /// Its sender exceeded the rate.
        RateLimited = "rate_limited",
    }
);

label!(
    /// Why a payload was discarded.
    Discarded {
        /// The outbox of a connection was full.
        SlowConsumer = "slow_consumer",
        /// Its sender exceeded the rate.
        RateLimited = "rate_limited",
        /// The connection broke with payloads in its outbox.
        LinkLost = "link_lost",
    }
);

label!(
    /// How a login ended.
    LoginOutcome {
        /// It succeeded.
        Succeeded = "succeeded",
        /// Unknown user or wrong password.
        Failed = "failed",
        /// The password was right, and the user is banned.
        Banned = "banned",
        /// Too many attempts.
        RateLimited = "rate_limited",
        /// The database did not answer or could not be written.
        Unavailable = "unavailable",
    }
);

label!(
    /// Why a connection was refused before its user was authenticated.
    Refusal {
        /// The handshake is invalid.
        Handshake = "handshake",
        /// The origin of the web page is not allowed.
        Origin = "origin",
        /// `max_connections` is reached.
        Total = "max_connections",
        /// `max_connections_per_address` is reached.
        Address = "max_connections_per_address",
        /// `max_unauthenticated` is reached.
        Unauthenticated = "max_unauthenticated",
        /// `max_connections_per_user` is reached.
        User = "max_connections_per_user",
        /// The database did not answer.
        Unavailable = "unavailable",
        /// The server is stopping.
        Stopping = "stopping",
        /// The TLS handshake failed.
        Tls = "tls",
        /// It was dropped when it was accepted: the limit on connections that are not WebSockets yet, in all or of one
        /// address, is reached.
        Dropped = "dropped",
    }
);

label!(
    /// How a WebSocket connection ended: the close code that the server sent, or the client.
    CloseLabel {
        /// The client closed it.
        Client = "client",
        /// 1000: the client ended its side of the connection below the WebSocket, and has received all answers.
        HalfClosed = "1000",
        /// 1001.
        ShuttingDown = "1001",
        /// 1002: a violation of the WebSocket protocol.
        ProtocolError = "1002",
        /// 1003.
        UnsupportedFrame = "1003",
        /// 1006: the connection was lost without a close.
        Lost = "1006",
        /// 1007: a text message that is not UTF-8.
        NotUtf8 = "1007",
        /// 1009.
        PayloadTooLarge = "1009",
        /// 1013.
        Overloaded = "1013",
        /// 4408.
        HeartbeatMissed = "4408",
        /// 4429.
        Flooding = "4429",
        /// 4431.
        SlowConsumer = "4431",
        /// 4500.
        TooManyInvalid = "4500",
        /// 4501.
        Authentication = "4501",
        /// 4503.
        Removed = "4503",
        /// Any other code.
        Other = "other",
    }
);

impl CloseLabel {
    /// Returns the label of a close code that the server sends.
    #[must_use]
    pub fn of(code: u16) -> Self {
        match code {
            1000 => Self::HalfClosed,
            1002 => Self::ProtocolError,
            1007 => Self::NotUtf8,
            _ => match CloseCode::ALL.into_iter().find(|known| known.as_u16() == code) {
                Some(CloseCode::ShuttingDown) => Self::ShuttingDown,
                Some(CloseCode::UnsupportedFrame) => Self::UnsupportedFrame,
                Some(CloseCode::PayloadTooLarge) => Self::PayloadTooLarge,
                Some(CloseCode::Overloaded) => Self::Overloaded,
                Some(CloseCode::HeartbeatMissed) => Self::HeartbeatMissed,
                Some(CloseCode::Flooding) => Self::Flooding,
                Some(CloseCode::SlowConsumer) => Self::SlowConsumer,
                Some(CloseCode::TooManyInvalid) => Self::TooManyInvalid,
                Some(CloseCode::Authentication) => Self::Authentication,
                Some(CloseCode::Removed) => Self::Removed,
                _ => Self::Other,
            },
        }
    }
}

/// The type of a payload as a label; "none" for a text that is not a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct TypeLabel(Option<PayloadType>);

impl EncodeLabelValue for TypeLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        EncodeLabelValue::encode(&self.0.map_or("none", PayloadType::as_str), encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PayloadLabels {
    r#type: TypeLabel,
    outcome: PayloadOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoginLabels {
    outcome: LoginOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DiscardedLabels {
    reason: Discarded,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    reason: Refusal,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CloseLabels {
    code: CloseLabel,
}

/// The metrics of a server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    connections: Gauge,
    unauthenticated: Gauge,
    queue_bytes: Gauge<i64, AtomicI64>,
    cluster_nodes: Gauge,
    cluster_converged: Gauge,
    cluster_queue_bytes: Gauge,
    payloads: Family<PayloadLabels, Counter>,
    deliveries: Counter,
    delivery: Histogram,
    discarded: Family<DiscardedLabels, Counter>,
    logins: Family<LoginLabels, Counter>,
    registrations: Counter,
    refusals: Family<RefusalLabels, Counter>,
    closes: Family<CloseLabels, Counter>,
    http_unavailable: Counter,
}

/// The prefix of the names of all metrics.
const PREFIX: &str = "callie";

/// The buckets of the delivery latency in seconds, from 0.25 ms to 5 s.
const LATENCY_BUCKETS: [f64; 12] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

impl Default for Metrics {
    fn default() -> Self {
        let mut root = Registry::default();
        let started: Gauge<f64, AtomicU64> = Gauge::default();
        started.set(clock::now() as f64 / 1_000.0);
        root.register(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970",
            started,
        );
        let registry = root.sub_registry_with_prefix(PREFIX);
        registry.register("build", "The version", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
        let made = Self {
            connections: Gauge::default(),
            unauthenticated: Gauge::default(),
            queue_bytes: Gauge::default(),
            cluster_nodes: Gauge::default(),
            cluster_converged: Gauge::default(),
            cluster_queue_bytes: Gauge::default(),
            payloads: Family::default(),
            deliveries: Counter::default(),
            delivery: Histogram::new(LATENCY_BUCKETS),
            discarded: Family::default(),
            logins: Family::default(),
            registrations: Counter::default(),
            refusals: Family::default(),
            closes: Family::default(),
            http_unavailable: Counter::default(),
            registry: Registry::default(),
        };
        registry.register("connections", "WebSocket connections, authenticated", made.connections.clone());
        registry.register(
            "unauthenticated_connections",
            "WebSocket connections that have not authenticated yet",
            made.unauthenticated.clone(),
        );
        registry.register("queue_bytes", "Bytes that wait in outboxes", made.queue_bytes.clone());
        registry.register("cluster_nodes", "Other nodes that are available", made.cluster_nodes.clone());
        registry.register(
            "cluster_converged",
            "1 if every user who is connected anywhere is known",
            made.cluster_converged.clone(),
        );
        registry.register(
            "cluster_queue_bytes",
            "Bytes that wait to be sent to other nodes",
            made.cluster_queue_bytes.clone(),
        );
        registry.register("payloads", "Payloads received, by type and outcome", made.payloads.clone());
        registry.register("deliveries", "Payloads put into outboxes for clients", made.deliveries.clone());
        registry.register(
            "delivery_seconds",
            "Time from a payload's arrival to its being written to a recipient's socket",
            made.delivery.clone(),
        );
        registry.register("discarded", "Payloads discarded, by reason", made.discarded.clone());
        registry.register("logins", "Logins, by outcome", made.logins.clone());
        registry.register("registrations", "Users registered", made.registrations.clone());
        registry.register(
            "refused_connections",
            "Connections refused before their user was let in, by reason",
            made.refusals.clone(),
        );
        registry.register(
            "closes",
            "WebSocket connections that ended, by the close code the server sent, 1006 for a lost link, client for a client that closed",
            made.closes.clone(),
        );
        registry.register("http_unavailable", "HTTP calls answered with 503", made.http_unavailable.clone());
        registry.register(
            "log_lines_lost",
            "Log lines of this process that were dropped because stderr was not read, or could not be written",
            super::logs::lost_lines(),
        );
        // Created at the start, because a metric that appears with its first event cannot be monitored.
        for outcome in LoginOutcome::ALL {
            drop(made.logins.get_or_create_owned(&LoginLabels { outcome: *outcome }));
        }
        for reason in Discarded::ALL {
            drop(made.discarded.get_or_create_owned(&DiscardedLabels { reason: *reason }));
        }
        for reason in Refusal::ALL {
            drop(made.refusals.get_or_create_owned(&RefusalLabels { reason: *reason }));
        }
        for code in CloseLabel::ALL {
            drop(made.closes.get_or_create_owned(&CloseLabels { code: *code }));
        }
        Self { registry: root, ..made }
    }
}

impl Metrics {
    /// Registers the metrics of the database.
    pub(crate) fn watch_database(&mut self, health: &DatabaseHealth) {
        let callie = self.registry.sub_registry_with_prefix(PREFIX);
        let database = callie.sub_registry_with_prefix("database");
        database.register(
            "read_failures",
            "Queries of the database that failed",
            health.read_failures.clone(),
        );
        database.register(
            "write_failures",
            "Changes of the database that failed",
            health.write_failures.clone(),
        );
        database.register(
            "writable",
            "1 if the database could be written when it was last tried",
            health.writable.clone(),
        );
    }

    /// Registers the number of days until the certificate expires.
    pub(crate) fn watch_certificate(&mut self, days_left: Gauge) {
        self.registry.sub_registry_with_prefix(PREFIX).register(
            "certificate_days_left",
            "Whole days until the TLS certificate expires, negative once it has",
            days_left,
        );
    }

    /// Adds to the number of authenticated connections.
    pub fn connections_changed(&self, by: i64) {
        self.connections.inc_by(by);
    }

    /// Adds to the number of connections that have not authenticated.
    pub fn unauthenticated_changed(&self, by: i64) {
        self.unauthenticated.inc_by(by);
    }

    /// Adds to the bytes that wait in outboxes.
    pub fn queue_changed(&self, by: i64) {
        self.queue_bytes.inc_by(by);
    }

    /// Sets the number of other nodes, whether every user who is connected anywhere is known, and the bytes that wait
    /// to be sent to other nodes.
    pub fn cluster_is(&self, nodes: usize, converged: bool, queued: usize) {
        self.cluster_nodes.set(i64::try_from(nodes).unwrap_or(i64::MAX));
        self.cluster_converged.set(converged.into());
        self.cluster_queue_bytes.set(i64::try_from(queued).unwrap_or(i64::MAX));
    }

    /// Counts a received payload; `kind` is `None` for a text whose type could not be read.
    pub fn payload(&self, kind: Option<PayloadType>, outcome: PayloadOutcome) {
        self.payload_counter(kind, outcome).inc();
    }

    /// Returns the counter of [`Metrics::payload`]. A caller that counts often keeps it, and saves the lookup.
    #[must_use]
    pub fn payload_counter(&self, kind: Option<PayloadType>, outcome: PayloadOutcome) -> Counter {
        self.payloads.get_or_create_owned(&PayloadLabels { r#type: TypeLabel(kind), outcome })
    }

    /// Counts payloads put into outboxes.
    pub fn delivered(&self, count: u64) {
        self.deliveries.inc_by(count);
    }

    /// Records how long a delivery took.
    pub fn delivery_took(&self, time: Duration) {
        self.delivery.observe(time.as_secs_f64());
    }

    /// Counts discarded payloads.
    pub fn discarded(&self, reason: Discarded, count: u64) {
        self.discarded.get_or_create(&DiscardedLabels { reason }).inc_by(count);
    }

    /// Counts a login.
    pub fn login(&self, outcome: LoginOutcome) {
        self.logins.get_or_create(&LoginLabels { outcome }).inc();
    }

    /// Counts a registration.
    pub fn registered(&self) {
        self.registrations.inc();
    }

    /// Counts a connection that was refused.
    pub fn refused(&self, reason: Refusal) {
        self.refusals.get_or_create(&RefusalLabels { reason }).inc();
    }

    /// Counts a WebSocket connection that ended.
    pub fn closed(&self, code: CloseLabel) {
        self.closes.get_or_create(&CloseLabels { code }).inc();
    }

    /// Counts an HTTP call that was answered with 503.
    pub fn http_unavailable(&self) {
        self.http_unavailable.inc();
    }

    /// Returns all metrics in the text format of OpenMetrics, which Prometheus reads.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_with_their_labels() {
        let metrics = Metrics::default();
        metrics.connections_changed(3);
        metrics.connections_changed(-1);
        metrics.payload(Some(PayloadType::Msg), PayloadOutcome::Taken);
        metrics.payload(None, PayloadOutcome::Invalid);
        metrics.delivery_took(Duration::from_millis(3));
        metrics.login(LoginOutcome::Failed);
        metrics.closed(CloseLabel::of(CloseCode::SlowConsumer.as_u16()));
        metrics.refused(Refusal::Origin);
        metrics.http_unavailable();
        let text = metrics.text();
        for line in [
            "callie_connections 2",
            "callie_payloads_total{type=\"MSG\",outcome=\"taken\"} 1",
            "callie_payloads_total{type=\"none\",outcome=\"invalid\"} 1",
            "callie_delivery_seconds_bucket{le=\"0.005\"} 1",
            "callie_logins_total{outcome=\"failed\"} 1",
            "callie_logins_total{outcome=\"succeeded\"} 0",
            "callie_closes_total{code=\"4431\"} 1",
            "callie_closes_total{code=\"1013\"} 0",
            "callie_refused_connections_total{reason=\"origin\"} 1",
            "callie_http_unavailable_total 1",
            concat!("callie_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "\nprocess_start_time_seconds 1",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn every_close_code_of_the_protocol_has_a_label() {
        for code in CloseCode::ALL {
            assert_ne!(CloseLabel::of(code.as_u16()), CloseLabel::Other, "{code:?}");
        }
        assert_eq!(CloseLabel::of(4999), CloseLabel::Other);
    }
}
