//! A fault that the local cloud injects into the calls of functions: local/ministack/faults.py.

use crate::Cloud;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// One call of a function, counted over all invocations of a plan.
#[derive(Debug, Clone, Copy)]
pub struct FaultAt<'a> {
    /// The function's name; without one the calls are only noted.
    pub function: &'a str,
    /// `change` or `read`: those are counted apart.
    pub does: &'a str,
    /// From 1 on.
    pub call: u64,
    /// What happens there, or `none`.
    pub kind: &'a str,
}

impl FaultAt<'_> {
    /// The calls are noted alone.
    pub const NONE: Self = Self {
        function: "",
        does: "",
        call: 0,
        kind: "none",
    };
}

/// In force for as long as it is held: the file that is read there, and the one that is written.
#[derive(Debug)]
pub struct FaultPlan {
    file: PathBuf,
    calls: PathBuf,
}

impl FaultPlan {
    /// For functions whose event holds one of these marks.
    pub fn write(cloud: &Cloud, marks: &[String], at: FaultAt<'_>) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let folder = cloud.root.join(".local/faults");
        std::fs::create_dir_all(&folder).expect("a folder for plans");
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = crate::unique(&format!("{}-{number}", std::process::id()));
        let plan = Self {
            file: folder.join(format!("{name}.plan")),
            calls: folder.join(format!("{name}.calls")),
        };
        let FaultAt {
            function,
            does,
            call,
            kind,
        } = at;
        let text =
            json!({"marks": marks, "function": function, "does": does, "call": call, "kind": kind});
        // There whole or not at all: it is read at any time.
        let new = plan.file.with_extension("new");
        std::fs::write(&new, text.to_string()).expect("a plan can be written");
        std::fs::rename(&new, &plan.file).expect("a plan can be put in its place");
        plan
    }

    /// Each call that was counted.
    pub fn calls(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.calls).unwrap_or_default();
        let lines = text.lines();
        let calls = lines.map(|line| serde_json::from_str(line).expect("a call is JSON"));
        calls.collect()
    }

    /// Whether the fault happened.
    pub fn is_met(&self) -> bool {
        self.calls().iter().any(|call| !call["fault"].is_null())
    }
}

impl Drop for FaultPlan {
    fn drop(&mut self) {
        for file in [&self.file, &self.calls] {
            let _ = std::fs::remove_file(file);
        }
    }
}
