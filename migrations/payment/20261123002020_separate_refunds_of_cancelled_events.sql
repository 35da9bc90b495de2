-- A cancelled concert asks for thousands of refunds at once. They are taken beside the others, not before them, so each
-- kind has its own order.
drop index payment_service.refunds_due;
create index refunds_due on payment_service.refunds ((reason = 'EVENT_CANCELLED'), next_attempt_at)
    where next_attempt_at is not null;
