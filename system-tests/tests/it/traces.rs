//! One trace leads from the buyer's click to the sold seat: through the gateway, the services, the outbox and Kafka.

use serde_json::json;
use std::collections::BTreeMap;
use system_tests::{Buyer, Outcome, Part, Sale, System};
use test_support::{Collector, SeenKind, SpanSeen};
use uuid::Uuid;

/// What a front end that traces would send.
const CLICK: &str = "00f067aa0ba902b7";

/// A trace that the front end began, and its header. It says that it is not recorded: that is the gateway's decision.
fn click() -> (String, String) {
    let trace = Uuid::now_v7().simple().to_string();
    let header = format!("00-{trace}-{CLICK}-00");
    (trace, header)
}

/// A span with all that it happened under, the outermost first, as `kind service: name`.
fn way<'a>(spans: &'a [SpanSeen], mut span: &'a SpanSeen) -> Vec<String> {
    let by_id: BTreeMap<_, _> = spans.iter().map(|span| (&span.id, span)).collect();
    let mut way = Vec::new();
    loop {
        way.insert(0, format!("{:?} {}: {}", span.kind, span.service, span.name));
        let Some(parent) = &span.parent else { return way };
        if parent == CLICK {
            return way;
        }
        let above = by_id.get(parent);
        assert!(above.is_some(), "{span:#?} hangs under nothing, in {spans:#?}");
        let Some(above) = above else { return way };
        span = above;
    }
}

/// Whether everything that a span hangs under is there. Each process sends its spans when it likes, so what a message caused may
/// be told before its sending.
fn is_whole(spans: &[SpanSeen]) -> bool {
    let is_there = |parent: &String| parent == CLICK || spans.iter().any(|span| span.id == *parent);
    spans.iter().all(|span| span.parent.as_ref().is_none_or(is_there))
}

