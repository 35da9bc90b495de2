-- The seats of one concert, made from its hall's template (design document §6.2.2). HOLD is not known here: the
-- reservation service decides who may buy, this is the map that shows what is sold.
CREATE TABLE event_service.seats (
    id          uuid PRIMARY KEY,
    event_id    uuid        NOT NULL,
    -- 0-based place in the hall, row by row: the order of every list of seats.
    seat_index  integer     NOT NULL,
    seat_number varchar(32) NOT NULL,
    grade       text        NOT NULL,
    price       bigint      NOT NULL,
    status      text        NOT NULL DEFAULT 'AVAILABLE',
    -- The map's version (seat_maps) with which this seat last changed: what `?since=` compares.
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT seats_event_id_fkey FOREIGN KEY (event_id) REFERENCES event_service.events (id) ON DELETE CASCADE,
    CONSTRAINT seats_event_id_seat_number_key UNIQUE (event_id, seat_number),
    CONSTRAINT seats_grade_check CHECK (grade IN ('VIP', 'S', 'A', 'B')),
    CONSTRAINT seats_price_check CHECK (price > 0),
    CONSTRAINT seats_status_check CHECK (status IN ('AVAILABLE', 'SOLD'))
);

CREATE INDEX idx_seats_event_status ON event_service.seats (event_id, status);

-- What changed since a version, without reading the whole map.
CREATE INDEX idx_seats_event_version ON event_service.seats (event_id, version);

-- One narrow row per concert, raised by each transaction that changes the status of any of its seats. The row stays
-- locked until that transaction commits, so versions become visible in order and `?since=` never skips a change. It is
-- not a column of events because a sale should not rewrite a concert's description.
CREATE TABLE event_service.seat_maps (
    event_id uuid PRIMARY KEY,
    version  bigint NOT NULL DEFAULT 1,
    CONSTRAINT seat_maps_event_id_fkey FOREIGN KEY (event_id) REFERENCES event_service.events (id) ON DELETE CASCADE
) WITH (fillfactor = 50);

-- The projection's memory (design.md §8.5): how far each reservation's claim on each seat has come. The order of the
-- values is the order in which a claim may rise.
CREATE TYPE event_service.claim AS ENUM ('PAID', 'CONFIRMED', 'RELEASED');

CREATE TABLE event_service.seat_claims (
    seat_id        uuid                NOT NULL,
    reservation_id uuid                NOT NULL,
    claim          event_service.claim NOT NULL,
    updated_at     timestamptz         NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT seat_claims_pkey PRIMARY KEY (seat_id, reservation_id),
    CONSTRAINT seat_claims_seat_id_fkey FOREIGN KEY (seat_id) REFERENCES event_service.seats (id) ON DELETE CASCADE
);
