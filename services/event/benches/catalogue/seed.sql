-- Ten thousand concerts of fourteen months in 200 halls of ten cities, with titles and artists of words that recur as they
-- do in a real programme. The same every time.
SELECT setseed(0.5);

INSERT INTO event_service.venues (id, name, address, city)
SELECT
    gen_random_uuid(), 'Venue ' || n, 'Street ' || n,
    (ARRAY['서울', '부산', '대구', '인천', '광주', '대전', '울산', '제주', '수원', 'Seoul'])[1 + n % 10]
FROM generate_series(1, 200) AS n;

INSERT INTO event_service.halls (id, venue_id, name, capacity, seat_template)
SELECT gen_random_uuid(), id, 'Hall', 10, '{"rows": ["A"], "seatsPerRow": 10, "gradeMapping": {"A": "VIP"}}'
FROM event_service.venues;

WITH place AS (
    SELECT id, venue_id, row_number() OVER (ORDER BY id) - 1 AS place FROM event_service.halls
), vocabulary AS (
    SELECT ARRAY[
        '겨울', '여름', '봄', '가을', '콘서트', '페스티벌', 'Live', 'Night', '밴드', 'Orchestra', '재즈', 'Rock', '서울', '시월',
        '달빛', 'Blue', 'Red', '합창단', '전국투어', '앙코르', '팬미팅', '뮤지컬', 'Symphony', 'Dream', '하루', '소녀', '바람',
        '청춘', '노래', '별'
    ] AS words
)
INSERT INTO event_service.events (
    id, title, artist, description, venue_id, hall_id,
    event_start_at, event_end_at, sale_start_at, sale_end_at, max_tickets_per_user, cancelled_at
)
SELECT
    gen_random_uuid(),
    words[1 + (random() * 29)::integer] || ' ' || words[1 + (random() * 29)::integer] || ' '
        || words[1 + (random() * 29)::integer] || ' ' || n,
    words[1 + (random() * 29)::integer] || ' ' || words[1 + (random() * 29)::integer] || ' ' || n % 1000,
    repeat('What is played, and by whom. ', 20),
    place.venue_id, place.id,
    at, at + interval '3 h', at - interval '40 d', at + interval '2 h', 4,
    CASE WHEN n % 50 = 0 THEN now() END
FROM generate_series(1, 10000) AS n
CROSS JOIN LATERAL (SELECT now() + (n - 5000) * interval '1 h' AS at) AS time
CROSS JOIN vocabulary
JOIN place ON place.place = n % 200;

INSERT INTO event_service.event_grades (event_id, grade, price, seats_total)
SELECT id, grade, 100000, 10 FROM event_service.events, unnest(ARRAY['VIP', 'S', 'A']) AS grade;
