//! The file by which the local cloud injects a fault, and the one in which it notes the calls.

use crate::fault::{Call, Fault, Point};
use end_to_end::Cloud;
use serde_json::json;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// In force for as long as it is held.
pub struct Plan {
    file: PathBuf,
    calls: PathBuf,
}

impl Plan {
    /// For functions whose event holds one of these marks. Without a fault at a call, their calls are noted alone.
    pub fn write(cloud: &Cloud, marks: &[String], fault: Option<&Fault>) -> Self {
        let folder = cloud.root.join(".local/faults");
        std::fs::create_dir_all(&folder).expect("a folder for plans");
        let name = name();
        let plan = Self {
            file: folder.join(format!("{name}.plan")),
            calls: folder.join(format!("{name}.calls")),
        };
        let mut text =
            json!({"marks": marks, "function": "", "does": "", "call": 0, "kind": "none"});
        if let Some(fault) = fault
            && let Point::Call(call) = &fault.point
        {
            text["function"] = json!(call.function);
            text["does"] = json!(call.does.name());
            text["call"] = json!(call.call);
            text["kind"] = json!(fault.kind.name());
        }
        // There whole or not at all: it is read at any time.
        let new = folder.join(format!("{name}.new"));
        std::fs::write(&new, text.to_string()).expect("a plan can be written");
        std::fs::rename(&new, &plan.file).expect("a plan can be put in its place");
        plan
    }

    pub fn calls(&self) -> Vec<Call> {
        let text = std::fs::read_to_string(&self.calls).unwrap_or_default();
        let lines = text.lines();
        let calls = lines.map(|line| serde_json::from_str(line).expect("a call is JSON"));
        calls.collect()
    }

    /// Whether a call met its fault.
    pub fn is_met(&self) -> bool {
        self.calls().iter().any(|call| call.fault.is_some())
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        for file in [&self.file, &self.calls] {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// One that nobody else has.
pub fn name() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    format!("fault-{}", now.expect("a clock").as_nanos())
}
