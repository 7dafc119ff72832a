//! What every scenario does with the executions that a fault may meet.

use crate::fault::{Call, Fault, Kind, Point};
use crate::scenario::Scenario;
use end_to_end::{Cloud, Ended, Execution, FaultPlan, until};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// No execution takes so long, whatever happens to it: what takes longer hangs.
pub const LIMIT: Duration = Duration::from_secs(300);
/// What is late is done so long after its function was killed (local/ministack/faults.py, LATE), and a moment.
pub const LATE: Duration = Duration::from_secs(14);
/// Nothing is left so long after the end.
pub const LEFT: Duration = Duration::from_secs(120);

/// Between two looks for a state.
const LOOK: Duration = Duration::from_millis(20);

/// What a scenario stands on, and what it does there.
pub trait Ground: Sized {
    /// Ready for the first fault.
    async fn new(cloud: &Cloud, scenario: Scenario, worker: &str) -> Self;

    /// Does it once, under this fault or under none, and judges what became of it.
    async fn act(&mut self, fault: Option<&Fault>) -> Act;

    /// Takes away what nobody else does; answers what is wrong with that.
    async fn close(self) -> Vec<String>;
}

/// What became of it.
#[derive(Debug, Default)]
pub struct Act {
    /// `live`, or another good outcome, or the error that it ended with.
    pub ending: String,
    /// Whether that is a good one, and not an error.
    pub is_good: bool,
    pub requests: u64,
    /// Whether the fault was met at all.
    pub is_met: bool,
    pub wrong: Vec<String>,
    /// Of the functions that faults are for.
    pub calls: Vec<Call>,
    /// Those that took time.
    pub states: BTreeSet<String>,
}

impl Act {
    /// How it ended.
    pub fn ended(&mut self, ended: &Ended) {
        self.ending = ending(ended);
        self.is_good = ended.status == "SUCCEEDED";
    }

    /// It has not ended, and nothing else is known.
    pub fn hangs(&mut self, what: String) {
        self.ending = "hangs".to_owned();
        self.wrong.push(what);
    }
}

/// Stops the execution, if that is the fault; answers whether it did.
pub async fn stop(execution: &Execution, fault: Option<&Fault>) -> bool {
    match fault.map(|fault| &fault.point) {
        Some(Point::State(state)) => stop_in(execution, state).await,
        _ => false,
    }
}

/// Whether it was stopped there.
pub async fn stop_in(execution: &Execution, state: &str) -> bool {
    // Looked for without a pause that grows: some states are over in a moment.
    let ends = Instant::now() + LIMIT;
    while Instant::now() < ends {
        if execution.states().await.iter().any(|one| one == state) {
            return execution.stop_in_time().await.is_ok();
        }
        if execution.status().await != "RUNNING" {
            return false;
        }
        tokio::time::sleep(LOOK).await;
    }
    false
}

/// `None` where it does not end.
pub async fn ended(execution: &Execution) -> Option<Ended> {
    let over = until(LIMIT, async || {
        (execution.status().await != "RUNNING").then_some(())
    });
    over.await?;
    Some(execution.end(LIMIT).await)
}

/// How one says that it hangs.
pub async fn hangs(execution: &Execution) -> String {
    let states = execution.states().await;
    let last = states.last().cloned().unwrap_or_default();
    format!("{} hangs, in {last}", execution.name)
}

/// Follows an execution to its end, stopped if that is the fault, and notes of it what an act says of any.
pub async fn to_its_end(
    execution: &Execution,
    fault: Option<&Fault>,
    plan: &FaultPlan,
    act: &mut Act,
) -> Option<Ended> {
    let is_stopped = stop(execution, fault).await;
    let Some(ended) = ended(execution).await else {
        act.hangs(hangs(execution).await);
        return None;
    };
    act.states = execution.lasting_states().await.into_iter().collect();
    act.is_met = is_stopped || plan.is_met();
    act.ended(&ended);
    Some(ended)
}

/// Waits until what comes late has come.
pub async fn wait_for_late(fault: Option<&Fault>) -> bool {
    let is_late = fault.is_some_and(|fault| fault.kind == Kind::Late);
    if is_late {
        tokio::time::sleep(LATE).await;
    }
    is_late
}

/// In one word.
fn ending(ended: &Ended) -> String {
    match &ended.output {
        Some(output) => output["outcome"].as_str().unwrap_or("done").to_owned(),
        None if ended.status == "ABORTED" => "stopped".to_owned(),
        None => ended.error.clone(),
    }
}

/// What a cause does not name of these: each a description, and texts of which one must be in it.
pub fn unnamed(ended: &Ended, parts: &[(&str, &[&str])]) -> Vec<String> {
    let cause = &ended.cause;
    let missing = parts
        .iter()
        .filter(|(_, texts)| !texts.iter().any(|text| cause.contains(text)));
    let said = missing.map(|(what, _)| format!("its cause does not name {what}: {cause}"));
    match ended.status.as_str() {
        "FAILED" | "TIMED_OUT" => said.collect(),
        _ => Vec::new(),
    }
}
