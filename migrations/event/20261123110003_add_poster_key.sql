-- What the poster is called in the bucket: the object to remove once another one takes its place. The URL alone would not tell,
-- because the address that posters are served from may change.
ALTER TABLE event_service.events ADD COLUMN poster_key text;
