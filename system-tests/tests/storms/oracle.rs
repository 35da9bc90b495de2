//! What must hold, asked of the database behind the services' backs.

use crate::town::Town;
use clap::Parser;
use common::config::Env;
use rdkafka::consumer::{BaseConsumer, Consumer};
use sqlx::Row;
use std::{process::ExitCode, time::Duration};

/// Every change of a status, and every seat that passes from one reservation to another, is written down by triggers: a
/// forbidden move is found although a later one may have covered it up (I1, I5).
const WITNESS: &str = r#"
    create schema oracle;
    create table oracle.moves (
        what text not null, id uuid not null, before text not null, after text not null,
        at timestamptz not null default clock_timestamp()
    );
    create function oracle.status_moved() returns trigger language plpgsql security definer as $$
    begin
        insert into oracle.moves (what, id, before, after)
        values (tg_argv[0], new.id, case when tg_op = 'INSERT' then '-' else old.status end, new.status);
        return new;
    end $$;
    create function oracle.seat_moved() returns trigger language plpgsql security definer as $$
    begin
        insert into oracle.moves (what, id, before, after)
        values ('live seat', new.seat_id, old.state || ' ' || old.reservation_id, new.state || ' ' || new.reservation_id);
        return new;
    end $$;
    create trigger oracle_inserted after insert on reservation_service.reservations
        for each row execute function oracle.status_moved('reservation');
    create trigger oracle_moved after update of status on reservation_service.reservations
        for each row when (old.status <> new.status) execute function oracle.status_moved('reservation');
    create trigger oracle_inserted after insert on payment_service.payments
        for each row execute function oracle.status_moved('payment');
    create trigger oracle_moved after update of status on payment_service.payments
        for each row when (old.status <> new.status) execute function oracle.status_moved('payment');
    create trigger oracle_moved after update on reservation_service.seat_assignments
        for each row when (
            old.reservation_id <> new.reservation_id
            and (old.state = 'SOLD' or old.expires_at > clock_timestamp())
        ) execute function oracle.seat_moved();
"#;

/// Moves that design.md §8 does not know, and FAILED → REFUNDED without a capture.
const FORBIDDEN: &str = r#"
    select what || ' ' || id || ': ' || before || ' -> ' || after as move
    from oracle.moves as moved
    where (what, before, after) not in (
        ('reservation', '-', 'PENDING'), ('reservation', 'PENDING', 'CONFIRMED'),
        ('reservation', 'PENDING', 'CANCELLED'), ('reservation', 'CONFIRMED', 'CANCELLED'),
        ('payment', '-', 'PENDING'), ('payment', 'PENDING', 'SUCCESS'), ('payment', 'PENDING', 'FAILED'),
        ('payment', 'SUCCESS', 'REFUNDED')
    )
    and not (
        (what, before, after) = ('payment', 'FAILED', 'REFUNDED')
        and exists (select from payment_service.payments where payments.id = moved.id and captured)
    )
"#;

/// What happens once in a life was told once, however often a message came or a process died.
const TOLD_TWICE: &str = r#"
    select event_type || ' of ' || aggregate_id || ' was told ' || count(*) || ' times' as told
    from common.outbox_events
    where event_type in ('ReservationConfirmed', 'ReservationCancelled', 'PaymentFailed', 'PaymentRefunded')
    group by event_type, aggregate_id
    having count(*) > 1
"#;

impl Town {
    /// Begins to write down what moves. Before anything does.
    pub(crate) async fn watch(&self) {
        sqlx::raw_sql(WITNESS).execute(&self.db).await.unwrap();
    }

    /// Everything that is wrong with what happened so far, whoever still moves.
    pub(crate) async fn wrongs(&self) -> Vec<String> {
        let mut wrongs = Vec::new();
        for question in [FORBIDDEN, TOLD_TWICE] {
            let rows = sqlx::query(question).fetch_all(&self.db).await.unwrap();
            wrongs.extend(rows.iter().map(|row| row.get::<String, _>(0)));
        }
        wrongs
    }

    /// How often which move was made: what a run came to.
    pub(crate) async fn moves(&self) -> Vec<String> {
        let question = "select what || ' ' || before || ' -> ' || after || ': ' || count(*)
            from oracle.moves group by what, before, after order by what desc, before, after";
        sqlx::query_scalar(question).fetch_all(&self.db).await.unwrap()
    }

    /// Everything that is wrong at rest, by the operators' own audit, against PortOne's ledger. Its findings are printed.
    pub(crate) async fn audit(&self) -> Vec<String> {
        let database = self.env.superuser_url();
        let arguments = [
            "ticketctl",
            "audit",
            "--database-url",
            &database,
            "--simulators-url",
            self.portone_url(),
            "--wait",
            "40",
            "--settle-seconds",
            "20",
        ];
        let command = ticketctl::Cli::try_parse_from(arguments).unwrap();
        let env = Env::from_pairs(self.env.pairs(None)).unwrap();
        let verdict = Box::pin(ticketctl::run(command, &env)).await.unwrap();
        let mut wrongs = self.wrongs().await;
        if verdict != ExitCode::SUCCESS {
            wrongs.push("the audit has findings, printed above".to_owned());
        }
        let letters = self.dead_letters().await;
        if letters > 0 {
            wrongs.push(format!("{letters} messages went to the dead letters"));
        }
        wrongs
    }

    /// Messages that some consumer gave up.
    async fn dead_letters(&self) -> i64 {
        let (brokers, prefix) = (self.env.kafka().to_owned(), self.env.topic_prefix().to_owned());
        let count = move || {
            let mut config = rdkafka::ClientConfig::new();
            config.set("bootstrap.servers", &brokers).set("group.id", "oracle");
            let consumer: BaseConsumer = config.create().unwrap();
            let topics = messages::Topic::ALL.into_iter().filter(|topic| topic.is_dlq());
            let sizes = topics.map(|topic| {
                let name = topic.with_prefix(&prefix);
                let (low, high) = consumer.fetch_watermarks(&name, 0, Duration::from_secs(10)).unwrap();
                high - low
            });
            sizes.sum()
        };
        tokio::task::spawn_blocking(count).await.unwrap()
    }
}
