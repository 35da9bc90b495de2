use common::address::customer_of;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many connections each client address has open.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One open connection; counted until this is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// Counts one more, unless the address has `max` already.
    pub(super) fn count(&self, address: IpAddr, max: usize) -> Option<Counted> {
        let address = customer_of(address);
        let mut open = self.open();
        let count = open.entry(address).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Counted {
            addresses: self.clone(),
            address,
        })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.addresses.open();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_count_and_gets_it_back() {
        let addresses = Addresses::default();
        let count = |text: &str| addresses.count(text.parse().unwrap(), 2);
        let (first, _second) = (count("10.0.0.1").unwrap(), count("::ffff:10.0.0.1").unwrap());
        assert!(count("10.0.0.1").is_none());
        assert!(count("10.0.0.2").is_some());
        drop(first);
        assert!(count("10.0.0.1").is_some());
        let _house = (count("2001:db8::1").unwrap(), count("2001:db8::2").unwrap());
        assert!(count("2001:db8::3").is_none());
        assert!(count("2001:db8:0:1::1").is_some());
        assert_eq!(addresses.open().len(), 2, "who has left is forgotten");
    }
}
