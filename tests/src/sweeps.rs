//! Switches the sweeper off for all targets, and on again whatever happens.

use crate::Cloud;

/// While this lives, neither an event nor the schedule starts a sweep. It changes what all stories stand
/// on, so it is for tests that run alone.
#[derive(Debug)]
pub struct NoSweeps {
    cloud: Cloud,
}

impl NoSweeps {
    /// From now on.
    pub async fn on(cloud: &Cloud) -> Self {
        let guard = Self {
            cloud: cloud.clone(),
        };
        for rule in guard.rules() {
            let said = cloud
                .aws(&["events", "disable-rule", "--name", &rule])
                .await;
            said.good("disable-rule");
        }
        guard
    }

    fn rules(&self) -> [String; 2] {
        let project = self.cloud.variable("CUTOVER_PROJECT");
        ["release-ended", "sweep"].map(|name| format!("{project}-{name}"))
    }
}

impl Drop for NoSweeps {
    fn drop(&mut self) {
        for rule in self.rules() {
            let mut enable = std::process::Command::new(self.cloud.aws_cli());
            enable.args(["events", "enable-rule", "--name", &rule]);
            match enable.envs(self.cloud.environment()).status() {
                Ok(status) if status.success() => {}
                other => eprintln!("the rule {rule} was not enabled again ({other:?})"),
            }
        }
    }
}
