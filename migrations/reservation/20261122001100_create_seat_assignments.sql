-- Whose a seat is: the last line of defence against selling it twice (design.md §5, invariant I1). No row: nobody's. The
-- primary key allows one owner; a hold takes over another's row only if that one is HELD and has expired.
create table reservation_service.seat_assignments (
    event_id uuid not null,
    seat_id uuid not null,
    -- Checked at commit, because a hold takes the seats before it writes the reservation (lock order, design.md §8).
    reservation_id uuid not null
        references reservation_service.reservations (id) deferrable initially deferred,
    state text not null constraint seat_assignments_state check (state in ('HELD', 'SOLD')),
    -- 'infinity' while a payment runs and once sold, so that "live" is always expires_at > clock_timestamp().
    expires_at timestamptz not null,
    primary key (event_id, seat_id),
    constraint seat_assignments_sold_for_ever check (state = 'HELD' or expires_at = 'infinity')
)
-- Rows come and go by the thousand during a sale.
with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

create index seat_assignments_of_reservation on reservation_service.seat_assignments (reservation_id);

-- Concerts that take no more holds, swaps, payment locks or confirmations. Written under an exclusive advisory lock that
-- those take shared before they look here (design.md §8.5).
create table reservation_service.closed_events (
    event_id uuid primary key,
    reason text not null,
    closed_at timestamptz not null default clock_timestamp()
);
