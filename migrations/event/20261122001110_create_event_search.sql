-- `q` of the public list is a case-insensitive substring of title or artist (design.md §3.2). Trigrams find it without
-- reading every concert. pg_trgm is a trusted extension, so the migrator may create it.
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA event_service;

CREATE INDEX idx_events_title_trgm ON event_service.events USING gin (title event_service.gin_trgm_ops);
CREATE INDEX idx_events_artist_trgm ON event_service.events USING gin (artist event_service.gin_trgm_ops);
