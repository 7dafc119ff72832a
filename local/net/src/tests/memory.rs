use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicUsize, Ordering},
};

use aws_sdk_route53::types::{ResourceRecord, ResourceRecordSet, RrType};
use hickory_proto::rr::Record;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    records::Zone,
    source::{Unreadable, absolute, to_records},
};

pub(crate) const ZONE: &str = "stage.myproj.localhost";

/// A Route 53 in memory, with one zone.
#[derive(Clone)]
pub(crate) struct Memory {
    sets: Arc<Mutex<Vec<ResourceRecordSet>>>,
    failing: Arc<Mutex<bool>>,
    reads: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Default for Memory {
    fn default() -> Self {
        let memory = Self {
            sets: Arc::default(),
            failing: Arc::default(),
            reads: Arc::default(),
            gate: Arc::new(Semaphore::new(1)),
        };
        let soa = "ns-1.example. hostmaster.example. 1 7200 900 1209600 1";
        memory.set(ZONE, "SOA", 1, &[soa]);
        memory
    }
}

impl Memory {
    pub(crate) async fn zones(&self) -> Result<Vec<Zone>, Unreadable> {
        let records = self.records();
        let failing = *lock(&self.failing);
        self.reads.fetch_add(1, Ordering::SeqCst);
        let _passed = self.gate.acquire().await.expect("the gate is never closed");
        if failing {
            return Err(Unreadable::because("it was told to fail"));
        }
        Ok(vec![Zone::new(absolute(ZONE).unwrap(), records)])
    }

    /// Creates or replaces a record set, as UPSERT does.
    pub(crate) fn set(&self, name: &str, kind: &str, ttl: i64, values: &[&str]) {
        let set = record_set(name, kind, ttl, values);
        let mut sets = lock(&self.sets);
        sets.retain(|other| (&other.name, &other.r#type) != (&set.name, &set.r#type));
        sets.push(set);
    }

    pub(crate) fn fail(&self, failing: bool) {
        *lock(&self.failing) = failing;
    }

    /// Reads that have begun.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// Holds up every read, after it has seen the records, until the answer is dropped.
    pub(crate) fn hold(&self) -> SemaphorePermit<'_> {
        self.gate.try_acquire().expect("no read is under way")
    }

    fn records(&self) -> Vec<Record> {
        lock(&self.sets).iter().flat_map(to_records).collect()
    }
}

pub(crate) fn record_set(name: &str, kind: &str, ttl: i64, values: &[&str]) -> ResourceRecordSet {
    let values = values.iter().map(|value| {
        let record = ResourceRecord::builder().value(*value);
        record.build().expect("a record with a value")
    });
    ResourceRecordSet::builder()
        .name(name)
        .r#type(RrType::from(kind))
        .ttl(ttl)
        .set_resource_records(Some(values.collect()))
        .build()
        .expect("a record set with a name and a type")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics with the lock")
}
