-- When the end of a paid reservation is told again unless its money has come back by then (design.md §8.4). Null: not told
-- again so far.
alter table reservation_service.reservations add column refund_remind_at timestamptz;
