-- Who changed a line's settings, the last change first.
select
    created_at as at,
    coalesce(operator, 'administrator ' || admin_id) as who,
    details
from queue_service.admin_audit_log
where target_type = 'EVENT' and target_id = $1
order by created_at desc
limit $2
