-- Who may do what on the database itself. Repeated for every copy of a template, because a copy does not inherit it.
do $$
begin
    execute format('revoke all on database %I from public', current_database());
    execute format('grant create on database %I to ticketing_migrator', current_database());
    execute format(
        'grant connect on database %I to user_svc_user, event_svc_user, queue_svc_user, reservation_svc_user, payment_svc_user',
        current_database()
    );
end
$$;
