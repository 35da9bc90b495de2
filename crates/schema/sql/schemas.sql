-- One schema per service, owned by the migrator; each service's login may read and write the rows of its own and no more.
revoke all on schema public from public;

-- Functions are executable by everybody unless told otherwise.
alter default privileges for role ticketing_migrator revoke execute on functions from public;

do $$
declare
    service text;
begin
    create schema if not exists common authorization ticketing_migrator;
    foreach service in array array['user', 'event', 'queue', 'reservation', 'payment'] loop
        execute format('create schema if not exists %I authorization ticketing_migrator', service || '_service');
        execute format('grant usage on schema %I, common to %I', service || '_service', service || '_svc_user');
        execute format(
            'alter default privileges for role ticketing_migrator in schema %I grant select, insert, update, delete on tables to %I',
            service || '_service', service || '_svc_user'
        );
        execute format(
            'alter default privileges for role ticketing_migrator in schema %I grant usage on sequences to %I',
            service || '_service', service || '_svc_user'
        );
        execute format(
            'alter default privileges for role ticketing_migrator in schema %I grant execute on functions to %I',
            service || '_service', service || '_svc_user'
        );
    end loop;
end
$$;
