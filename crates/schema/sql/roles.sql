-- The cluster's part of the schema: roles belong to all of its databases. Run under a lock, so creating is race-free.
do $$
declare
    login text;
begin
    if not exists (select from pg_roles where rolname = 'ticketing_migrator') then
        create role ticketing_migrator nologin;
    end if;
    foreach login in array array['user', 'event', 'queue', 'reservation', 'payment'] loop
        if not exists (select from pg_roles where rolname = login || '_svc_user') then
            execute format('create role %I login', login || '_svc_user');
        end if;
        execute format('alter role %I set search_path = %I, common', login || '_svc_user', login || '_service');
    end loop;
    -- Where the administrator is no superuser (RDS), it must be a member to act as the migrator.
    if not pg_has_role(current_user, 'ticketing_migrator', 'SET') then
        execute format('grant ticketing_migrator to %I', current_user);
    end if;
end
$$;
