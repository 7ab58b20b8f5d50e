//! Metrics for Prometheus.
//!
//! Every label has a fixed set of values. What clients send neither appears in a metric nor adds one.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use callie_core::PayloadType;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

use super::database::DatabaseHealth;
use super::labels::{CloseLabel, Discarded, KeptChange, LoginOutcome, PayloadOutcome, Refusal, Resumption};
use crate::base::clock;

/// The type of a payload as a label; "none" for a text that is not a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct TypeLabel(Option<PayloadType>);

impl EncodeLabelValue for TypeLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        EncodeLabelValue::encode(&self.0.map_or("none", PayloadType::as_str), encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PayloadLabels {
    r#type: TypeLabel,
    outcome: PayloadOutcome,
}

/// One counter for each value of the label `name`.
#[derive(Debug)]
struct CountersBy<L> {
    name: &'static str,
    counters: Family<[(&'static str, L); 1], Counter>,
}

impl<L: EncodeLabelValue + Debug + Copy + Eq + Hash + Send + Sync + 'static> CountersBy<L> {
    /// Registers the counters. All of them exist from the start, because a metric that appears with its first event
    /// cannot be monitored.
    fn register(registry: &mut Registry, metric: &str, help: &str, name: &'static str, values: &[L]) -> Self {
        let made = Self { name, counters: register(registry, metric, help) };
        for value in values {
            drop(made.get(*value));
        }
        made
    }

    fn get(&self, value: L) -> Counter {
        self.counters.get_or_create_owned(&[(self.name, value)])
    }
}

/// Creates and registers a metric.
fn register<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

/// The metrics of a server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    connections: Gauge,
    unauthenticated: Gauge,
    away: Gauge,
    queue_bytes: Gauge,
    cluster_nodes: Gauge,
    cluster_converged: Gauge,
    cluster_queue_bytes: Gauge,
    payloads: Family<PayloadLabels, Counter>,
    deliveries: Counter,
    delivery: Histogram,
    discarded: CountersBy<Discarded>,
    kept: Gauge,
    kept_changes: CountersBy<KeptChange>,
    logins: CountersBy<LoginOutcome>,
    registrations: Counter,
    refusals: CountersBy<Refusal>,
    closes: CountersBy<CloseLabel>,
    resumptions: CountersBy<Resumption>,
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
        let started: Gauge<f64, AtomicU64> = register(
            &mut root,
            "process_start_time_seconds",
            "When the process started, in seconds since 1970",
        );
        started.set(clock::now() as f64 / 1_000.0);
        let all = root.sub_registry_with_prefix(PREFIX);
        all.register("build", "The version", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
        all.register(
            "log_lines_lost",
            "Log lines of this process that were dropped because stderr was not read, or could not be written",
            super::logs::lost_lines(),
        );
        let delivery = Histogram::new(LATENCY_BUCKETS);
        all.register(
            "delivery_seconds",
            "Time from the arrival of a payload until it is written to a recipient's socket",
            delivery.clone(),
        );
        Self {
            connections: register(all, "connections", "Authenticated WebSocket connections"),
            unauthenticated: register(
                all,
                "unauthenticated_connections",
                "WebSocket connections that have not authenticated yet",
            ),
            away: register(all, "away_connections", "Lost connections that can be resumed"),
            queue_bytes: register(all, "queue_bytes", "Bytes in the outboxes of connections"),
            cluster_nodes: register(all, "cluster_nodes", "Other nodes that are available"),
            cluster_converged: register(
                all,
                "cluster_converged",
                "1 if this node knows every user who is connected to the cluster",
            ),
            cluster_queue_bytes: register(
                all,
                "cluster_queue_bytes",
                "Bytes that are queued for other nodes",
            ),
            payloads: register(all, "payloads", "Payloads received, by type and outcome"),
            deliveries: register(all, "deliveries", "Payloads queued for clients"),
            delivery,
            discarded: CountersBy::register(
                all,
                "discarded",
                "Payloads discarded, by reason",
                "reason",
                Discarded::ALL,
            ),
            kept: register(all, "kept_messages", "Messages that are kept for users who are offline"),
            kept_changes: CountersBy::register(
                all,
                "kept_message_changes",
                "Messages that were stored for users who were offline, and what happened to them",
                "change",
                KeptChange::ALL,
            ),
            logins: CountersBy::register(all, "logins", "Logins, by outcome", "outcome", LoginOutcome::ALL),
            registrations: register(all, "registrations", "Users registered"),
            refusals: CountersBy::register(
                all,
                "refused_connections",
                "Connections refused before their user was authenticated, by reason",
                "reason",
                Refusal::ALL,
            ),
            closes: CountersBy::register(
                all,
                "closes",
                "WebSocket connections that ended, by the close code that the server sent; 1006 for a lost connection, client for one that the client closed",
                "code",
                CloseLabel::ALL,
            ),
            resumptions: CountersBy::register(
                all,
                "resumptions",
                "Requests of clients to resume a connection, by outcome",
                "outcome",
                Resumption::ALL,
            ),
            http_unavailable: register(all, "http_unavailable", "HTTP calls answered with 503"),
            registry: root,
        }
    }
}

impl Metrics {
    /// Registers the metrics of the database.
    pub(crate) fn watch_database(&mut self, health: &DatabaseHealth) {
        let DatabaseHealth { read_failures, write_failures, writable } = health.clone();
        let all = self.registry.sub_registry_with_prefix(PREFIX);
        let database = all.sub_registry_with_prefix("database");
        database.register("read_failures", "Queries of the database that failed", read_failures);
        database.register("write_failures", "Changes of the database that failed", write_failures);
        database.register("writable", "1 if the last attempt to write to the database succeeded", writable);
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

    /// Adds to the number of lost connections that can be resumed.
    pub fn away_changed(&self, by: i64) {
        self.away.inc_by(by);
    }

    /// Counts a request to resume a connection.
    pub fn resumption(&self, outcome: Resumption) {
        self.resumptions.get(outcome).inc();
    }

    /// Adds to the number of bytes in outboxes.
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
        self.discarded.get(reason).inc_by(count);
    }

    /// Sets the number of messages that are kept for users who are offline.
    pub fn kept_is(&self, messages: u64) {
        self.kept.set(i64::try_from(messages).unwrap_or(i64::MAX));
    }

    /// Counts what happened to kept messages.
    pub fn kept_changed(&self, change: KeptChange, messages: u64) {
        self.kept_changes.get(change).inc_by(messages);
    }

    /// Counts a login.
    pub fn login(&self, outcome: LoginOutcome) {
        self.logins.get(outcome).inc();
    }

    /// Counts a registration.
    pub fn registered(&self) {
        self.registrations.inc();
    }

    /// Counts a connection that was refused.
    pub fn refused(&self, reason: Refusal) {
        self.refusals.get(reason).inc();
    }

    /// Counts a WebSocket connection that ended.
    pub fn closed(&self, code: CloseLabel) {
        self.closes.get(code).inc();
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
    use callie_core::CloseCode;

    use super::*;

    #[test]
    fn text_lists_every_metric_with_its_labels() {
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
        metrics.kept_is(5);
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
            "callie_kept_messages 5",
            "callie_kept_message_changes_total{change=\"expired\"} 0",
            concat!("callie_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "\nprocess_start_time_seconds 1",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
