use axum::extract::State;
use common::{extract::Json, identity::Admin, vitals::Vitals};
use serde::Serialize;
use utoipa::ToSchema;

use super::problems::{Failures, Forbidden, Unauthenticated};
use crate::{
    db::standing::{self, Money},
    state::AppState,
};

/// What is under way, and how the process that answers is doing.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentStats {
    /// Null while the database does not answer.
    #[schema(required = true)]
    money: Option<MoneyUnderWay>,
    process: Vitals,
}

/// Payments, refunds and bookings.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MoneyUnderWay {
    payments: Payments,
    refunds: Refunds,
    sagas: Sagas,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PaymentsUnderWay)]
struct Payments {
    /// The buyer is in PortOne's window, or has closed it.
    begun: i64,
    /// Being charged, or PortOne has not said what became of it.
    confirming: i64,
    /// Of those begun in the last minute.
    lately_succeeded: i64,
    /// Of those begun in the last minute.
    lately_failed: i64,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RefundsUnderWay)]
struct Refunds {
    under_way: i64,
    /// Given up: somebody must look.
    failed: i64,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SagasUnderWay)]
struct Sagas {
    /// Paid, and not confirmed or cancelled yet.
    awaited: i64,
    /// Those of them that have waited too long: somebody must look.
    stuck: i64,
}

impl From<Money> for MoneyUnderWay {
    fn from(money: Money) -> Self {
        Self {
            payments: Payments {
                begun: money.begun,
                confirming: money.confirming,
                lately_succeeded: money.lately_succeeded,
                lately_failed: money.lately_failed,
            },
            refunds: Refunds {
                under_way: money.refunds_under_way,
                failed: money.refunds_failed,
            },
            sagas: Sagas {
                awaited: money.sagas_awaited,
                stuck: money.sagas_stuck,
            },
        }
    }
}

/// Tells what is under way. What is told is a second old at most, and costs the same for any number of who ask.
#[utoipa::path(
    get,
    path = "/payments/admin/stats",
    tag = "payment administration",
    responses((status = 200, description = "The numbers now", body = PaymentStats), Forbidden, Unauthenticated, Failures),
    security(("bearer" = [])),
)]
pub(crate) async fn stats(State(state): State<AppState>, _admin: Admin) -> Json<PaymentStats> {
    let counted = state.money.get(|| async {
        let mut connection = state.db.acquire().await?;
        Ok(standing::count(&mut connection, state.rules.saga_alarm_after).await?)
    });
    Json(PaymentStats {
        money: counted.await.ok().map(MoneyUnderWay::from),
        process: Vitals::now(),
    })
}
