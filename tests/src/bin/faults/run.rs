//! One fault: a plan, a release, and what became of it.

use crate::fault::{Call, Fault, Kind, Point};
use crate::ground::Ground;
use crate::verdict;
use end_to_end::{Cloud, Ended, Execution, Traffic, until};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// No release takes so long, whatever happens to it: what takes longer hangs.
const LIMIT: Duration = Duration::from_secs(300);
/// What is late is done so long after its function was killed (local/ministack/faults.py, LATE), and a moment.
const LATE: Duration = Duration::from_secs(14);

/// Between two looks for a state.
const LOOK: Duration = Duration::from_millis(20);

/// What became of a release that met a fault.
pub struct Done {
    pub fault: Fault,
    /// `live`, or the error that it ended with.
    pub ending: String,
    pub requests: u64,
    /// Whether the fault was met at all.
    pub is_met: bool,
    pub wrong: Vec<String>,
    /// Whether its components cannot be used for the next fault.
    pub is_spoiled: bool,
}

/// The file that local/ministack/faults.py reads, and the one that it writes.
struct Plan {
    file: PathBuf,
    calls: PathBuf,
}

impl Plan {
    fn write(cloud: &Cloud, mark: &str, point: Option<(&Call, Kind)>) -> Self {
        let folder = cloud.root.join(".local/faults");
        std::fs::create_dir_all(&folder).expect("a folder for plans");
        let plan = Self {
            file: folder.join(format!("{mark}.plan")),
            calls: folder.join(format!("{mark}.calls")),
        };
        let (function, call, kind) = match point {
            Some((call, kind)) => (call.function.as_str(), call.call, kind.name()),
            None => ("", 0, "none"),
        };
        let text = json!({"mark": mark, "function": function, "call": call, "kind": kind});
        // There whole or not at all: it is read at any time.
        let new = folder.join(format!("{mark}.new"));
        std::fs::write(&new, text.to_string()).expect("a plan can be written");
        std::fs::rename(&new, &plan.file).expect("a plan can be put in its place");
        plan
    }

    fn calls(&self) -> Vec<Call> {
        let text = std::fs::read_to_string(&self.calls).unwrap_or_default();
        let lines = text.lines();
        let calls = lines.map(|line| serde_json::from_str(line).expect("a call is JSON"));
        calls.collect()
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        for file in [&self.file, &self.calls] {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// A release without a fault: its calls, and the states that it stays in.
pub async fn record(ground: &mut Ground) -> (Vec<Call>, BTreeSet<String>) {
    let name = name();
    let plan = Plan::write(&ground.components[0].cloud, &name, None);
    let (execution, brought) = ground.begin(&name).await;
    let ended = execution.end(LIMIT).await;
    ground.open();
    let wrong = verdict::look(ground, &ended, &brought).await;
    assert_eq!(wrong, Vec::<String>::new(), "without a fault: {ended:#?}");
    ground.look().await;
    let states = execution.lasting_states().await.into_iter().collect();
    (plan.calls(), states)
}

/// A release with one.
pub async fn inject(ground: &mut Ground, fault: Fault) -> Done {
    let name = name();
    let cloud = ground.components[0].cloud.clone();
    let traffic: Vec<Traffic> = ground.components.iter().map(Traffic::on).collect();
    let plan = match &fault.point {
        Point::Call(call) => Some(Plan::write(&cloud, &name, Some((call, fault.kind)))),
        Point::State(_) => None,
    };
    let (execution, brought) = ground.begin(&name).await;
    let mut is_met = false;
    if let Point::State(state) = &fault.point {
        is_met = stop_in(&execution, state).await;
    }
    let ended = ended(&execution).await;
    ground.open();
    if let Some(plan) = &plan {
        is_met = plan.calls().iter().any(|call| call.fault.is_some());
    }
    if fault.kind == Kind::Late && is_met {
        tokio::time::sleep(LATE).await;
        // As its schedule does, every 15 minutes.
        let target = ground.components[0].target;
        let swept = cloud.cutover(&["sweep", "--target", target]).await;
        drop(swept);
    }
    let mut wrong = match &ended {
        Some(ended) => verdict::look(ground, ended, &brought).await,
        None => vec![format!("it hangs, in {}", last_of(&execution).await)],
    };
    let mut requests = 0;
    for (number, one) in traffic.into_iter().enumerate() {
        let seen = one.stop().await;
        requests += seen.requests;
        wrong.extend(verdict::answers(ground, number, &seen, &brought));
    }
    let is_spoiled = !wrong.is_empty();
    if !is_spoiled {
        ground.look().await;
    }
    Done {
        ending: ended.map_or("hangs".into(), |ended| ending(&ended)),
        fault,
        requests,
        is_met,
        wrong,
        is_spoiled,
    }
}

fn ending(ended: &Ended) -> String {
    match &ended.output {
        Some(output) => output["outcome"]
            .as_str()
            .unwrap_or("no outcome")
            .to_owned(),
        None if ended.status == "ABORTED" => "stopped".to_owned(),
        None => ended.error.clone(),
    }
}

/// Whether it was stopped there.
async fn stop_in(execution: &Execution, state: &str) -> bool {
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
async fn ended(execution: &Execution) -> Option<Ended> {
    let over = until(LIMIT, async || {
        (execution.status().await != "RUNNING").then_some(())
    });
    over.await?;
    Some(execution.end(LIMIT).await)
}

async fn last_of(execution: &Execution) -> String {
    let states = execution.states().await;
    states.last().cloned().unwrap_or_default()
}

/// In the event of each of its functions, and in nobody else's.
fn name() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    format!("fault-{}", now.expect("a clock").as_nanos())
}
