-- When the next sale closes: until then, and until the next one opens, lists by status stay as they are.
CREATE INDEX idx_events_sale_end ON event_service.events (sale_end_at, id);
