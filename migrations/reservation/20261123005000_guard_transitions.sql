-- The last line of defence of the state machine (design.md §8, I5): PENDING → CONFIRMED | CANCELLED, CONFIRMED → CANCELLED,
-- and a sold seat stays its reservation's until the cancellation deletes the row. Every writer guards its own UPDATE; this
-- catches the one that does not.
create function reservation_service.guard_reservation_transition() returns trigger
    language plpgsql
as $$
begin
    if not (
        (old.status = 'PENDING' and new.status in ('CONFIRMED', 'CANCELLED'))
        or (old.status = 'CONFIRMED' and new.status = 'CANCELLED')
    ) then
        raise exception 'reservation % cannot go from % to %', old.id, old.status, new.status
            using errcode = 'check_violation', constraint = 'reservations_transition';
    end if;
    return new;
end
$$;

create trigger reservations_transition
    before update on reservation_service.reservations
    for each row
    when (old.status is distinct from new.status)
    execute function reservation_service.guard_reservation_transition();

create function reservation_service.guard_sold_seat() returns trigger
    language plpgsql
as $$
begin
    raise exception 'seat % is sold to the reservation % and cannot become another''s', old.seat_id, old.reservation_id
        using errcode = 'check_violation', constraint = 'seat_assignments_sold_stays';
end
$$;

create trigger seat_assignments_sold_stays
    before update on reservation_service.seat_assignments
    for each row
    when (
        old.state = 'SOLD'
        and (old.state, old.event_id, old.seat_id, old.reservation_id)
            is distinct from (new.state, new.event_id, new.seat_id, new.reservation_id)
    )
    execute function reservation_service.guard_sold_seat();
