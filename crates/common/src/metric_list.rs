//! Every metric that a program of ours shows, with what is said of it at `/metrics` and in `docs/observability.md`.
//!
//! Tests compare this list with the sources, the document, the dashboard, Prometheus' alerts and CloudWatch's, so that none names
//! a metric that is not there, and none is there that nobody knows of.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One metric.
#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// In the document only: separated by commas, as they are shown.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests compare it with the document"))]
    pub(crate) labels: &'static str,
    /// Which programs show it, for the document.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests compare it with the document"))]
    pub(crate) from: &'static str,
    pub(crate) help: &'static str,
}

const fn metric(
    kind: Kind,
    name: &'static str,
    labels: &'static str,
    from: &'static str,
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        labels,
        from,
        help,
    }
}

use Kind::{Counter, Gauge, Histogram};

#[rustfmt::skip]
pub(crate) const ALL: &[Metric] = &[
    metric(Histogram, "http_server_request_duration_seconds", "service, method, route, status", "all",
        "From the request's head to the reply's, or to the client's leaving (the gateway's 499). Its count is that of the requests."),
    metric(Histogram, "gateway_upstream_duration_seconds", "upstream", "gateway",
        "Until a service's reply began, or its caller gave up, retries included."),
    metric(Gauge, "gateway_connections_open", "", "gateway", "Connections of clients."),
    metric(Counter, "gateway_connections_refused_total", "", "gateway",
        "Connections closed because their address has too many."),
    metric(Gauge, "gateway_redis_up", "", "gateway", "1 if Redis answered and counted last time, 0 if not."),
    metric(Gauge, "circuit_breaker_state", "name", "all",
        "Whether what has this name is called: 0 closed (it is), 1 half-open (a few calls try), 2 open (it is not)."),
    metric(Counter, "circuit_breaker_transitions_total", "name, to", "all", "How often a breaker went to a state."),
    metric(Counter, "upstream_replica_ejections_total", "upstream", "all",
        "How often a replica of a called service was left out for a while, because it took no connection or kept failing."),
    metric(Gauge, "db_pool_connections", "pool, state", "services",
        "Connections to PostgreSQL, idle or used, of the pool for requests or of that for workers."),
    metric(Gauge, "db_pool_connections_max", "pool", "services", "How many connections the pool may have."),
    metric(Counter, "db_pool_timeouts_total", "", "services",
        "Requests answered 503 because no connection came free in time."),
    metric(Gauge, "redis_memory_used_bytes", "node", "queue-service", "What a master of Redis holds."),
    metric(Gauge, "redis_memory_max_bytes", "node", "queue-service",
        "What it may hold; there is none for a master without a limit."),
    metric(Gauge, "outbox_unpublished", "", "event, reservation, payment", "Committed messages that Kafka has not got."),
    metric(Gauge, "outbox_parked", "", "event, reservation, payment",
        "Those of them that Kafka will not take; each holds back the later ones of its key."),
    metric(Gauge, "outbox_oldest_seconds", "", "event, reservation, payment", "Age of the oldest of them, 0 without any."),
    metric(Counter, "outbox_published_total", "", "event, reservation, payment", "Messages that Kafka took."),
    metric(Gauge, "consumer_lag", "group, partition", "event, queue, reservation, payment",
        "Messages of a partition not handled yet; shown by the replica that has the partition."),
    metric(Counter, "consumer_handled_total", "group, type, outcome", "event, queue, reservation, payment",
        "Messages by what became of them."),
    metric(Counter, "dlq_total", "topic, group", "event, queue, reservation, payment",
        "Messages given up and sent to the dead letters."),
    metric(Gauge, "dlq_messages", "topic", "event, reservation, payment",
        "Dead letters that lie in a topic (of the last 7 days, replayed ones included)."),
    metric(Counter, "cache_requests_total", "object, outcome", "event-service",
        "Objects asked for: local, redis, stale, waited, refreshed or loaded."),
    metric(Counter, "cache_loads_total", "object, outcome", "event-service", "Objects read from the database, by outcome."),
    metric(Histogram, "cache_load_duration_seconds", "object", "event-service", "How long that took."),
    metric(Counter, "cache_loads_refused_total", "", "event-service", "Requests answered 503 because too many loads ran."),
    metric(Counter, "cache_redis_faults_total", "", "event-service", "Times that Redis could not be asked for an object."),
    metric(Gauge, "queue_waiting", "event", "queue-service",
        "Who stands in a concert's line. Every replica shows the same number; none once the line has ended."),
    metric(Gauge, "queue_active", "event", "queue-service", "Who is admitted now, likewise."),
    metric(Counter, "queue_admitted_total", "event", "queue-service", "Admissions."),
    metric(Counter, "queue_evicted_total", "event", "queue-service", "Places given up because their owners were silent."),
    metric(Counter, "queue_expired_total", "event", "queue-service", "Admissions that ended by time."),
    metric(Counter, "queue_returned_total", "event", "queue-service",
        "Admissions that nobody noticed in time and that went back into the line."),
    metric(Gauge, "queue_streams_open", "", "queue-service", "Open GET /queue/stream."),
    metric(Counter, "reservation_holds_total", "result, reason", "reservation-service",
        "Requests for seats: won, repeated, lost (a seat was somebody's) or refused."),
    metric(Counter, "reservation_swaps_total", "result, reason", "reservation-service",
        "Requests for other seats instead, likewise."),
    metric(Counter, "reservation_holds_expired_total", "", "reservation-service", "Holds that ended by time."),
    metric(Counter, "reservation_payment_locks_asked_total", "outcome", "reservation-service",
        "Old payment locks of which the payment service was asked, by what followed."),
    metric(Counter, "reservation_confirmations_failed_total", "", "reservation-service",
        "Captured payments that could not confirm their reservation; the money goes back."),
    metric(Counter, "reservation_holds_rebuilt_total", "", "reservation-service", "Holds put back after Redis lost them."),
    metric(Counter, "reservation_closed_total", "", "reservation-service",
        "Reservations ended because their concert was cancelled."),
    metric(Counter, "payments_total", "outcome, reason", "payment-service", "Payments decided: success, failed or refunded."),
    metric(Counter, "payment_alarms_total", "kind", "payment-service", "What PortOne said that somebody must look at."),
    metric(Gauge, "sagas_stuck", "", "payment-service",
        "Paid bookings neither confirmed nor refunded for SAGA_ALARM_AFTER_SECONDS."),
    metric(Gauge, "refunds_failed", "", "payment-service", "Refunds given up."),
    metric(Histogram, "portone_request_duration_seconds", "operation, outcome", "payment-service", "Calls of PortOne."),
    metric(Counter, "trace_spans_exported_total", "", "all", "Spans that the collector took; only where traces are exported."),
    metric(Counter, "trace_spans_dropped_total", "reason", "all",
        "Spans that nobody will see: `queue_full`, or `export_failed` because the collector was away, slow or refused them."),
];

/// The metric of that name.
pub(crate) fn find(name: &str) -> Option<&'static Metric> {
    ALL.iter().find(|metric| metric.name == name)
}

/// Tells the recorder what each of them means.
pub(crate) fn describe() {
    for metric in ALL {
        let unit = match metric.name {
            name if name.ends_with("_seconds") => Unit::Seconds,
            name if name.ends_with("_bytes") => Unit::Bytes,
            _ => Unit::Count,
        };
        match metric.kind {
            Counter => describe_counter!(metric.name, unit, metric.help),
            Gauge => describe_gauge!(metric.name, unit, metric.help),
            Histogram => describe_histogram!(metric.name, unit, metric.help),
        }
    }
}

#[cfg(test)]
mod tests;
