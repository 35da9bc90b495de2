use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    domain::{CURRENCY, Payment, portone_id},
    state::AppState,
};

/// What the front end hands to PortOne's browser SDK.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Checkout {
    store_id: String,
    channel_key: String,
    /// Our payment's id without hyphens.
    payment_id: String,
    order_name: String,
    /// Won.
    total_amount: i64,
    #[schema(example = "KRW")]
    currency: &'static str,
    #[schema(example = "CARD")]
    pay_method: &'static str,
    /// Where the window leads back to on a phone.
    redirect_url: String,
    customer: Customer,
}

/// Who pays. Only our id of them: PortOne's window asks for the rest itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Customer {
    customer_id: Uuid,
}

impl Checkout {
    pub(super) fn new(state: &AppState, payment: &Payment) -> Self {
        Self {
            store_id: state.portone.store_id().to_owned(),
            channel_key: state.checkout.channel_key.clone(),
            payment_id: portone_id(payment.id),
            order_name: payment.order_name.clone(),
            total_amount: payment.amount,
            currency: CURRENCY,
            pay_method: "CARD",
            redirect_url: state.checkout.redirect_url.clone(),
            customer: Customer {
                customer_id: payment.user_id,
            },
        }
    }
}
