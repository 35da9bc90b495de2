-- The last line of defence of the refunds' and the sagas' states (design.md §8.4, I5), as payments_transition is of the
-- payments'. Every writer guards its own UPDATE; this catches the one that does not.

-- REQUESTED → PROCESSING → SUCCEEDED | FAILED. FAILED → REQUESTED is the operator's retry, or PortOne that shows the refund
-- as done after all. A worker that was thought dead may find the refund done while it is REQUESTED again.
create function payment_service.guard_refund_transition() returns trigger
    language plpgsql
as $$
begin
    if not (
        (old.status = 'REQUESTED' and new.status in ('PROCESSING', 'SUCCEEDED'))
        or (old.status = 'PROCESSING' and new.status in ('SUCCEEDED', 'FAILED'))
        or (old.status = 'FAILED' and new.status = 'REQUESTED')
    ) then
        raise exception 'refund % cannot go from % to %', old.id, old.status, new.status
            using errcode = 'check_violation', constraint = 'refunds_transition';
    end if;
    return new;
end
$$;

create trigger refunds_transition
    before update on payment_service.refunds
    for each row
    when (old.status is distinct from new.status)
    execute function payment_service.guard_refund_transition();

-- Another payment begins the saga anew, unless the one before it succeeded. Of one payment the saga only goes forwards.
create function payment_service.guard_saga_transition() returns trigger
    language plpgsql
as $$
begin
    if not (
        case
            when old.payment_id <> new.payment_id then new.step = 'STARTED' and old.step not in ('PAID', 'CONFIRMED')
            when old.step = 'STARTED' then new.step in ('FAILED', 'PAID')
            when old.step = 'FAILED' then new.step in ('REFUNDING', 'REFUNDED')
            when old.step = 'PAID' then new.step in ('CONFIRMED', 'REFUNDING', 'REFUNDED', 'COMPENSATED')
            when old.step = 'CONFIRMED' then new.step in ('REFUNDING', 'REFUNDED', 'COMPENSATED')
            when old.step = 'REFUNDING' then new.step = 'REFUNDED'
            else false
        end
    ) then
        raise exception 'saga of reservation % cannot go from % to %', old.reservation_id, old.step, new.step
            using errcode = 'check_violation', constraint = 'payment_sagas_transition';
    end if;
    return new;
end
$$;

create trigger payment_sagas_transition
    before update on payment_service.payment_sagas
    for each row
    when (old.step is distinct from new.step or old.payment_id is distinct from new.payment_id)
    execute function payment_service.guard_saga_transition();
