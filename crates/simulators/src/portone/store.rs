use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::PortoneError;
use super::payment::Payment;
use crate::journal::{Entry, Journal};
use crate::state::lock;

/// PortOne's books. One lock for all of them: each visit is a few comparisons and an append to the journal, which must
/// see the changes in the order in which they happened.
pub(crate) struct Payments {
    journal: Arc<Journal>,
    by_id: Mutex<HashMap<String, Payment>>,
}

impl Payments {
    pub(crate) fn new(journal: Arc<Journal>, payments: Vec<Payment>) -> Self {
        let by_id = payments
            .into_iter()
            .map(|payment| (payment.id.clone(), payment))
            .collect();
        Self {
            journal,
            by_id: Mutex::new(by_id),
        }
    }

    /// Runs `change` on a payment that has at least been pre-registered. The payment is written down only if `change`
    /// succeeds, which must therefore not touch it before it knows that it will.
    pub(crate) fn change<T, E>(&self, id: &str, change: impl FnOnce(&mut Payment) -> Result<T, E>) -> Result<T, E>
    where
        E: From<PortoneError>,
    {
        let mut by_id = lock(&self.by_id);
        let payment = by_id.get_mut(id).ok_or(PortoneError::PaymentNotFound)?;
        let outcome = change(payment)?;
        self.journal.append(&Entry::Payment(Box::new(payment.clone())));
        Ok(outcome)
    }

    /// Like [`Self::change`], making the payment first if it is new.
    pub(crate) fn change_or_insert(
        &self,
        id: &str,
        insert: impl FnOnce() -> Payment,
        change: impl FnOnce(&mut Payment) -> Result<(), PortoneError>,
    ) -> Result<(), PortoneError> {
        let mut by_id = lock(&self.by_id);
        let payment = by_id.entry(id.to_owned()).or_insert_with(insert);
        change(payment)?;
        self.journal.append(&Entry::Payment(Box::new(payment.clone())));
        Ok(())
    }

    pub(crate) fn find(&self, id: &str) -> Option<Payment> {
        lock(&self.by_id).get(id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Payment> {
        lock(&self.by_id).values().cloned().collect()
    }
}
