-- `q` of the public list is a case-insensitive substring of title or artist (design.md §3.2). pg_trgm cuts a text into words
-- by the C library's idea of a letter; in the databases that we make, whose libc locale is C, no Hangul syllable is one, so
-- it found no trigram in a Korean title and read every concert. It also cannot look for less than three characters, and
-- 아이유 is a whole name. So we cut the text ourselves, into pieces of one, two and three characters, letters or not.
--
-- The cost is what it takes for a title of forty characters: without it the planner would rather cut every concert's text
-- than look into the index, which is a hundred times slower. None of these is safe for parallel plans: to start a worker
-- takes longer than all that there is to do.
CREATE FUNCTION event_service.grams(content text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT COST 5000
AS $$
    SELECT array_agg(DISTINCT substr(content, place, size))
    FROM generate_series(1, 3) AS size
    CROSS JOIN generate_series(1, char_length(content) - size + 1) AS place
$$;

-- Of what is looked for the longest pieces are enough.
CREATE FUNCTION event_service.searched_grams(content text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT
AS $$
    SELECT array_agg(DISTINCT substr(content, place, size))
    FROM (SELECT least(char_length(content), 3) AS size) AS longest
    CROSS JOIN generate_series(1, char_length(content) - size + 1) AS place
$$;

-- What is searched and what is looked for go through this: one case, and one spelling of composed and decomposed Hangul.
CREATE FUNCTION event_service.searchable(content text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
RETURN lower(normalize(content, NFC));

-- A line break stands in no title and in no search, so nothing is found across the two.
ALTER TABLE event_service.events
    ADD COLUMN search_text text NOT NULL
        GENERATED ALWAYS AS (lower(normalize(title || E'\n' || artist, NFC))) STORED;

DROP INDEX event_service.idx_events_title_trgm;
DROP INDEX event_service.idx_events_artist_trgm;
-- Concerts are announced seldom and looked for often: nothing waits in a list to be put in its place.
CREATE INDEX idx_events_search ON event_service.events
    USING gin (event_service.grams(search_text)) WITH (fastupdate = off);
DROP EXTENSION pg_trgm;
