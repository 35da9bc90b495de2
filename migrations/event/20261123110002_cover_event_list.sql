-- The public list sorts by one of three columns and filters by the others. With all of them in each index, page and count
-- are decided without the concerts themselves, whose descriptions make them wide; only the rows of the page are read.
DROP INDEX event_service.idx_events_event_start;
CREATE INDEX idx_events_event_start ON event_service.events (event_start_at, id)
    INCLUDE (sale_start_at, sale_end_at, cancelled_at, venue_id);

DROP INDEX event_service.idx_events_sale_start;
CREATE INDEX idx_events_sale_start ON event_service.events (sale_start_at, id)
    INCLUDE (sale_end_at, cancelled_at, event_start_at, venue_id);

DROP INDEX event_service.idx_events_title;
CREATE INDEX idx_events_title ON event_service.events (title, id)
    INCLUDE (sale_start_at, sale_end_at, cancelled_at, event_start_at, venue_id);
