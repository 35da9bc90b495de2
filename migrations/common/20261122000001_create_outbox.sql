-- The transactional outbox (design.md §5 and §7): a message is written in the transaction whose effect it reports, and the
-- relay of the service that wrote it sends it to Kafka afterwards. All services share the table; row security gives each
-- login its own rows and nothing else.
create table common.outbox_events (
    -- The message's id, a UUID v7, so that the oldest rows are found by the primary key.
    id uuid primary key,
    -- The login that wrote the row. Row security compares it with session_user, which SET ROLE cannot change.
    producer text collate "C" not null default session_user,
    -- Commit order per key, because the writer locks the row that the key names before it inserts. Not commit order in
    -- general: transactions of different keys may commit in any order.
    seq bigint not null generated always as identity,
    aggregate_type text not null,
    aggregate_id uuid not null,
    event_type text not null,
    topic text not null,
    message_key text collate "C" not null,
    -- One lease, and so one relay, per shard. Derived from the key, so that a key is always in one shard.
    shard smallint not null generated always as ((hashtext(message_key) & 15)::smallint) stored,
    -- The whole envelope, ready to send.
    payload jsonb not null,
    -- Kafka headers, text to text.
    headers jsonb not null default '{}',
    created_at timestamptz not null default clock_timestamp(),
    published boolean not null default false,
    published_at timestamptz,
    -- How often the row itself (not the broker) was at fault.
    retry_count int not null default 0,
    -- Set when the row cannot be published at all. It holds back the later rows of its key until `ticketctl outbox`.
    parked_at timestamptz,
    last_error text,

    -- A login may only say what its service says: otherwise it could forge another's message in its own name.
    constraint outbox_events_topic_belongs_to_producer check (
        case producer
            when 'event_svc_user' then topic in ('event.events', 'seat.events')
            when 'reservation_svc_user' then topic in ('reservation.events')
            when 'payment_svc_user' then topic in ('payment.events', 'compensation.events')
            else false
        end
    ),
    constraint outbox_events_published_at check (published = (published_at is not null))
)
with (
    -- Every row is updated once and deleted once; the partial indexes stay small only if dead entries are cleared often.
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.1,
    fillfactor = 90
);

-- The relay's question: the next rows of a shard, in order. Published rows are not in it, however many there are.
create index outbox_events_unpublished on common.outbox_events (producer, shard, seq) where not published;

-- Keys held back by a parked row; almost always empty.
create index outbox_events_parked on common.outbox_events (producer, message_key)
    where parked_at is not null and not published;

-- Which relay sends which shard, until when, on the database's clock.
create table common.outbox_leases (
    producer text collate "C" not null default session_user,
    shard smallint not null check (shard between 0 and 15),
    owner uuid not null,
    expires_at timestamptz not null,
    primary key (producer, shard)
)
with (fillfactor = 50);

alter table common.outbox_events enable row level security;
alter table common.outbox_events force row level security;
alter table common.outbox_leases enable row level security;
alter table common.outbox_leases force row level security;

create policy own_rows on common.outbox_events
    using (producer = session_user::text)
    with check (producer = session_user::text);
create policy own_rows on common.outbox_leases
    using (producer = session_user::text)
    with check (producer = session_user::text);

-- Operators act as the migrator (`ticketctl`), which no service can become.
create policy operators on common.outbox_events to ticketing_migrator using (true) with check (true);
create policy operators on common.outbox_leases to ticketing_migrator using (true) with check (true);

grant select, insert, update, delete on common.outbox_events, common.outbox_leases
    to user_svc_user, event_svc_user, queue_svc_user, reservation_svc_user, payment_svc_user;
