-- A cancelled concert's live reservations are ended in chunks, by whichever replica comes to it (design.md §8.5). Null: some
-- may be left. Nothing can add to them, because the row itself keeps holds and payment locks out.
alter table reservation_service.closed_events add column finished_at timestamptz;

-- What the loop looks for.
create index closed_events_unfinished on reservation_service.closed_events (closed_at) where finished_at is null;
