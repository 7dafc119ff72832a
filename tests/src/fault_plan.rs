//! A fault that the local cloud injects into the calls of functions: local/ministack/faults.py.

use crate::Cloud;
use serde_json::{Value, json};
use std::path::PathBuf;

/// The file that is read there, and the one that is written; both go with this.
#[derive(Debug)]
pub struct FaultPlan {
    file: PathBuf,
    calls: PathBuf,
}

impl FaultPlan {
    /// What happens at a call of a function, counted over all invocations whose event holds the mark.
    pub fn write(cloud: &Cloud, mark: &str, function: &str, call: u64, kind: &str) -> Self {
        let folder = cloud.root.join(".local/faults");
        std::fs::create_dir_all(&folder).expect("a folder for plans");
        let name = format!("{mark}-{function}-{call}-{kind}");
        let plan = Self {
            file: folder.join(format!("{name}.plan")),
            calls: folder.join(format!("{name}.calls")),
        };
        let text = json!({"mark": mark, "function": function, "call": call, "kind": kind});
        // There whole or not at all: it is read at any time.
        let new = plan.file.with_extension("new");
        std::fs::write(&new, text.to_string()).expect("a plan can be written");
        std::fs::rename(&new, &plan.file).expect("a plan can be put in its place");
        plan
    }

    /// Each call that was counted, a line of JSON.
    pub fn calls(&self) -> String {
        std::fs::read_to_string(&self.calls).unwrap_or_default()
    }

    /// Whether the fault happened.
    pub fn is_met(&self) -> bool {
        let calls = self.calls();
        let met = |line: &str| {
            let call: Value = serde_json::from_str(line).expect("a call is JSON");
            !call["fault"].is_null()
        };
        calls.lines().any(met)
    }
}

impl Drop for FaultPlan {
    fn drop(&mut self) {
        for file in [&self.file, &self.calls] {
            let _ = std::fs::remove_file(file);
        }
    }
}
