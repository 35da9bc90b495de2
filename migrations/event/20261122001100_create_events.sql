-- Concerts (design document §6.2.2). UPCOMING, ONGOING and ENDED follow from the sale window and the time of the reply
-- (design.md §3.2), so a status column would only ever be wrong; CANCELLED is the one state that must be remembered.
CREATE TABLE event_service.events (
    id                   uuid PRIMARY KEY,
    title                varchar(200) NOT NULL,
    artist               varchar(200) NOT NULL,
    description          text,
    venue_id             uuid         NOT NULL,
    hall_id              uuid         NOT NULL,
    event_start_at       timestamptz  NOT NULL,
    event_end_at         timestamptz  NOT NULL,
    sale_start_at        timestamptz  NOT NULL,
    sale_end_at          timestamptz  NOT NULL,
    max_tickets_per_user integer      NOT NULL,
    poster_url           text,
    cancelled_at         timestamptz,
    -- Raised by every administrative change; travels in EventChanged and orders what caches know.
    version              bigint       NOT NULL DEFAULT 1,
    created_at           timestamptz  NOT NULL DEFAULT clock_timestamp(),
    updated_at           timestamptz  NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT events_hall_fkey FOREIGN KEY (hall_id, venue_id) REFERENCES event_service.halls (id, venue_id),
    CONSTRAINT events_times_check CHECK (
        event_start_at < event_end_at AND sale_start_at < sale_end_at AND sale_end_at <= event_end_at
    ),
    CONSTRAINT events_max_tickets_check CHECK (max_tickets_per_user > 0),
    CONSTRAINT events_version_check CHECK (version > 0)
);

-- The three orders of the public list; the id makes pages stable.
CREATE INDEX idx_events_event_start ON event_service.events (event_start_at, id);
CREATE INDEX idx_events_sale_start ON event_service.events (sale_start_at, id);
CREATE INDEX idx_events_title ON event_service.events (title, id);

CREATE INDEX idx_events_venue ON event_service.events (venue_id);
CREATE INDEX idx_events_hall ON event_service.events (hall_id);

-- What a grade costs and how many of its seats are left. The projection keeps seats_sold, so that nobody counts seats.
CREATE TABLE event_service.event_grades (
    event_id    uuid    NOT NULL,
    grade       text    NOT NULL,
    price       bigint  NOT NULL,
    seats_total integer NOT NULL,
    seats_sold  integer NOT NULL DEFAULT 0,
    CONSTRAINT event_grades_pkey PRIMARY KEY (event_id, grade),
    CONSTRAINT event_grades_event_id_fkey FOREIGN KEY (event_id) REFERENCES event_service.events (id) ON DELETE CASCADE,
    CONSTRAINT event_grades_grade_check CHECK (grade IN ('VIP', 'S', 'A', 'B')),
    CONSTRAINT event_grades_price_check CHECK (price > 0),
    CONSTRAINT event_grades_seats_check CHECK (seats_total > 0 AND seats_sold BETWEEN 0 AND seats_total)
) WITH (fillfactor = 70);
