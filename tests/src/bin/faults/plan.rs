//! What the local cloud is asked to inject, and the calls that it has noted.

use crate::fault::{Call, Fault, Point};
use end_to_end::{Cloud, FaultAt, FaultPlan};
use std::time::{SystemTime, UNIX_EPOCH};

/// For functions whose event holds one of these marks. Without a fault at a call, their calls are noted alone.
pub fn plan(cloud: &Cloud, marks: &[String], fault: Option<&Fault>) -> FaultPlan {
    let at = match fault {
        Some(Fault {
            point: Point::Call(call),
            kind,
        }) => FaultAt {
            function: &call.function,
            does: call.does.name(),
            call: call.call,
            kind: kind.name(),
        },
        _ => FaultAt::NONE,
    };
    FaultPlan::write(cloud, marks, at)
}

pub fn calls(plan: &FaultPlan) -> Vec<Call> {
    let calls = plan.calls().into_iter();
    let calls = calls.map(|call| serde_json::from_value(call).expect("a call as it is noted"));
    calls.collect()
}

/// One that nobody else has.
pub fn name() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    format!("fault-{}", now.expect("a clock").as_nanos())
}