fn find<'a>(spans: &'a [SpanSeen], kind: SeenKind, service: &str, name: &str) -> Option<&'a SpanSeen> {
    let mut spans = spans.iter();
    spans.find(|span| span.kind == kind && span.service == service && span.name == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_click_to_sold() {
    let collector = Collector::start().await;
    let system = System::start_with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint()),
        ("OTEL_TRACES_SAMPLER_ARG", "1"),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("LOG_FORMAT", "json"),
    ])
    .await;
    // Else it may be quicker than the confirmation's own look; that one comes below.
    system.faults(&json!({"webhook": {"dropRate": 1.0}})).await;
    let sale = system.admin().await.open_sale(1, 3).await;
    let buyer = Buyer::register(&system).await;
    let token = buyer.queue(&sale).await;
    let seats = buyer.free_seats(&sale, 2).await;

    let (of_hold, header) = click();
    let traced = buyer.through(&system.gateway().with_header("traceparent", &header));
    let hold = traced.hold(&sale, &token, &seats).await;
    let (key, payment_token) = buyer.pay_in_window(&hold, Outcome::Pay).await;
    let (of_payment, header) = click();
    let reply = buyer
        .api()
        .with_header("traceparent", &header)
        .with_header("x-request-id", "the-click")
        .post(
            "/payments/confirm",
            &json!({"paymentKey": key, "paymentToken": payment_token}),
        )
        .await;
    assert_eq!(reply.expect(200)["status"], "SUCCESS");
    for seat in &seats {
        buyer.wait_for_seat(&sale, *seat, "SOLD").await;
    }

    // The seats turn with the first of two messages, so both are waited for.
    let processed = |spans: &[SpanSeen], service: &str, topic: &str| {
        find(spans, SeenKind::Consumer, service, &format!("process {topic}")).is_some()
    };
    let spans = collector
        .trace(&of_payment, |spans| {
            processed(spans, "event-service", "payment.events")
                && processed(spans, "event-service", "reservation.events")
                && processed(spans, "payment-service", "reservation.events")
                && processed(spans, "queue-service", "reservation.events")
                && find(spans, SeenKind::Producer, "event-service", "send seat.events").is_some()
                && is_whole(spans)
        })
        .await;
    let by_click = [
        "Server gateway: POST /payments/confirm",
        "Server payment-service: POST /payments/confirm",
    ];
    let by_payment = [
        "Producer payment-service: send payment.events",
        "Consumer reservation-service: process payment.events",
        "Producer reservation-service: send reservation.events",
        "Consumer event-service: process reservation.events",
    ];
    let confirmed = find(
        &spans,
        SeenKind::Consumer,
        "event-service",
        "process reservation.events",
    )
    .unwrap();
    assert_eq!(way(&spans, confirmed), [by_click.as_slice(), &by_payment].concat());
    let sold = spans.iter().find(|span| span.attributes.contains_key("seat.status"));
    let sold = sold.expect("a span turned the seats");
    assert_eq!(
        (&*sold.service, &*sold.attributes["seat.status"]),
        ("event-service", "SOLD")
    );
    for span in &spans {
        assert!(way(&spans, span)[0].starts_with("Server gateway"), "one root");
        assert!(!span.failed, "{span:#?}");
        assert!(span.start <= span.end, "{span:#?}");
    }

    let click = find(&spans, SeenKind::Server, "gateway", "POST /payments/confirm").unwrap();
    assert_eq!(click.attributes["request.id"], "the-click");
    let reservation = hold.reservation_id.to_string();
    let by_reservation = |span: &&SpanSeen| span.attributes.get("reservation.id") == Some(&reservation);
    assert!(spans.iter().filter(by_reservation).count() >= 6, "{spans:#?}");
    for (target, peer) in [
        ("POST /internal/reservations/{id}/payment-lock", "reservation-service"),
        ("POST /payments/{id}/confirm", "portone"),
        ("GET /payments/{id}", "portone"),
    ] {
        let call = find(&spans, SeenKind::Client, "payment-service", target).unwrap_or_else(|| panic!("{spans:#?}"));
        assert_eq!(call.attributes["service.peer.name"], peer);
    }

    let lock = "POST /internal/reservations/{id}/payment-lock";
    let locked = find(&spans, SeenKind::Server, "reservation-service", lock).unwrap();
    assert_eq!(
        way(&spans, locked)[2],
        format!("Client payment-service: {lock}"),
        "called by the payment service"
    );
    let validate = "POST /internal/queue/tokens/validate";
    let held = |spans: &[SpanSeen]| {
        find(spans, SeenKind::Server, "gateway", "POST /reservations/hold").is_some()
            && find(spans, SeenKind::Server, "queue-service", validate).is_some()
            && is_whole(spans)
    };
    let spans = collector.trace(&of_hold, held).await;
    let asked = find(&spans, SeenKind::Server, "queue-service", validate).unwrap();
    assert_eq!(
        way(&spans, asked),
        [
            "Server gateway: POST /reservations/hold".to_owned(),
            "Server reservation-service: POST /reservations/hold".to_owned(),
            format!("Client reservation-service: {validate}"),
            format!("Server queue-service: {validate}"),
        ]
    );

    let log = system.log(Part::Gateway);
    let line = log
        .lines()
        .find(|line| line.contains("the-click"))
        .expect("it is in the log");
    assert!(line.contains(&of_payment), "the log has the same trace: {line}");
    settled_by_a_webhook(&system, &collector, &sale).await;
    let everything = format!("{:?}", collector.spans());
    for personal in ["@example.com", "김예매", "0100000", "qr_", "qp_", &payment_token] {
        assert!(!everything.contains(personal), "{personal} is in a span");
    }
}

/// PortOne's webhook is quicker than the confirmation that caused it, which finds everything done. The trace is the click's
/// all the same.
async fn settled_by_a_webhook(system: &System, collector: &Collector, sale: &Sale) {
    const CHARGED: &str = "payment.confirm.charged";
    system.no_faults().await;
    let buyer = Buyer::register(system).await;
    let hold = buyer.queue_and_hold(sale, 1).await;
    let (key, payment_token) = buyer.pay_in_window(&hold, Outcome::Pay).await;
    let (of_payment, header) = click();
    system.hold(Part::Payment, CHARGED);
    let clicked = buyer.api().with_header("traceparent", &header);
    let body = json!({"paymentKey": key, "paymentToken": payment_token});
    let confirm = clicked.post("/payments/confirm", &body);
    let sold = async {
        buyer.wait_for_seat(sale, hold.seat_ids[0], "SOLD").await;
        system.let_go(Part::Payment, CHARGED);
    };
    let (reply, ()) = tokio::join!(confirm, sold);
    assert_eq!(reply.expect(200)["status"], "SUCCESS");
    let spans = collector
        .trace(&of_payment, |spans| {
            find(spans, SeenKind::Server, "gateway", "POST /payments/confirm").is_some()
                && spans.iter().any(|span| span.attributes.contains_key("seat.status"))
                && is_whole(spans)
        })
        .await;
    let sold = spans
        .iter()
        .find(|span| span.attributes.contains_key("seat.status"))
        .unwrap();
    let way = way(&spans, sold);
    assert_eq!(
        way[..4],
        [
            "Server gateway: POST /payments/confirm",
            "Server payment-service: POST /payments/confirm",
            "Internal payment-service: settle-payment",
            "Producer payment-service: send payment.events",
        ],
        "{way:#?}"
    );
}
