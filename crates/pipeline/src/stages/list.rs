//! Rendered by `make render` from statemachine/*.yaml and functions/*/function.yaml, in the states' order.

use super::{Machine, Stage};

/// What should run does run: instances that are gone or ill are replaced.
pub const KEEP: &[Stage] = &[
    Stage::task("Keep", "keep"),
];

/// One release: 1..N components to one target.
pub const RELEASE: &[Stage] = &[
    Stage::task("Plan release", "plan-release").below(),
    Stage::task("Undo plan", "discard-candidates"),
    Stage::task("Tag what is live", "tag-release").below(),
    Stage::task("Prepare workspace", "prepare-workspace").column(["Prepare", "workspace"], "Prepare"),
    Stage::task("Plan companions", "plan-companions").below(),
    Stage::task("Publish peers", "publish-peers").below(),
    Stage::task("Unit tests", "unit-tests").column(["Unit", "tests"], "Unit").with_log(),
    Stage::task("Prepare unit tests", "prepare-command"),
    Stage::task("Collect unit tests", "collect-command"),
    Stage::task("Build", "build").column(["", "Build"], "Build").with_log(),
    Stage::task("Prepare build", "prepare-command"),
    Stage::task("Collect build", "collect-command"),
    Stage::task("Push artifacts", "push-artifacts").column(["Push", "artifacts"], "Push"),
    Stage::task("Deploy (initial)", "deploy-initial").column(["Deploy", "(initial)"], "Deploy").with_log(),
    Stage::task("Publish hostnames", "publish-hostnames").below(),
    Stage::task("Integration tests", "integration-tests").column(["Integration", "tests"], "Tests").with_log(),
    Stage::task("Run suite", "integration-tests").with_log(),
    Stage::task("Prepare suite", "prepare-command"),
    Stage::task("Collect suite", "collect-command"),
    Stage::task("Record libraries", "push-artifacts").below(),
    Stage::task("Look before cutover", "watch-release"),
    Stage::task("Deploy (cutover)", "cutover").column(["Deploy", "(cutover)"], "Cutover"),
    Stage::wait("Drain").column(["", "Drain"], "Drain"),
    Stage::task("Watch release", "watch-release"),
    Stage::task("Terminate previous", "terminate-previous").column(["Terminate", "previous"], "Ended"),
    Stage::task("Keep caches", "push-artifacts"),
    Stage::task("Tag release", "tag-release").below(),
    Stage::task("Roll back", "cutover").below(),
    Stage::task("Terminate rolled back", "terminate-previous").below(),
    Stage::task("Discard candidates", "discard-candidates").below(),
    Stage::task("Record cutover", "cutover"),
];

/// What ended executions have left is taken away: on one target, or on all.
pub const SWEEP: &[Stage] = &[
    Stage::task("Sweep", "sweep"),
];

/// A whole target: provisioned, or torn down.
pub const TARGET: &[Stage] = &[
    Stage::task("Plan target", "plan-target"),
    Stage::task("Apply stack", "apply-stack"),
    Stage::task("Look at stack", "look-at-stack"),
    Stage::task("Prove target usable", "prove-target-usable"),
    Stage::task("Record target", "record-target"),
    Stage::task("Close target", "close-target"),
    Stage::task("Clear target", "clear-target"),
    Stage::task("Delete stack", "delete-stack"),
    Stage::task("Look at deletion", "look-at-stack"),
    Stage::task("Forget target", "forget-target"),
    Stage::task("Prove nothing is left", "prove-nothing-is-left"),
];

/// All of them, by their names.
pub const MACHINES: &[Machine] = &[
    Machine {
        name: "keep",
        stages: KEEP,
        effects: &[
            "Users may be sent to",
            "Users are sent to",
        ],
    },
    Machine {
        name: "release",
        stages: RELEASE,
        effects: &[
            "Users may be affected",
            " leads to ",
            " lead to ",
            "does not exist yet",
            "No alias was moved",
            "still points at",
            "still point at",
            "is live",
            "are live",
            "nothing changed for users",
        ],
    },
    Machine {
        name: "sweep",
        stages: SWEEP,
        effects: &[
            "Users are not affected",
        ],
    },
    Machine {
        name: "target",
        stages: TARGET,
        effects: &[
            "is as it was",
            "no release goes there",
            "releases go there as before",
            "stays closed to new releases",
            "stays closed to releases",
            "closed to releases already is not known",
        ],
    },
];

/// The functions that no state calls.
pub const WITHOUT_STATE: &[&str] = &[
    "start-release",
];
