//! The state machine's states that a person follows.

/// The columns of the table, in the order in which a release passes them.
pub const STAGES: [Stage; 9] = [
    Stage::of("Prepare workspace", ["Prepare", "workspace"], "Prepare"),
    Stage::of("Unit tests", ["Unit", "tests"], "Unit"),
    Stage::of("Build", ["", "Build"], "Build"),
    Stage::of("Push artifacts", ["Push", "artifacts"], "Push"),
    Stage::of("Deploy (initial)", ["Deploy", "(initial)"], "Deploy"),
    Stage::of("Integration tests", ["Integration", "tests"], "Tests"),
    Stage::of("Deploy (cutover)", ["Deploy", "(cutover)"], "Cutover"),
    Stage::of("Drain", ["", "Drain"], "Drain"),
    Stage::of("Terminate previous", ["Terminate", "previous"], "Ended"),
];

/// The columns that a reused artifact leaves out.
pub const OF_THE_BUILD: std::ops::Range<usize> = 1..4;
/// Columns before it belong to one component each.
pub const INTEGRATION_TESTS: usize = 5;
/// The last one.
pub const TERMINATE_PREVIOUS: usize = 8;
/// The one that moves the aliases.
pub const CUTOVER: &str = "Deploy (cutover)";
/// The parallel state around unit tests and build.
pub const UNIT_TESTS_AND_BUILD: &str = "Unit tests | Build";

/// The one that every round of tests begins with.
pub const PLAN_COMPANIONS: &str = "Plan companions";

/// States of the whole release that have no column but take a noticeable time.
pub const WITHOUT_COLUMN: [&str; 8] = [
    "Plan release",
    PLAN_COMPANIONS,
    "Publish peers",
    "Publish hostnames",
    "Tag release",
    "Discard candidates",
    "Roll back",
    "Terminate rolled back",
];

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    /// The state's name.
    pub name: &'static str,
    /// The name on two lines, for tables of a usual width.
    pub lines: [&'static str; 2],
    /// For narrow ones.
    pub short: &'static str,
}

impl Stage {
    const fn of(name: &'static str, lines: [&'static str; 2], short: &'static str) -> Self {
        Self { name, lines, short }
    }
}

/// The column of a state.
pub fn column(state: &str) -> Option<usize> {
    STAGES.iter().position(|stage| stage.name == state)
}

/// The folder of a state's function, by which its log is named; `None` where no function runs.
pub fn folder(state: &str) -> Option<&'static str> {
    Some(match state {
        "Plan release" => "plan-release",
        "Prepare workspace" => "prepare-workspace",
        "Plan companions" => "plan-companions",
        "Publish peers" => "publish-peers",
        "Unit tests" => "unit-tests",
        "Build" => "build",
        "Push artifacts" => "push-artifacts",
        "Deploy (initial)" => "deploy-initial",
        "Publish hostnames" => "publish-hostnames",
        "Integration tests" | "Run suite" => "integration-tests",
        "Deploy (cutover)" | "Roll back" => "cutover",
        "Watch release" => "watch-release",
        "Terminate previous" | "Terminate rolled back" => "terminate-previous",
        "Tag release" => "tag-release",
        "Discard candidates" => "discard-candidates",
        _ => return None,
    })
}

/// Folders whose function runs a user's command or starts an instance: they leave logs in the
/// bucket, the others only their own log group.
pub fn leaves_a_log(folder: &str) -> bool {
    matches!(
        folder,
        "unit-tests" | "build" | "integration-tests" | "deploy-initial"
    )
}

/// All folders, in the order in which a release passes them.
pub const FOLDERS: [&str; 16] = [
    "start-release",
    "plan-release",
    "prepare-workspace",
    "plan-companions",
    "publish-peers",
    "unit-tests",
    "build",
    "push-artifacts",
    "deploy-initial",
    "publish-hostnames",
    "integration-tests",
    "cutover",
    "watch-release",
    "terminate-previous",
    "tag-release",
    "discard-candidates",
];
