-- Where concerts take place (design document §6.2.2).
CREATE TABLE event_service.venues (
    id         uuid PRIMARY KEY,
    name       varchar(200) NOT NULL,
    address    varchar(300) NOT NULL,
    city       varchar(100) NOT NULL,
    created_at timestamptz  NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz  NOT NULL DEFAULT clock_timestamp()
);

-- The order of the public list.
CREATE INDEX idx_venues_name ON event_service.venues (name, id);

-- The list of concerts filters by city.
CREATE INDEX idx_venues_city ON event_service.venues (city);

CREATE TABLE event_service.halls (
    id            uuid PRIMARY KEY,
    venue_id      uuid         NOT NULL,
    name          varchar(200) NOT NULL,
    -- Computed from the template when the hall is written, so that lists need not.
    capacity      integer      NOT NULL,
    -- {"rows": ["A"], "seatsPerRow": 20, "gradeMapping": {"A": "VIP"}}, validated by the service.
    seat_template jsonb        NOT NULL,
    created_at    timestamptz  NOT NULL DEFAULT clock_timestamp(),
    updated_at    timestamptz  NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT halls_venue_id_fkey FOREIGN KEY (venue_id) REFERENCES event_service.venues (id),
    CONSTRAINT halls_capacity_check CHECK (capacity BETWEEN 1 AND 50000),
    -- What a concert's (hall_id, venue_id) points at, so that its venue is always its hall's.
    CONSTRAINT halls_id_venue_id_key UNIQUE (id, venue_id)
);

CREATE INDEX idx_halls_venue ON event_service.halls (venue_id);
