-- Of which request and trace the confirm was, so that whoever settles the payment later (a webhook, the reconciler) goes on in it.
alter table payment_service.payments
    add column confirm_request_id text,
    add column confirm_traceparent text;
